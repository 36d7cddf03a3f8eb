"""What has been lived through, in a ring: the newest transition takes the place of the oldest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lal.reinforcement.environment import Observation


class Batch(NamedTuple):
    """B transitions.

    Attributes:
        seen, next_seen: (B, D) float32 observations before and after.
        reward: (B,).   goes_on: (B,) 1 where what comes after counts, 0 where the episode was over.
        action: (B,) int64.   key: (B,) int64 of what was seen, in the tables of `Tables`.
    """

    seen: Tensor
    next_seen: Tensor
    reward: Tensor
    goes_on: Tensor
    action: Tensor
    key: NDArray[np.int64]


class Replay:
    """At most `capacity` transitions of D numbers each, one row a transition, so that a batch is few reads."""

    def __init__(self, capacity: int, n_inputs: int):
        self.capacity, self.n_inputs = capacity, n_inputs
        self.numbers = np.zeros((capacity, 2 * n_inputs + 2), np.float32)
        self.whole = np.zeros((capacity, 2), np.int64)  # action and key
        self.added = 0

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, seen: Observation, action: int, reward: float, next_seen: Observation, goes_on: bool, key: int) -> None:
        """Takes one transition; the oldest gives way once the ring is full."""
        place = self.added % self.capacity
        self.numbers[place] = (*seen, *next_seen, reward, goes_on)
        self.whole[place] = (action, key)
        self.added += 1

    def drawn(self, size: int, generator: np.random.Generator, device: str) -> Batch:
        """`size` different transitions, each set of them as likely as any other."""
        return self.rows(generator.choice(len(self), size, replace=False, shuffle=False), device)

    def rows(self, places: NDArray[np.int64] | slice, device: str) -> Batch:
        """The transitions at `places` of the ring."""
        numbers, whole = torch.from_numpy(self.numbers[places]).to(device), self.whole[places]
        d = self.n_inputs
        action = torch.from_numpy(whole[:, 0]).to(device)
        return Batch(numbers[:, :d], numbers[:, d : 2 * d], numbers[:, 2 * d], numbers[:, 2 * d + 1], action, whole[:, 1])

    def state_dict(self) -> dict[str, Any]:
        n = len(self)
        return {"added": self.added, "numbers": torch.from_numpy(self.numbers[:n].copy()), "whole": torch.from_numpy(self.whole[:n].copy())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.added = state["added"]
        self.numbers[: len(self)], self.whole[: len(self)] = state["numbers"].numpy(), state["whole"].numpy()
