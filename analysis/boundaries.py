"""Where on the axes of a sweep runs begin to generalise: the line P = 1/2, ready to be drawn or told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, plain
from analysis.figures.theme import value_word
from analysis.frame import Frame
from analysis.pooled import pruned_cells
from analysis.statistics import Boundary, boundary

Scale = Literal["log", "linear", "rank"]
LEAST_LOG = 3.0  # from this ratio of its ends on, an axis over 0 is taken in logs


@dataclass(frozen=True)
class Line:
    """A boundary on the axes of cells.

    Attributes:
        found: the fit, on the scales below.   x_scale, y_scale: log (to base 10), linear, or the place in the order of values, from 0.
        x_values, y_values: of the dimensions, ascending; y_values is empty on one axis.
        n, n_left_out: runs it is of; runs of cells left out, since some were pruned or have not had their budget.
    """

    found: Boundary
    x_scale: Scale
    y_scale: Scale
    x_values: tuple[float, ...]
    y_values: tuple[float, ...]
    n: int
    n_left_out: int

    def word(self, place: float) -> str:
        """A position on the scale of what is bounded (y, or x on one axis) as a value of that axis, escaped; a dash for one beyond what was tried."""
        scale, values = (self.y_scale, self.y_values) if self.y_values else (self.x_scale, self.x_values)
        ends = [position(value, values, scale) for value in (values[0], values[-1])]
        if not ends[0] <= place <= ends[1]:
            return "–"
        if scale == "rank":
            return " to ".join(dict.fromkeys(value_word(values[index]) for index in (floor(place), ceil(place))))
        return value_word(float(f"{10**place if scale == 'log' else place:.3g}"))

    def columns(self) -> NDArray[np.float64]:
        """Where along x the line is known, in columns of equal width, from 0."""
        return in_columns(self.found.at, self.x_values, self.x_scale)

    def rows(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The line and its band in rows of equal height, from 0 (on one axis: in columns); cut to one beyond the cells."""
        values, scale = (self.y_values, self.y_scale) if self.y_values else (self.x_values, self.x_scale)
        place, low, high = (in_columns(each, values, scale) for each in (self.found.place, self.found.low, self.found.high))
        return place, np.minimum(low, high), np.maximum(low, high)


def line_of(tables: Tables, cells: Frame, x: Dimension, y: Dimension | None = None) -> Line | str:
    """The boundary within `cells` (of one facet), or in words why there is none.

    P is of generalising by the budget: cells of which a run was pruned, or has not had all of its budget yet and has not generalised, are left
    out. A run that diverged did not generalise. An axis over 0 that spans LEAST_LOG or more is taken in logs; one with a 0 and such a span
    over it, or with "none", by the order of its values, as λ = 0, 0.01, 0.1 stands in a figure. Each is fitted once: figures and tables share them.
    """
    key = tuple(cells["cell"]), x, y
    if key not in tables.lines:
        tables.lines[key] = _fitted(tables, cells, x, y)
    return tables.lines[key]


def _fitted(tables: Tables, cells: Frame, x: Dimension, y: Dimension | None) -> Line | str:
    done = tables.done[tables.done["cell"].isin(cells["cell"])]
    short = set(done.loc[(done["state"] == "outgrown") & ~done["event"], "cell"]) | set(pruned_cells(tables))
    runs = done[~done["cell"].isin(short)]
    axes = [x] if y is None else [x, y]
    if runs.empty:
        return "no cell has had its budget"
    if any(not isinstance(value, int | float | None) for axis in axes for value in axis.values):
        return "an axis has no order"
    scales: list[Scale] = [scale_of(axis.values) for axis in axes]
    places = [[position(plain(value), axis.values, scale) for value in runs[axis.column]] for axis, scale in zip(axes, scales, strict=True)]
    grid = np.linspace(min(places[0]), max(places[0]), 41)
    found = boundary(places[0], places[1] if y is not None else None, runs["seed"].tolist(), runs["event"].tolist(), grid.tolist())
    if isinstance(found, str):
        return found
    values = [tuple(float(value or 0) for value in axis.values) for axis in axes]
    return Line(found, scales[0], scales[-1], values[0], values[1] if y is not None else (), len(runs), len(done) - len(runs))


def scale_of(values: Sequence[float | None]) -> Scale:
    """How an axis with these values, ascending, is taken: see `line_of`."""
    numbers = [value for value in values if value is not None]
    over = [value for value in numbers if value > 0]
    wide = len(over) > 0 and over[-1] / over[0] >= LEAST_LOG
    if len(over) == len(values):
        return "log" if wide else "linear"
    return "rank" if wide or len(numbers) < len(values) else "linear"


def position(value: float | None, values: Sequence[float | None], scale: Scale) -> float:
    """Where a value stands on its scale."""
    if scale == "rank" or value is None:
        return float(list(values).index(value))
    return float(np.log10(value)) if scale == "log" else float(value)


def in_columns(places: NDArray[np.float64], values: Sequence[float], scale: Scale) -> NDArray[np.float64]:
    """Positions on a scale as columns of equal width, straight between values and beyond the first and last; at most one column beyond."""
    known = np.array([position(value, values, scale) for value in values])
    if len(known) < 2:
        return np.clip(places - known[0], -1, 1)
    first, last = known[1] - known[0], known[-1] - known[-2]
    ends = np.concatenate([[known[0] - first], known, [known[-1] + last]])
    return np.where(np.isnan(places), np.nan, np.interp(places, ends, np.arange(-1.0, len(known) + 1)))
