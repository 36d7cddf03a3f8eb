"""How far a run goes, and when it is over before that. Not part of its identity: more budget continues it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from lal.part import Part

Steps = Annotated[int, Field(ge=0, le=10**10)]


class Tail(Part):
    """What is trained after success, because stability, depth and circuits are read there: max(min_steps, factor x T_grok) steps."""

    factor: Annotated[float, Field(ge=0, le=1000)] = 1.0
    min_steps: Steps = 1000


class Stop(Part):
    """Success: the goal column at or over `at_least` at every evaluation for `sustain` steps, then the tail."""

    at_least: Annotated[float, Field(description="target of the goal column (test accuracy)")] = 0.99
    sustain: Annotated[Steps, Field(description="one crossing is not success: slingshots take runs back")] = 500
    tail: Tail = Tail()


class Futility(Part):
    """When to give up early. Runs that end so are censored, as those that used their budget."""

    memorise_by: Annotated[int | None, Field(ge=1, description="step by which the training set must be learned; null = off")] = None
    max_tau: Annotated[float | None, Field(gt=0, description="cap on the decay time sum(lr * weight_decay); null = off")] = None


class Budget(Part):
    """The most a run may train, and the rules that end it sooner."""

    steps: Annotated[int, Field(ge=1, le=10**10, description="most optimizer steps")] = 50_000
    stop: Annotated[Stop | None, Field(description="success stopping; null = always use the whole budget")] = Stop()
    futility: Futility = Futility()
    checkpoint_every_s: Annotated[float, Field(gt=0, le=3600, description="most work that a kill may lose, in seconds")] = 10.0
    timeout_s: Annotated[float | None, Field(gt=0, description="wall time after which one attempt is ended as a timeout; null = off")] = None
    hang_s: Annotated[float | None, Field(gt=0, description="wall time without a row after which a sweep ends a run as a timeout; null = never")] = 600.0

    @model_validator(mode="after")
    def _deadline_comes(self) -> Budget:
        deadline = self.futility.memorise_by
        if deadline is not None and deadline > self.steps:
            raise ValueError(f"futility.memorise_by={deadline} would have no effect: the budget ends before, at steps={self.steps}; remove it or write less")
        return self
