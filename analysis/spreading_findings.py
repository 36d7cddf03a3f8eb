"""What the fronts of a learner's values say, in sentences; nothing of a sweep that did not measure them."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from analysis.collect import Tables
from analysis.figures.theme import number
from analysis.patterns.reaction_diffusion import TERMS, Term
from analysis.spreading import EVENTS, SAID, Cell, fitted, spreading
from analysis.statistics import Interval, Paired
from lal.reinforcement.metrics import RECENT

ORDERS = (("value_front", "greedy_return"), ("order_front", "greedy_return"), ("value_front", "return"))
LATE = f" (the return is a mean of {RECENT} episodes, random actions included, and so late by construction: only the greedy return can tell an order)"


def sentences(tables: Tables) -> list[str]:
    """Which comes first, how fast fronts go, and which equation describes the values."""
    found = spreading(tables)
    if isinstance(found, str):
        return []
    told = ["Speculative: that values spread as patterns of chemicals do is a conjecture; what follows tests it."]
    told += [_order(found, before, after) for before, after in ORDERS]
    cells = fitted(found)
    told += [_speeds(found)]
    return [*told, *(_equation(cells, term) for term in TERMS)] if cells else told


def _order(cells: Sequence[Cell], before: str, after: str) -> str:
    """In how many runs one event is for good before another, and by how much."""
    parts = [f"{cell.label}: {_paired(cell.order(before, after))}" for cell in cells]
    late = LATE if after == "return" else ""
    return f"Episodes from {EVENTS[before]} to {EVENTS[after]}, each half-way for good{late}: {'; '.join(parts)}."


def _paired(of: Paired) -> str:
    if of.n_sooner + of.n_later == 0:
        return "neither is seen before the other"
    sign = f", sign test p = {of.sign_p:.2g}" if of.sign_p == of.sign_p else ""
    return f"{_interval(of.difference)} up to episode {of.horizon:,.0f} ({of.n_later} of {of.n_sooner + of.n_later} in this order{sign})"


def _speeds(cells: Sequence[Cell]) -> str:
    parts = []
    for cell in cells:
        found, n = cell.speed(), sum(not isnan(run.speed.value) for run in cell.runs)
        expected = f", where 1 / target_every is {number(1 / cell.every)}" if cell.every else ""
        told = f"{_interval(found)} ({n} of {len(cell.runs)} runs){expected}" if n else "none was on its way for long enough"
        parts.append(f"{cell.label}: {told}")
    return f"The ramp’s front goes towards the start at, in positions an episode, {'; '.join(parts)}."


def _equation(cells: Sequence[Cell], term: Term) -> str:
    """How much of the change an equation leaves, and how much more it leaves of shuffled fields."""
    sign = "D" if term == "diffusion" else "c"
    parts = []
    for cell in cells:
        parts.append(f"{cell.label}: {_interval(cell.error(term))} of the change, {sign} = {_interval(cell.coefficient(term))}, {_controlled(cell, term)}")
    return f"{SAID[term]} leaves unexplained, of {'; '.join(parts)}."


def _controlled(cell: Cell, term: Term) -> str:
    """How it compares with shuffled fields, of those controls that had something to shuffle."""
    found = {kind: cell.advantage(term, kind) for kind in ("places", "moments")}
    there = {kind: each for kind, each in found.items() if not isnan(each.value)}
    if not there:
        return "with too few places and moments to shuffle"
    better = "not measurably better than shuffled"
    if all(each.low > 0 for each in there.values()):
        better = "better than both shuffles" if len(there) == 2 else f"better than {''.join(there)} shuffled"
    told = [f"{kind} {_signed(each) if kind in there else 'too few to shuffle'}" for kind, each in found.items()]
    return f"{better} ({', '.join(told)})"


def _interval(of: Interval) -> str:
    """A mean with its interval."""
    ends = "" if of.low != of.low else f" [{number(of.low)}, {number(of.high)}]"
    return f"{number(of.value)}{ends}".replace("-", "−")


def _signed(of: Interval) -> str:
    """The same with its sign."""
    return f"{'+' if of.value > 0 else ''}{_interval(of)}"
