"""A control parameter: whether what is said to control learning changes crystallization and return, once rates are equal.

Cells share their seeds, and with them the start of networks: they are compared seed by seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from analysis.collect import Tables
from analysis.figures.dimensions import plain
from analysis.figures.pareto_planes import cell_label
from analysis.figures.theme import number
from analysis.frame import Frame
from analysis.statistics import CONFIDENCE, Interval, holm, mean_interval
from analysis.statistics.paired import flipped_p, least_p, vary
from lal.reinforcement.metrics import RECENT

CLIPPED = "pressure_clipped@end"
C, PER_RATE, RETURN, RATE = "crystallization@end", "crystallization_per_rate@end", "return@end", "crystallization.rate"
LEAST_PAIRS = 3


@dataclass(frozen=True)
class Cell:
    """What the seeds of one cell end at. `label`: escaped.   rate: of crystallization, where the sweep varies it.   seeds: of the numbers that follow."""

    label: str
    rate: float | None
    seeds: tuple[int, ...]
    c: tuple[float, ...]
    per_rate: tuple[float, ...]
    returns: tuple[float, ...]


def cells(tables: Tables) -> list[Cell]:
    """Every cell with finished runs, in the sweep's order; none where no run has a crystallization."""
    if C not in tables.runs or RETURN not in tables.runs:
        return []
    found = []
    for row in tables.cells.to_dict("records"):
        runs: Frame = tables.done[tables.done["cell"] == row["cell"]].dropna(subset=[C, PER_RATE, RETURN])
        if len(runs):
            rate = plain(row.get(RATE)) if RATE in tables.axes else None
            ends = (tuple(runs[name].astype(float)) for name in (C, PER_RATE, RETURN))
            found.append(Cell(cell_label(tables, row), rate, tuple(runs["seed"].astype(int)), *ends))
    return found


def sentences(tables: Tables) -> list[str]:
    """Where C ends, and whether that differs once it is told in units of the rate; of a sweep of one cell, or one that varies the world, only clipping."""
    found = cells(tables)
    if len(found) < 2 or any(path.startswith("environment.") for path in tables.varied):
        return clipped(tables)
    ends = "; ".join(f"{each.label}: {told(mean_interval(each.c), 4)}" for each in found)
    return [*gaps(found), f"Crystallization C ends at {ends}.", in_units(found), returns(found), *clipped(tables)]


def clipped(tables: Tables) -> list[str]:
    """In how many runs a pressure was held at its largest; nothing where none was."""
    if CLIPPED not in tables.runs:
        return []
    counts = tables.done.drop_duplicates("run_id")[CLIPPED].dropna()
    hit = counts[counts > 0]
    if hit.empty:
        return []
    return [
        f"β was clipped, as it would have been more than pressure.most, in {len(hit)} of {len(counts)} runs under pressure, up to {int(hit.max()):,} times "
        "in one: what these learned from is not what the law of β says."
    ]


def gaps(found: Sequence[Cell]) -> list[str]:
    """What of the widest gap in C is the rate; nothing where that lies between cells of one rate."""
    low, high = min(found, key=lambda each: mean_interval(each.c).value), max(found, key=lambda each: mean_interval(each.c).value)
    alike = [each for each in found if each.rate == low.rate and each is not low]
    if not alike or high.rate == low.rate:
        return []
    gap, rest = (mean_interval(high.c).value - mean_interval(low.c).value, max(mean_interval(each.c).value for each in alike) - mean_interval(low.c).value)
    return [
        f"The widest gap in crystallization C, {number(gap, 2)} between {high.label} and {low.label}, lies between different rates; among cells at the "
        f"latter’s rate the widest is {number(rest, 2)}."
    ]


def in_units(found: Sequence[Cell]) -> str:
    """C over the rate, against the first cell."""
    text = "; ".join(f"{each.label}: {told(mean_interval(each.per_rate))}" for each in found)
    return f"In units of the rate, (C − start) / rate, it ends at {text}. {differing(found, [each.per_rate for each in found])}"


def returns(found: Sequence[Cell]) -> str:
    """The same of returns."""
    text = "; ".join(f"{each.label}: {told(mean_interval(each.returns))}" for each in found)
    return f"Returns of the last {RECENT} episodes: {text}. {differing(found, [each.returns for each in found])}"


def differing(found: Sequence[Cell], values: Sequence[Sequence[float]]) -> str:
    """Which cells differ measurably from the first, seed by seed; and how far off the others can be."""
    sides = [dict(zip(cell.seeds, each, strict=True)) for cell, each in zip(found, values, strict=True)]
    gaps = [[side[seed] - sides[0][seed] for seed in side if seed in sides[0]] for side in sides[1:]]
    if all(len(each) < LEAST_PAIRS for each in gaps):
        return f"There are too few seeds to test which differ from {found[0].label}."
    alike = holm([flipped_p(np.asarray(each)) if len(each) >= LEAST_PAIRS else nan for each in gaps])
    named = list(zip(found[1:], gaps, alike, strict=True))
    tested = [len(each) for each in gaps if len(each) >= LEAST_PAIRS]
    if least_p(max(tested)) * len(tested) >= 1 - CONFIDENCE:
        few = f"{max(tested)} seeds and {len(tested)} cells to compare with it" if len(tested) > 1 else f"{max(tested)} seeds"
        return (
            f"No test can tell which differ from {found[0].label}: with {few} no sign-flip test comes under the 5 % level, Holm-adjusted."
            f"{bounded(found, named)}"
        )
    apart = [f"{cell.label} ({'higher' if sum(gap) > 0 else 'lower'})" for cell, gap, p in named if p < 1 - CONFIDENCE]
    tests = "paired by seed, exact sign-flip tests, Holm-adjusted, at the 5 % level"
    return f"Measurably unlike {found[0].label}: {', '.join(apart) or 'none'} ({tests}).{bounded(found, named)}"


def bounded(found: Sequence[Cell], named: Sequence[tuple[Cell, Sequence[float], float]]) -> str:
    """How far from the first cell those that are not measurably unlike it can be: ends of intervals that hold together, by Bonferroni."""
    confidence = 1 - (1 - CONFIDENCE) / len(named)
    others = [(cell.label, gap) for cell, gap, p in named if p >= 1 - CONFIDENCE]
    ends = [(label, mean_interval(gap, confidence=confidence)) for label, gap in others if vary(np.asarray(gap), float(np.abs(gap).max()))]
    if not ends:
        return ""
    label, widest = max(ends, key=lambda each: max(abs(each[1].low), abs(each[1].high)))
    bound = number(max(abs(widest.low), abs(widest.high)), 2)
    without = [max(abs(each.low), abs(each.high)) for name, each in ends if name != label]
    rest = f"; without {label}, {number(max(without), 2)}" if without else ""
    told = f"means may be up to {bound} from that of {found[0].label}{rest} (simultaneous 95 % intervals of paired differences)"
    return f" That is not to say alike: {'of the others, ' if len(ends) < len(named) else ''}{told}."


def told(mean: Interval, digits: int = 3) -> str:
    """A mean with its interval."""
    ends = "" if mean.low != mean.low else f" [{number(mean.low, digits)}, {number(mean.high, digits)}]"
    return (number(mean.value, digits) + ends).replace("-", "−")
