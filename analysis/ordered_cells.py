"""Cells of one facet in the order of its first axis, and words for them and for what was measured in them."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, layout, plain
from analysis.figures.theme import number, short_word, value_word
from analysis.frame import Frame, Series
from analysis.statistics import Interval, mean_interval
from lal.columns import bounds


def either(n: int, one: str, more: str) -> str:
    """The word for so many."""
    return one if n == 1 else more


def head(title: str) -> str:
    """The beginning of a sentence on one facet."""
    return f"{title}: " if title else ""


def spread(interval: Interval, digits: int = 3) -> str:
    """A value with its interval; without, where there are too few seeds for one."""
    if interval.low != interval.low:
        return number(interval.value, digits)
    return f"{number(interval.value, digits)} [{number(interval.low, digits)}, {number(interval.high, digits)}]"


def in_order(tables: Tables, cells: Frame) -> tuple[Dimension, list[Series]]:
    """The first axis, and the cells with finished runs along it; none where it has no order or there are fewer than two."""
    x = layout(tables).x
    known = cells[cells["n"] > 0]
    if not x.column or x.column in ("arm", "name") or len(known) < 2 or not x.numeric:
        return x, []
    return x, [known.loc[index] for index in sorted(known.index, key=lambda index: x.index(known.loc[index, x.column]))]


def at(x: Dimension, cell: Series) -> str:
    """Where a cell stands, in words."""
    return f"{short_word(x.column)} = {value_word(plain(cell[x.column]))}"


def held(tables: Tables, cell: Series) -> float:
    """Share of the cell's finished runs that end at the goal or better."""
    return int(cell["n_held"]) / int(cell["n"])


def values(tables: Tables, cell: Series, column: str) -> list[float]:
    """`column` of the cell's finished runs that end at the goal: what a broken network needs is no measure of what could be saved."""
    if column not in tables.runs:
        return []
    done = tables.done
    return done.loc[(done["cell"] == cell["cell"]) & done["held"], column].dropna().astype(float).tolist()


def final(tables: Tables, cell: Series, name: str) -> Interval:
    """Mean of `name` at the end, over the seeds that end at the goal."""
    column = f"{name}@end"
    return mean_interval(values(tables, cell, column), *bounds(column))
