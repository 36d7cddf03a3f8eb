"""Which cells, and which arms, generalise sooner: every comparison that the report makes, tested together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import isnan, nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import groups_of
from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, dimension, layout, plain, split
from analysis.figures.theme import safe, short_word, value_word
from analysis.frame import Frame
from analysis.once import once
from analysis.pooled import Side, followed_alike, poolable, sides
from analysis.statistics import CONFIDENCE, Interval, LogRank, Paired, common_horizon, holm, log_rank, paired, restricted_mean_difference
from analysis.statistics.intervals import UNKNOWN


@dataclass(frozen=True)
class Comparison:
    """Times of two groups of runs. Words are escaped.

    Attributes:
        within: the facet, or "" for all.   column: what tells the groups apart.   before, after: its values in words; before is the reference.
        points: at how many points of the sweep both are there.   n, n_grokked: of runs, each of (before, after).
        difference: restricted mean after less before, averaged over points; negative is sooner.
        p: log-rank, within points; NaN where untested.   p_holm: adjusted among those of one facet, or among pairs of arms.
        least_p: the least that p_holm could be, however far apart such few runs are.   lean: of that test, positive where before is the sooner.
        pairs: of runs with one seed; None where a side has a seed twice.
    """

    within: str
    column: str
    before: str
    after: str
    points: int
    n: tuple[int, int]
    n_grokked: tuple[int, int]
    difference: Interval
    p: float
    p_holm: float
    least_p: float
    lean: float
    pairs: Paired | None

    @property
    def way(self) -> int | None:
        """Whether after is measurably later (1), sooner (-1) or neither (0); None where untested, or with too few runs ever to tell.

        Which way is the test's own: a mean over points, in steps, is one slow point's more than all the others'.
        """
        if isnan(self.p_holm) or self.least_p >= 1 - CONFIDENCE:
            return None
        return 0 if self.p_holm >= 1 - CONFIDENCE else 1 if self.lean > 0 else -1

    @property
    def agrees(self) -> bool:
        """Whether the difference in steps is to the side that the test tells."""
        return self.way is not None and self.way * self.difference.value > 0


@once
def comparisons(tables: Tables) -> list[Comparison]:
    """Along x, each value against the first within each facet; then every two arms, over the points that they share."""
    runs, where = poolable(tables), layout(tables)
    told: list[Comparison] = []
    if where.x.column not in ("", "arm"):
        for title, part in split(runs, [*([where.y] if where.y.column else []), *where.rest]):
            told += along(where.x, title, part)
    return [*told, *between_arms(tables, runs)]


def along(x: Dimension, title: str, runs: Frame) -> list[Comparison]:
    """Each value of `x` that has runs against the first that has, in `runs` of one facet."""
    members = groups_of(runs["cell"].to_numpy())
    values = [plain(each) for each in runs[x.column].to_numpy()[[each[0] for each in members]]] if members else []
    order = sorted(range(len(members)), key=lambda place: x.index(values[place]))
    if len(members) < 2 or len({x.index(value) for value in values}) < len(members):
        return []
    words = [value_word(values[place]) if x.column != "name" else safe(str(values[place])) for place in order]
    first, *others = sides(runs, [members[place] for place in order])
    return adjusted([compared(title, x.column, (words[0], word), [(first, side)]) for side, word in zip(others, words[1:], strict=True)])


def between_arms(tables: Tables, runs: Frame) -> list[Comparison]:
    """Every two arms, within each point that both have runs at; none where arms share no point."""
    arms, members = dimension(tables, "arm").values, groups_of(runs["cell"].to_numpy())
    at: dict[str, dict[str, NDArray[np.int64]]] = {str(arm): {} for arm in arms}
    cells = runs.iloc[[each[0] for each in members]][["arm", *tables.axes, "name"]].to_dict("records") if members else []
    for cell, own in zip(cells, members, strict=True):
        points = at[str(cell.pop("arm"))]
        key = repr([plain(each) for each in cell.values()])
        points[key] = np.sort(np.concatenate([points[key], own])) if key in points else own
    told = []
    for before, after in combinations(map(str, arms), 2):
        shared = [key for key in at[before] if key in at[after]]
        ends = [sides(runs, [at[arm][key] for key in shared]) for arm in (before, after)]
        told += [compared("", "arm", (safe(before), safe(after)), list(zip(*ends, strict=True)))] if shared else []
    return adjusted(told)


def adjusted(told: Sequence[Comparison]) -> list[Comparison]:
    """`told` with Holm's adjustment among them. What all of them could have at least is adjusted so, too: no p value falls by another one's rising."""
    adjusted_p, least = holm([each.p for each in told]), holm([nan if isnan(each.p) else each.least_p for each in told])
    return [replace(each, p_holm=p, least_p=least_p) for each, p, least_p in zip(told, adjusted_p, least, strict=True)]


def compared(title: str, column: str, words: tuple[str, str], points: Sequence[tuple[Side, Side]]) -> Comparison:
    """One comparison, over `points`: runs of either side at each. Untested where at no point both sides have 2 runs."""
    n, k = ((sum(map(count, (point[0] for point in points))), sum(map(count, (point[1] for point in points)))) for count in (len, _n_events))
    tested = any(min(map(len, point)) >= 2 for point in points) and max(k) > 0
    test, difference = (_log_rank(points), _difference(points)) if tested else (LogRank(nan, 0, nan), UNKNOWN)
    return Comparison(title, column, *words, len(points), n, k, difference, test.p, nan, test.least_p, test.lean, _pairs(points))


def _n_events(side: Side) -> int:
    return int(side.event.sum())


def _log_rank(points: Sequence[tuple[Side, Side]]) -> LogRank:
    cut = [side for point in points for side in followed_alike(point)]
    sizes = list(map(len, cut))
    time, event = (np.concatenate([getattr(side, name) for side in cut]) for name in ("when", "event"))
    return log_rank(time, event, np.repeat(np.arange(len(cut)) % 2, sizes), np.repeat(np.arange(len(cut)) // 2, sizes))


def _difference(points: Sequence[tuple[Side, Side]]) -> Interval:
    """Mean over points of the difference of restricted means, each at the furthest time that both sides are known to.

    Points at which nobody generalised tell nothing, and are left out. Its half width is the root of the sum of the points' squared ones,
    over their number: a little wide, since each is Student's.
    """
    found = []
    for before, after in points:
        if before.event.any() or after.event.any():
            found.append(restricted_mean_difference(before.curve, after.curve, common_horizon([before.curve, after.curve])))
    if not found:
        return UNKNOWN
    value = sum(each.value for each in found) / len(found)
    half = sum((each.high - each.low) ** 2 / 4 for each in found) ** 0.5 / len(found)
    return found[0] if len(found) == 1 else Interval(value, value - half, value + half)


def _pairs(points: Sequence[tuple[Side, Side]]) -> Paired | None:
    """Pairs of one seed at one point; a seed's pairs at several points count as one."""
    if any(len(np.unique(side.seed)) < len(side) for point in points for side in point):
        return None
    matched: list[list[Side]] = [[], []]
    for point in points:
        shared = np.intersect1d(point[0].seed, point[1].seed)
        for into, side in zip(matched, point, strict=True):
            order = np.argsort(side.seed, kind="stable")
            kept = order[np.isin(side.seed[order], shared)]
            into.append(Side(side.when[kept], side.event[kept], side.seed[kept]))
    before, after = ([np.concatenate([getattr(side, name) for side in each]) for name in ("when", "event")] for each in matched)
    return paired((before[0], before[1]), (after[0], after[1]), np.concatenate([side.seed for side in matched[1]]))


def table(told: Sequence[Comparison], within: bool = True) -> Frame:
    """One row a comparison, with numbers; text is escaped."""
    rows = []
    for each in told:
        row = {"within": each.within, "of": "arm" if each.column == "arm" else short_word(each.column), "from": each.before, "to": each.after}
        row |= {"points": each.points, "runs": f"{each.n[0]}, {each.n[1]}", "generalised": f"{each.n_grokked[0]}, {each.n_grokked[1]}"}
        row |= {"difference in steps": each.difference.value, "low": each.difference.low, "high": each.difference.high}
        row |= {"log-rank p": each.p, "Holm p": each.p_holm}
        pairs = each.pairs or Paired(0, nan, UNKNOWN, nan, nan, 0, 0, nan)
        row |= {"pairs": pairs.n, "paired difference": pairs.difference.value, "paired low": pairs.difference.low, "paired high": pairs.difference.high}
        rows.append(row | {"paired p": pairs.p, "pairs sooner": pairs.n_sooner, "pairs later": pairs.n_later})
    return pd.DataFrame(rows)
