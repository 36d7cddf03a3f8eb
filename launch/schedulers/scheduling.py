"""Schedulers of Ray Tune that compare runs while they are trained, and cut those that are behind. Their specs import neither torch nor ray.

On test accuracy they remove the runs that generalise late, which are what is studied. Hence `accept_late_grok_bias`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from lal.events import Goal
from lal.part import Part, union

MEASURED = "replayed on 78 public curves, such rules stopped 51-81 % of the runs that would have generalised"
LATE = f"accept_late_grok_bias must be true: runs that generalise late look worst until they do, and {MEASURED}"
ABSENT = {
    "pbt": "it changes settings and copies weights in the middle of a run, so that no run would be what its configuration says",
    "pb2": "it changes settings and copies weights in the middle of a run, so that no run would be what its configuration says",
    "hyperband": "it pauses runs until others have caught up, and gives their place away; asha does the same without pauses",
    "plateau": "a rule on one run is `budget.futility`; `lal replay --scheduler plateau` shows what it would have cost",
}
Results = Sequence[dict[str, Any]]  # evaluations of one run, ascending: {"step": step, goal column: value}


class Comparing(Part, ABC):
    """What compares runs while they are trained."""

    kind: str
    accept_late_grok_bias: Annotated[bool, Field(description="must be true: says that late generalisers may be cut")] = False
    grace: Annotated[int, Field(ge=1, le=10**10, description="steps that every run is trained before it may be cut")]

    @abstractmethod
    def build(self, goal: Goal, steps: int) -> Any:
        """The `ray.tune.schedulers` member, for runs of at most `steps`."""

    @abstractmethod
    def recall(self, scheduler: Any, run: Any, results: Results) -> None:
        """Has `scheduler`, which this built, know a finished run as if it had seen it. `run`: anything with a `trial_id`."""


class Asha(Comparing):
    """Asynchronous successive halving (Li et al. 2020, MLSys): at rungs of grace x reduction^k steps, runs outside of the best 1/reduction so far are cut."""

    kind: Literal["asha"] = "asha"
    reduction: Annotated[float, Field(gt=1, le=100, description="one of so many goes on at each rung")] = 4.0

    def build(self, goal: Goal, steps: int) -> Any:
        from ray.tune.schedulers import AsyncHyperBandScheduler

        return AsyncHyperBandScheduler(
            time_attr="step", metric=goal.column, mode=goal.direction, grace_period=self.grace, reduction_factor=self.reduction, max_t=max(steps, self.grace)
        )

    def recall(self, scheduler: Any, run: Any, results: Results) -> None:
        scheduler.on_trial_add(None, run)
        for result in results:
            scheduler.on_trial_result(None, run, result)  # what it says of it is no news


class Median(Comparing):
    """Median stopping (Golovin et al. 2017, KDD): a run is cut whose best value so far is below the median of the others' running means."""

    kind: Literal["median"] = "median"
    min_runs: Annotated[int, Field(ge=1, le=10_000, description="other runs that must have got as far")] = 3

    def build(self, goal: Goal, steps: int) -> Any:
        from ray.tune.schedulers import MedianStoppingRule

        return MedianStoppingRule(
            time_attr="step",
            metric=goal.column,
            mode=goal.direction,
            grace_period=self.grace,
            min_samples_required=self.min_runs,
            min_time_slice=float("inf"),  # type: ignore[arg-type]  # never paused to wait for others: a run gives its place away only at its end
        )

    def recall(self, scheduler: Any, run: Any, results: Results) -> None:
        for result in results:
            scheduler.on_trial_complete(None, run, result)  # which keeps it, and decides nothing


SCHEDULES = (Asha, Median)


def known(written: Any) -> Any:
    """Refuses by name the schedulers that are left out on purpose, and all without consent."""
    if isinstance(written, dict) and written.get("kind") in ABSENT:
        raise ValueError(f"kind must be one of asha, median, but is {written['kind']!r}: {ABSENT[written['kind']]}; write another, or remove `schedule`")
    return written


def refuse_unagreed(schedule: Any) -> Any:
    """`schedule`, if its author knows what it removes."""
    if not schedule.accept_late_grok_bias:
        raise ValueError(f"{LATE}; success stopping is on by default and stops none of them; write it if you must, or remove `schedule`")
    return schedule


if TYPE_CHECKING:
    AnySchedule = Asha | Median
else:
    AnySchedule = Annotated[union(SCHEDULES), BeforeValidator(known), AfterValidator(refuse_unagreed)]
