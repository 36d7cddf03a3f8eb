"""A grid world: H rows and W columns of positions, of which the far corner is the goal. `grid_world_environment` offers its rules to Gymnasium."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lal.reinforcement.corridor import GOAL_REWARD, STEP_REWARD
from lal.reinforcement.environment import EnvironmentPart, Observation, World

UP, LEFT, DOWN, RIGHT = 0, 1, 2, 3


class GridWorld(EnvironmentPart):
    """From row 0 and column 0 to row H - 1 and column W - 1, one step up, left, down or right at a time; walls hold.

    Each step costs 1, and the one that reaches the goal brings 10 instead: R* = 10 - (H + W - 3), in H + W - 2 steps. Seen are row / H and column / W.
    """

    kind: Literal["grid_world"] = "grid_world"
    height: Annotated[int, Field(ge=2, le=1000, description="rows H")] = 8
    width: Annotated[int, Field(ge=2, le=1000, description="columns W; the goal is in the last row and column")] = 8
    max_steps: Annotated[int, Field(ge=1, le=1_000_000, description="steps after which an episode's time is up")] = 50

    @model_validator(mode="after")
    def _goal_in_reach(self) -> GridWorld:
        needed = self.height + self.width - 2
        if needed > self.max_steps:
            raise ValueError(
                f"max_steps must let the goal be reached, which takes height + width - 2 = {needed} steps, but got max_steps={self.max_steps}; "
                f"write max_steps: {4 * needed}, or a smaller grid"
            )
        return self

    @property
    def label(self) -> str:
        return f"grid{self.height}x{self.width}"

    @property
    def n_inputs(self) -> int:
        return 2

    @property
    def n_actions(self) -> int:
        return 4

    @property
    def longest(self) -> int:
        return self.max_steps

    @property
    def optimum(self) -> float:
        return GOAL_REWARD + STEP_REWARD * (self.height + self.width - 3)

    @property
    def aim(self) -> float:
        return self.optimum

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    def build(self) -> World:
        return GridWorldWorld(self.height, self.width, self.max_steps)


def moved(place: tuple[int, int], action: int, height: int, width: int) -> tuple[int, int]:
    """Row and column after `action`."""
    row, column = place
    if action in (UP, DOWN):
        return min(max(row + (1 if action == DOWN else -1), 0), height - 1), column
    return row, min(max(column + (1 if action == RIGHT else -1), 0), width - 1)


class GridWorldWorld(World):
    """See `GridWorld`. Nothing in it is random."""

    def __init__(self, height: int, width: int, max_steps: int):
        self.height, self.width, self.max_steps = height, width, max_steps
        self.place, self.time = (0, 0), 0

    def reset(self, seed: int) -> Observation:
        self.place, self.time = (0, 0), 0
        return (0.0, 0.0)

    def step(self, action: int) -> tuple[Observation, float, bool, bool]:
        self.place = moved(self.place, action, self.height, self.width)
        self.time += 1
        there = self.place == (self.height - 1, self.width - 1)
        seen = (self.place[0] / self.height, self.place[1] / self.width)
        return seen, GOAL_REWARD if there else STEP_REWARD, there, not there and self.time >= self.max_steps
