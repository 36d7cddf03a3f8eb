"""What is known of each state: how often it was left, its mean value, how uncertain that is; and the pressure that follows. Looked up a batch at a time."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lal.reinforcement.environment import Observation
from lal.reinforcement.pressure import Pressure

KEEP = 0.8  # of U, at each transition that is learned from
FIRST_ROOM = 64


class Tables:
    """Rows by key: the position on a line or a grid of `shape`, else the number of an observation, rounded to `decimals`, in the order of first sight.

    `decimals` is None where there is a shape, and only there.
    """

    def __init__(self, shape: tuple[int, ...] | None = None, decimals: int | None = None):
        assert (shape is None) != (decimals is None)
        self.shape, self.decimals = shape, decimals
        self.positions = None if shape is None else prod(shape)
        self.keys: dict[Observation, int] = {}
        room = self.positions or FIRST_ROOM
        self.visits: NDArray[np.int64] = np.zeros(room, np.int64)
        self.value: NDArray[np.float64] = np.zeros(room)
        self._uncertainty = [1.0] * room  # numbers, as they are read and written one by one

    @property
    def uncertainty(self) -> NDArray[np.float64]:
        """U of each row."""
        return np.array(self._uncertainty)

    def key(self, seen: Observation) -> int:
        """The row of what is seen, made if it is new."""
        if self.shape is not None:
            place = 0
            for each, n in zip(seen, self.shape, strict=True):
                place = place * n + round(each * n)
            return place
        near = tuple(round(each, self.decimals) + 0.0 for each in seen)  # + 0.0: minus nought is nought
        found = self.keys.setdefault(near, len(self.keys))
        if found == len(self.visits):
            self.visits = np.concatenate([self.visits, np.zeros_like(self.visits)])
            self.value = np.concatenate([self.value, np.zeros_like(self.value)])
            self._uncertainty += [1.0] * len(self._uncertainty)
        return found

    def known(self, seen: NDArray[np.float32]) -> NDArray[np.int64]:
        """(S,) rows of observations (S, D) that were there before; -1 of others. Nothing is added."""
        if self.shape is not None:
            return np.ravel_multi_index(np.rint(seen * self.shape).astype(np.int64).T, self.shape)  # type: ignore[arg-type]
        near = (tuple(round(float(each), self.decimals) + 0.0 for each in row) for row in seen)
        return np.array([self.keys.get(each, -1) for each in near], np.int64)

    def leave(self, key: int, value: float | None = None) -> None:
        """Counts that a state was left, and takes its `value` into the mean, where that is kept."""
        self.visits[key] += 1
        if value is not None:
            self.value[key] += (value - self.value[key]) / self.visits[key]

    def uncertain(self, key: NDArray[np.int64], spread: list[float]) -> NDArray[np.float64]:
        """(B,) U as each transition of a batch finds it, one after another; each leaves 0.8 U + 0.2 `spread` behind. (B,) keys and spreads.

        A loop over numbers: half as long as the same in array operations, of which there would be ten.
        """
        now, found = self._uncertainty, list[float]()
        for each, new in zip(key.tolist(), spread, strict=True):
            old = now[each]
            found.append(old)
            now[each] = KEEP * old + (1 - KEEP) * new
        return np.array(found)

    def state_dict(self) -> dict[str, Any]:
        n = len(self.visits) if self.positions else len(self.keys)
        arrays = {name: torch.from_numpy(getattr(self, name)[:n].copy()) for name in ("visits", "value", "uncertainty")}
        return arrays | {"keys": torch.tensor(list(self.keys), dtype=torch.float64)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.keys = {tuple(row): index for index, row in enumerate(state["keys"].tolist())}
        n = len(state["visits"])
        room = max(n, FIRST_ROOM) if self.positions is None else n
        self.visits, self.value = np.zeros(room, np.int64), np.zeros(room)
        for name in ("visits", "value"):
            getattr(self, name)[:n] = state[name].numpy()
        self._uncertainty = state["uncertainty"].tolist() + [1.0] * (room - n)


def betas(rule: Pressure, value: NDArray[np.float64], uncertainty: NDArray[np.float64] | float, crystallization: float) -> tuple[NDArray[np.float64], int]:
    """(B,) beta of states with V and U (B,), none above `rule.most`; and how many would have been. Sums of logarithms do not overflow."""
    logs = rule.alpha * value - rule.gamma * uncertainty + log(rule.beta * crystallization)
    most, clipped = log(rule.most), 0
    if not logs.max() <= most:  # also where a value is not a number
        clipped = int((logs > most).sum())
        logs = np.minimum(logs, most)
    return np.minimum(np.exp(logs), rule.most), clipped
