"""Arrays that a run kept on the way: routing, gates and spectra, by step; and the table of pairs that they are drawn on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lal.store import RunFolder

Arrays = Mapping[str, NDArray[Any]]
DIMENSIONS = {"tokens": 2, "correct": 1, "routing": 3, "gates": 2, "input_gates": 2, "embedding_spectrum": 1, "logit_spectrum": 2}  # see `lal.snapshots`


def is_drawable(array: NDArray[Any], dimensions: int) -> bool:
    """Whether pictures can be made of an array: one without numbers, or of other dimensions, no run of ours wrote."""
    return array.size > 0 and array.ndim == dimensions and array.dtype.kind in "biuf"


class Snapshots:
    """The arrays of one run up to its last row; files are read when they are asked for."""

    def __init__(self, folder: RunFolder, up_to: int):
        self._folder, self._read = folder, dict[int, Arrays]()
        self.steps = tuple(step for step in folder.snapshots() if step <= up_to)

    def arrays(self, step: int) -> Arrays:
        """All arrays at `step`; none where the file is damaged."""
        if step not in self._read:
            self._read[step] = self._stored(step)
        return self._read[step]

    def _stored(self, step: int) -> Arrays:
        found = self._folder.arrays(step) or {}
        return {name: each for name, each in found.items() if name not in DIMENSIONS or is_drawable(each, DIMENSIONS[name])}

    def of(self, name: str) -> list[int]:
        """Steps at which array `name` was kept."""
        self._read_all()
        return [step for step in self.steps if name in self.arrays(step)]

    @property
    def damaged(self) -> tuple[int, ...]:
        """Steps of which the file cannot be read, or has nothing in it."""
        self._read_all()
        return tuple(step for step in self.steps if not self.arrays(step))

    def _read_all(self) -> None:
        """Reads what is not read yet, side by side where that is mostly waiting."""
        missing = [step for step in self.steps if step not in self._read]
        self._read |= zip(missing, self._folder.store.map(self._stored, missing), strict=True)

    def last(self, name: str) -> NDArray[Any] | None:
        """Array `name` where it was kept last; no file before is read."""
        return next((self.arrays(step)[name] for step in reversed(self.steps) if name in self.arrays(step)), None)


def lacking(kept: Snapshots, otherwise: str, pictures: str) -> str:
    """Why arrays that `pictures` are of are not there: none of the files can be read, or `otherwise`."""
    n = len(kept.steps)
    return f"it kept snapshots, but none of {n} can be read, so there are no {pictures}" if n and not any(map(kept.arrays, kept.steps)) else otherwise


@dataclass(frozen=True)
class Pairs:
    """Which row of a task stands where on the table of all (a, b).

    Attributes:
        tokens: (N, 2) or, with several operations, (N, 3): residues a, b, and the operation's number.
        operations: their names.
    """

    tokens: NDArray[np.int64]
    operations: tuple[str, ...]

    @cached_property
    def p(self) -> int:
        """Residues."""
        return int(self.tokens[:, :2].max()) + 1

    def grids(self, values: NDArray[Any]) -> list[tuple[str, NDArray[np.float32]]]:
        """For each operation its name (empty where there is one) and `values` (N,) as a (p, p) table over a, b; NaN where there is no such row."""
        several = len(self.operations) > 1
        found = []
        for number, name in enumerate(self.operations):
            rows = self.tokens[:, 2] == number if several else np.ones(len(self.tokens), bool)
            grid = np.full((self.p, self.p), np.nan, np.float32)
            grid[self.tokens[rows, 0], self.tokens[rows, 1]] = values[rows]
            found.append((name if several else "", grid))
        return found


def pairs(config: Mapping[str, Any], tokens: NDArray[Any] | None) -> Pairs | str:
    """The table of pairs of a run's configuration and its `tokens` (N, T), or why there is none."""
    task = config.get("task", {})
    n_operands = task.get("operands", 2)
    if n_operands != 2:
        return f"it has {n_operands} operands, and a heatmap is over two"
    if tokens is None:
        return "it kept no tokens, so there is nothing to lay its inputs out by"
    operations = tuple(str(task.get("operation", "")).split("+"))
    if tokens.shape[1] != 2 + (len(operations) > 1):
        return f"its rows have {tokens.shape[1]} tokens, and a heatmap is over two"
    return Pairs(tokens.astype(np.int64), operations)
