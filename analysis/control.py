"""A control parameter: whether what is said to control learning changes crystallization and return, once rates are equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.collect import Tables
from analysis.figures.dimensions import plain
from analysis.figures.pareto import cell_label
from analysis.figures.theme import number
from analysis.frame import Frame
from analysis.statistics import Interval, directions, mean_interval

C, PER_RATE, RETURN, RATE = "crystallization@end", "crystallization_per_rate@end", "return@end", "crystallization.rate"


@dataclass(frozen=True)
class Cell:
    """What the seeds of one cell end at. `label`: escaped.   rate: of crystallization, where the sweep varies it."""

    label: str
    rate: float | None
    c: tuple[float, ...]
    per_rate: tuple[float, ...]
    returns: tuple[float, ...]


def cells(tables: Tables) -> list[Cell]:
    """Every cell with finished runs, in the sweep's order; none where no run has a crystallization."""
    if C not in tables.runs or RETURN not in tables.runs:
        return []
    found = []
    for row in tables.cells.to_dict("records"):
        runs: Frame = tables.done[tables.done["cell"] == row["cell"]]
        if len(runs):
            rate = plain(row.get(RATE)) if RATE in tables.axes else None
            found.append(Cell(cell_label(tables, row), rate, *(tuple(runs[name].dropna().astype(float)) for name in (C, PER_RATE, RETURN))))
    return found


def sentences(tables: Tables) -> list[str]:
    """Where C ends, and whether that differs once it is told in units of the rate; nothing of a sweep of one cell, or one that varies the world."""
    found = cells(tables)
    if len(found) < 2 or any(path.startswith("environment.") for path in tables.varied):
        return []
    ends = "; ".join(f"{each.label}: {told(mean_interval(each.c), 4)}" for each in found)
    return [f"Crystallization C ends at {ends}.", *in_units(found), returns(found)]


def in_units(found: Sequence[Cell]) -> list[str]:
    """The same over the rate, against the first cell; and what of the widest gap is the rate."""
    means = [mean_interval(each.per_rate) for each in found]
    text = "; ".join(f"{each.label}: {told(mean)}" for each, mean in zip(found, means, strict=True))
    verdict = differing(found, [each.per_rate for each in found])
    low, high = min(found, key=lambda each: mean_interval(each.c).value), max(found, key=lambda each: mean_interval(each.c).value)
    gap = mean_interval(high.c).value - mean_interval(low.c).value
    alike = [each for each in found if each.rate == low.rate and each is not low]
    parts = [f"In units of the rate, (C − start) / rate, it ends at {text}. {verdict}"]
    if alike and high.rate != low.rate:
        rest = max(mean_interval(each.c).value for each in alike) - mean_interval(low.c).value
        parts.append(
            f"The widest gap in C, {number(gap, 2)} between {high.label} and {low.label}, lies between different rates; among cells at the latter’s rate the "
            f"widest is {number(rest, 2)}."
        )
    return parts


def returns(found: Sequence[Cell]) -> str:
    """The same of returns."""
    text = "; ".join(f"{each.label}: {told(mean_interval(each.returns))}" for each in found)
    return f"Returns of the last ten episodes: {text}. {differing(found, [each.returns for each in found])}"


def differing(found: Sequence[Cell], values: Sequence[Sequence[float]]) -> str:
    """Which cells differ measurably from the first."""
    ways = directions([(values[0], each) for each in values[1:]])
    rest = found[1:]
    tested = "permutation tests, Holm-adjusted, at the 5 % level"
    if all(way is None for way in ways):
        return f"There are too few seeds to test which differ from {found[0].label}."
    apart = [f"{each.label} ({'higher' if way > 0 else 'lower'})" for each, way in zip(rest, ways, strict=True) if way]
    return f"Measurably unlike {found[0].label}: {', '.join(apart) or 'none'} ({tested})."


def told(mean: Interval, digits: int = 3) -> str:
    """A mean with its interval."""
    return number(mean.value, digits) if mean.low != mean.low else f"{number(mean.value, digits)} [{number(mean.low, digits)}, {number(mean.high, digits)}]"
