"""A corridor: N positions in a row, of which the last is the goal. Its rules are these few lines, which `corridor_environment` offers to Gymnasium."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lal.reinforcement.environment import EnvironmentPart, Observation, World

LEFT, RIGHT = 0, 1
STEP_REWARD, GOAL_REWARD = -1.0, 10.0


class Corridor(EnvironmentPart):
    """From position 0 to N - 1 by steps to the left or right; walls hold.

    Each step costs 1, and the one that reaches the goal brings 10 instead: R* = 10 - (N - 2) = 12 - N, in N - 1 steps. Seen is position / N.
    """

    kind: Literal["corridor"] = "corridor"
    size: Annotated[int, Field(ge=2, le=100_000, description="positions N, of which the last is the goal")] = 30
    max_steps: Annotated[int, Field(ge=1, le=1_000_000, description="steps after which an episode's time is up")] = 50

    @model_validator(mode="after")
    def _goal_in_reach(self) -> Corridor:
        if self.size - 1 > self.max_steps:
            raise ValueError(
                f"max_steps must let the goal be reached, which takes size - 1 = {self.size - 1} steps, but got max_steps={self.max_steps}; "
                f"write max_steps: {2 * self.size}, or a smaller size"
            )
        return self

    @property
    def label(self) -> str:
        return f"corridor{self.size}"

    @property
    def n_inputs(self) -> int:
        return 1

    @property
    def n_actions(self) -> int:
        return 2

    @property
    def longest(self) -> int:
        return self.max_steps

    @property
    def optimum(self) -> float:
        return GOAL_REWARD + STEP_REWARD * (self.size - 2)

    @property
    def aim(self) -> float:
        return self.optimum

    @property
    def shape(self) -> tuple[int]:
        return (self.size,)

    def build(self) -> World:
        return CorridorWorld(self.size, self.max_steps)


def moved(position: int, action: int, size: int) -> int:
    """The position after `action`."""
    return min(position + 1, size - 1) if action == RIGHT else max(position - 1, 0)


class CorridorWorld(World):
    """See `Corridor`. Nothing in it is random."""

    def __init__(self, size: int, max_steps: int):
        self.size, self.max_steps = size, max_steps
        self.position = self.time = 0

    def reset(self, seed: int) -> Observation:
        self.position = self.time = 0
        return (0.0,)

    def step(self, action: int) -> tuple[Observation, float, bool, bool]:
        self.position = moved(self.position, action, self.size)
        self.time += 1
        there = self.position == self.size - 1
        return (self.position / self.size,), GOAL_REWARD if there else STEP_REWARD, there, not there and self.time >= self.max_steps
