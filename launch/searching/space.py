"""Where a search looks for points: arms and their axes, and the runs of a point. Imports neither torch, ray nor optuna."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import isfinite
from typing import Any

from lal.errors import Refused
from lal.store import flattened
from launch.parsing.axes import Range
from launch.searching.drawing import Axes, Chosen, size_of
from launch.searching.spec import Optuna
from launch.sweep import Planned

SHOWN = 6  # differences in an error
ARM = "arm"


@dataclass(frozen=True)
class Found:
    """A point that a search proposed: its arm, and the value on each of the arm's axes, by dotted path."""

    arm: str
    values: dict[str, Any]

    def plain(self) -> dict[str, Any]:
        return {"arm": self.arm, "values": self.values}


@dataclass(frozen=True)
class Space:
    """All that a search may propose.

    Attributes:
        search: how.   axes: of each arm.   make: the runs of a point, one for each seed; raises Refused where they cannot be.
        signature: plain data; a study or manifest with another one is of another search.
        corners: runs at ends of its axes, with every listed value among them.   n_seeds: the most runs that a point has.
    """

    search: Optuna
    axes: Mapping[str, Axes]
    make: Callable[[str, Chosen], tuple[Planned, ...]]
    signature: dict[str, Any]
    corners: tuple[Planned, ...]
    n_seeds: int

    @property
    def largest(self) -> tuple[Planned, ...]:
        """Runs of a point, as many as any has, the costliest that bound what a point takes."""
        return (max(self.corners, key=lambda run: (run.config.budget.steps * run.config.n_parameters(), run.run_id)),) * self.n_seeds

    @property
    def ranges(self) -> dict[str, Range]:
        """The axes that are all between two ends, by path, as wide as arms together make them."""
        found: dict[str, Range] = {}
        for axes in self.axes.values():
            for path, values in axes.items():
                if isinstance(values, Range):
                    other = found.get(path, values)
                    found[path] = values.model_copy(update={"low": min(values.low, other.low), "high": max(values.high, other.high)})
        return found

    @property
    def size(self) -> float:
        """How many different points there are."""
        return sum(size_of(axes) for axes in self.axes.values())

    def points(self) -> Iterator[Found]:
        """All points, in order, where there are only so many; none where an axis is continuous."""
        if not isfinite(self.size):
            return
        for arm, axes in self.axes.items():
            listed = [range(int(values.low), int(values.high) + 1) if isinstance(values, Range) else values for values in axes.values()]
            for values in product(*listed):
                yield Found(arm, dict(zip(axes, values, strict=True)))

    def runs(self, point: Found) -> tuple[Planned, ...]:
        """The runs of `point`, one for each seed.

        Raises:
            Refused: there is no such point, or its runs cannot be.
        """
        axes = self.axes.get(point.arm)
        if axes is None or axes.keys() != point.values.keys():
            raise Refused(f"a point must be of an arm and its axes, but {point.plain()} is not; it is of another search")
        return self.make(point.arm, {path: (index_of(axes[path], value), value) for path, value in point.values.items()})


def index_of(values: tuple[Any, ...] | Range, value: Any) -> int:
    """Where `value` stands in the list of an axis; 0 of a range."""
    if isinstance(values, Range):
        return 0
    try:
        return [json.dumps(each) for each in values].index(json.dumps(value))
    except ValueError:
        raise Refused(f"a point must have values of its axes, but {value!r} is none of {list(values)!r}; it is of another search") from None


def corners(axes: Axes) -> list[Chosen]:
    """Points that together have every listed value and both ends of every range: what can be checked before anything is proposed."""
    ends = {path: ends_of(values) for path, values in axes.items()}
    first = {path: each[0] for path, each in ends.items()}
    return [first, *({**first, path: other} for path, each in ends.items() for other in each[1:])]


def ends_of(values: tuple[Any, ...] | Range) -> list[tuple[int, Any]]:
    """All values of a list with their places, or both ends of a range."""
    if isinstance(values, Range):
        return [(0, values.exact(values.low)), (0, values.exact(values.high))]
    return list(enumerate(values))


def refuse_other(stored: Mapping[str, Any], asked: Mapping[str, Any], where: str) -> None:
    """Refuses points that were found for another question.

    Raises:
        Refused: with what differs.
    """
    if stored == asked:
        return
    theirs, mine = dict(flattened(stored)), dict(flattened(asked))
    differ = sorted(key for key in {*theirs, *mine} if theirs.get(key) != mine.get(key))
    told = "; ".join(f"{key}: stored {theirs.get(key)!r}, asked {mine.get(key)!r}" for key in differ[:SHOWN])
    longer = any(".budget." in key or key.endswith(".budget") for key in differ)
    why = "; what points came to under one budget does not compare with what they come to under another" if longer else ""
    remedy = "give the sweep another name, or use --fresh to forget what was found"
    raise Refused(f"a search must go on with the points of the same search, but {where} is of another ({told}){why}; {remedy}")
