"""What a Pareto frontier shows: two objectives a plane, the cells that have a place there, and those that have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.collect import Tables, objective
from analysis.costs import COSTS
from analysis.figures.dimensions import layout, plain
from analysis.figures.theme import axis_word, short_word, value_word, word
from analysis.pareto import Front, Range, front
from lal.columns import bounds

THREE = 3
MOST_LABELS = 8


@dataclass(frozen=True)
class Objective:
    """A column, when it is read, and +1 if less is better, -1 if more is."""

    column: str
    when: str | int
    sign: int

    @property
    def possible(self) -> Range:
        """The least and largest value it can have as a cost."""
        low, high = sorted(self.sign * end for end in bounds(self.column))
        return low, high

    @property
    def label(self) -> str:
        """In words, with the better direction along the axis, which is read from left to right, or upwards."""
        return f"{word(f'{self.column}@{self.when}')} ({'← better' if self.sign > 0 else 'better →'})"


@dataclass(frozen=True)
class Place:
    """One cell on the front's plane: its number, that of its arm, its label, how many of its finished runs count, and of how many."""

    cell: int
    arm: int
    label: str
    n: int
    of: int

    @property
    def seeds(self) -> str:
        """How many of how many."""
        return f"{self.n} of {self.of} seeds"


@dataclass(frozen=True)
class Aside:
    """A cell without a place on the plane. `height`: mean of y over its finished runs that have it, NaN where none has; `why`: in words."""

    cell: int
    arm: int
    label: str
    height: float
    why: str


@dataclass(frozen=True)
class Plane:
    """Two objectives. `front` is in costs (signs turned).

    Labels of cells without a place: `strip` with a run that lacks an objective, `broken` off the goal; `aside` has both.
    """

    x: Objective
    y: Objective
    front: Front
    places: tuple[Place, ...]
    strip: tuple[str, ...]
    broken: tuple[str, ...]
    aside: tuple[Aside, ...] = ()

    def values(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 2) costs as the objectives' own values."""
        return costs * np.array([self.x.sign, self.y.sign])


@dataclass(frozen=True)
class Info:
    """A plane for each pair of objectives that has a front. Text is escaped."""

    planes: tuple[Plane, ...]
    arms: tuple[str, ...]
    caption: str


def pairs(spec: Mapping[str, Any]) -> list[tuple[Objective, Objective]]:
    """The pairs of objectives that a report's `pareto` asks for, x first: all of three; of more, each minimised one with each maximised one."""
    minimise = [Objective(column, when, 1) for column, when in (spec.get("minimise") or {}).items()]
    maximise = [Objective(column, when, -1) for column, when in (spec.get("maximise") or {}).items()]
    every = [*minimise, *maximise]
    return list(product(minimise, maximise)) if minimise and maximise and len(every) != THREE else list(combinations(every, 2))


def plane(tables: Tables, x: Objective, y: Objective) -> Plane | str:
    """The front of two objectives, or why there is none."""
    chosen = [x, y]
    values = np.column_stack([objective(tables, each.column, each.when) * each.sign for each in chosen])
    counted, where = standing(tables, chosen), layout(tables, y="arm")
    cells, places, strip, broken, aside = [], [], [], [], list[Aside]()
    for row in tables.cells[["cell", "arm", "name", *tables.axes]].to_dict("records"):
        if row["cell"] not in tables.done_of:
            continue
        done = tables.done_of[row["cell"]].to_numpy()  # numpy's rows: to take some of pandas' own takes ten times as long
        runs = done[counted[done]]
        place = Place(row["cell"], where.y.index(row["arm"]), cell_label(tables, row), len(runs), len(done))
        if 2 * len(runs) < len(done):
            broken.append(place.label)
            aside.append(_aside(place, values[done, 1] * y.sign, f"{place.n} of {place.of} seeds are at the goal"))
        elif np.isfinite(values[runs]).all():
            cells.append(values[runs])
            places.append(place)
        else:
            strip.append(place.label)
            lacking = " and ".join(word(of.column) for of, ok in zip(chosen, [bool(np.isfinite(side).all()) for side in values[runs].T], strict=True) if not ok)
            aside.append(_aside(place, values[done, 1] * y.sign, f"a seed lacks {lacking}"))
    if not cells:
        return f"no cell has {word(x.column)} and {word(y.column)} of half of its runs at the goal"
    return Plane(x, y, front(cells, (x.possible, y.possible)), tuple(places), tuple(strip), tuple(broken), tuple(aside))


def _aside(place: Place, heights: NDArray[np.float64], why: str) -> Aside:
    known = heights[np.isfinite(heights)]
    return Aside(place.cell, place.arm, place.label, float(known.mean()) if len(known) else nan, why)


def standing(tables: Tables, chosen: Sequence[Objective]) -> NDArray[np.bool_]:
    """(N,) for every row of runs, whether it was at the goal when each cost among `chosen` was read; when it generalised, it was, or it has no reading."""
    counted = np.ones(len(tables.runs), bool)
    for each in chosen:
        if each.column in COSTS and each.when != "grok":
            reached = objective(tables, tables.thresholds.goal_column, each.when).map(tables.thresholds.reached)
            counted &= reached.to_numpy(bool)
    return counted


def cell_label(tables: Tables, row: dict) -> str:
    """A cell in words, escaped: arm and what varies."""
    varied = tables.varied
    parts = [value_word(row["arm"])] if len(tables.manifest["arms"]) > 1 else []
    words = short_word if sum(path.endswith(".weight") for path in varied) < 2 else axis_word
    parts += [f"{words(path)} = {value_word(plain(row[path]))}" for path in varied]
    return ", ".join(parts) or value_word(row["name"] or "all runs")
