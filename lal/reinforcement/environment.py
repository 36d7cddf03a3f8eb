"""What an agent lives in: a configuration (torch-free) that says its sizes, and a world that it builds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import prod

from lal.part import Part

Observation = tuple[float, ...]


class World(ABC):
    """A place to act in, one episode after another. All that is random in an episode comes from the seed of its reset."""

    @abstractmethod
    def reset(self, seed: int) -> Observation:
        """The first observation of an episode."""

    @abstractmethod
    def step(self, action: int) -> tuple[Observation, float, bool, bool]:
        """What is seen after `action`, the reward for it, whether the episode is over, and whether its time is up."""


class EnvironmentPart(Part):
    """Fields and sizes that all environments share."""

    kind: str

    @property
    @abstractmethod
    def label(self) -> str:
        """Its readable part of a run id."""

    @property
    @abstractmethod
    def n_inputs(self) -> int:
        """Numbers in an observation."""

    @property
    @abstractmethod
    def n_actions(self) -> int:
        """Actions, of which there are always as many."""

    @property
    @abstractmethod
    def longest(self) -> int | None:
        """Steps after which the time of an episode is up; None = never."""

    @property
    @abstractmethod
    def optimum(self) -> float | None:
        """The largest return of an episode, where it is known."""

    @property
    @abstractmethod
    def aim(self) -> float:
        """The return that counts as solved: the largest, where that is known."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...] | None:
        """Positions along each input, where states are those of a line or a grid, seen as position / number, the last the goal; else None."""

    @property
    def positions(self) -> int | None:
        """All positions of `shape`, or None."""
        return None if self.shape is None else prod(self.shape)

    @abstractmethod
    def build(self) -> World:
        """The world itself."""
