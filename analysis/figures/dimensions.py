"""What tells the cells of a sweep apart, and which of it a figure puts on x, on y, and into facets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.collect import Tables
from analysis.figures.theme import axis_word, safe, short_word, value_word
from analysis.frame import Frame
from analysis.once import once
from lal.errors import Refused, nearest


@dataclass(frozen=True)
class Dimension:
    """A column of the cells table that has several values.

    Attributes:
        column: "arm", "name" or a dotted path.   label: in words, escaped.
        values: in order: numbers ascend, text as the sweep has it; None (no such path) first.
    """

    column: str
    label: str
    values: tuple[Any, ...]

    def words(self) -> list[str]:
        """The values, escaped; a dimension that there is not has one without a word."""
        return [""] if not self.column else [value_word(value) for value in self.values]

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers, where there is one."""
        return all(value is None or isinstance(value, int | float) for value in self.values)

    def index(self, value: Any) -> int:
        """Where `value` stands."""
        return self.values.index(plain(value))


LEAST_FULL = 0.3  # of the grid of all values of two dimensions; cells that fill less are points
MOST_VALUES = 12  # of a dimension with a row, or a panel, for each
NOTHING = Dimension("", "", (None,))


@dataclass(frozen=True)
class Layout:
    """x, y and the rest of a sweep's dimensions. `NOTHING` stands for one that there is not.

    Attributes:
        rest: what facets tell apart, those that place them first.   rows, columns: of these, what places them below and beside one another.
        implied: what has no place of its own, since a dimension that has one tells it, alone or with the arm: `train_frac`, where each p has one;
            or since it has about as many values as there are cells.
    """

    x: Dimension
    y: Dimension
    rest: tuple[Dimension, ...]
    rows: Dimension = NOTHING
    columns: Dimension = NOTHING
    implied: tuple[Dimension, ...] = ()


def plain(value: Any) -> Any:
    """`value` with NaN as None, and numbers as Python's."""
    if value is None or (isinstance(value, float) and value != value) or value is pd.NA:
        return None
    return value.item() if isinstance(value, np.generic) else value


def dimension(tables: Tables, column: str) -> Dimension:
    """All values of `column` over the sweep's runs."""
    values = list(dict.fromkeys(plain(value) for value in tables.runs[column].drop_duplicates()))
    if all(value is None or isinstance(value, int | float) for value in values):
        values = sorted(values, key=lambda value: (value is not None, value or 0))
    return Dimension(column, column if column in ("arm", "name") else axis_word(column), tuple(values))


def dimensions(tables: Tables) -> list[Dimension]:
    """Those with more than one value: axes in order, then names where no axis has several, then arms."""
    axes = [each for each in (dimension(tables, path) for path in tables.axes) if len(each.values) > 1]
    names = dimension(tables, "name")
    arms = dimension(tables, "arm")
    named = [names] if len(names.values) > 1 and not axes else []
    return [*axes, *named, *([arms] if len(arms.values) > 1 else [])]


@once
def layout(tables: Tables, x: str | None = None, y: str | None = None) -> Layout:
    """The sweep's dimensions on x, y and facets.

    Args:
        x, y: dotted paths (or "arm", "name"); the default is what the sweep's report asks for, then λ on x, then the first others;
            a path with a single value gives way to another dimension unless it was asked for here.

    Raises:
        Refused: the sweep does not vary that.
    """
    there = {each.column: each for each in dimensions(tables)}
    spec = tables.manifest["report"].get("phase") or {}
    for path in filter(None, (x, y)):
        if path not in there and path not in (*tables.axes, "arm", "name"):
            raise Refused(f"x and y must be what the sweep varies, but got {path!r}; {nearest(path, [*there, *tables.axes] or ['arm'])}")
    facets = {spec.get("rows"), spec.get("columns")} - {None, x, y}
    free = [path for path in there if path not in facets]
    weights = [path for path in free if path.endswith(".weight")]
    chosen_x = dimension(tables, x) if x else _first(there, [spec.get("x"), *weights, *free], without=y)
    arms = ["arm"] if spec.get("x") else []  # a report that names x and no y has arms as its rows
    chosen_y = dimension(tables, y) if y else _first(there, [spec.get("y"), *arms, *free], without=chosen_x.column)
    rest = {column: each for column, each in there.items() if column not in (chosen_x.column, chosen_y.column)}
    rows, columns = (rest.get(spec.get(side) or "", NOTHING) for side in ("rows", "columns"))
    placed = [each for each in (rows, columns) if each.column]
    others = [each for each in rest.values() if each not in placed]
    needed = [each for each in telling(tables.cells, [chosen_x, chosen_y, *placed], others) if not scattered(tables, chosen_x, each)]
    implied = tuple(each for each in others if each not in needed)
    if not y and scattered(tables, chosen_x, chosen_y):
        return Layout(chosen_x, NOTHING, (*placed, *needed), rows, columns, (chosen_y, *implied))
    return Layout(chosen_x, chosen_y, (*placed, *needed), rows, columns, implied)


def scattered(tables: Tables, x: Dimension, other: Dimension) -> bool:
    """Whether cells lie so far apart over `x` and `other` that they form no rows, as points do that were searched for between two ends."""
    return many(other) and len(tables.cells) < LEAST_FULL * len(x.values) * len(other.values)


def many(of: Dimension) -> bool:
    """Whether a dimension has more numbers than there is room for."""
    return len(of.values) > MOST_VALUES and of.numeric


def telling(cells: Frame, placed: Sequence[Dimension], others: Sequence[Dimension]) -> list[Dimension]:
    """Those of `others`, in their order, that no dimension which has a place tells, alone or with the arm; the arm itself is looked at first."""
    known = [each for each in placed if each.column]
    for each in sorted(others, key=lambda other: other.column != "arm"):
        if not any(tells(cells, {one.column, "arm"} - ({"arm"} if each.column == "arm" else set()), each.column) for one in known):
            known.append(each)
    return [each for each in others if each in known]


def tells(cells: Frame, by: Iterable[str], column: str) -> bool:
    """Whether cells that agree in all of `by` agree in `column`."""
    return bool((cells.groupby(list(by), dropna=False, sort=False)[column].nunique(dropna=False) <= 1).all())


def _first(there: dict[str, Dimension], wanted: Iterable[str | None], without: str | None) -> Dimension:
    return next((there[path] for path in wanted if path in there and path != without), NOTHING)


def split(table: Frame, by: Sequence[Dimension]) -> list[tuple[str, Frame]]:
    """The parts of `table` that agree in all of `by`, with a title in words, escaped; ordered as the dimensions are. Empty ones are left out."""
    return [(title_with(by, values), part) for values, part in _parts(table, by)]


def _parts(table: Frame, by: Sequence[Dimension]) -> list[tuple[tuple[Any, ...], Frame]]:
    """The parts of `table` with their values of all of `by`."""
    if not by:
        return [((), table)]
    first, column, found = by[0], table[by[0].column].map(plain), []
    for value in first.values:
        part = table[column.isna()] if value is None else table[column == value]
        found += [((value, *tail), each) for tail, each in _parts(part, by[1:])] if len(part) else []
    return found


def title_with(by: Sequence[Dimension], values: Sequence[Any]) -> str:
    """One value of each dimension as a title, escaped; settings that there are not say nothing beside those that there are."""
    there = [(of, value) for of, value in zip(by, values, strict=True) if value is not None] or list(zip(by, values, strict=True))
    return " · ".join(title_of(of, value) for of, value in there)


def spread(values: Sequence[Any], most: int) -> tuple[Any, ...]:
    """At most so many of `values`, evenly over their order, the first and the last among them."""
    return tuple(values) if len(values) <= most else tuple(values[place] for place in np.linspace(0, len(values) - 1, most).round().astype(int))


def title_of(of: Dimension, value: Any) -> str:
    """One value of a dimension as a title, escaped."""
    return safe(str(value)) if of.column in ("arm", "name") else f"{short_word(of.column)} = {value_word(value)}"


def position(table_row: Any, of: Dimension) -> int:
    """Where a row (a mapping by column) stands along `of`."""
    return 0 if of is NOTHING else of.index(table_row[of.column])
