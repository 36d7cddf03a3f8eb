"""Which cells, and which arms, generalise sooner: every comparison that the report makes, tested together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import isnan, nan

import pandas as pd

from analysis.cells import times
from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, dimension, layout, plain, split
from analysis.figures.theme import safe, short_word, value_word
from analysis.frame import Frame
from analysis.pooled import followed_alike, poolable
from analysis.statistics import CONFIDENCE, Interval, LogRank, Paired, common_horizon, holm, log_rank, paired, restricted_mean_difference, survival
from analysis.statistics.intervals import UNKNOWN


@dataclass(frozen=True)
class Comparison:
    """Times of two groups of runs. Words are escaped.

    Attributes:
        within: the facet, or "" for all.   column: what tells the groups apart.   before, after: its values in words; before is the reference.
        points: at how many points of the sweep both are there.   n, n_grokked: of runs, each of (before, after).
        difference: restricted mean after less before, averaged over points; negative is sooner.
        p: log-rank, within points; NaN where untested.   p_holm: adjusted among those of one facet, or among pairs of arms.
        least_p: the least that p_holm could be, however far apart such few runs are.
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
    pairs: Paired | None

    @property
    def way(self) -> int | None:
        """Whether after is measurably later (1), sooner (-1) or neither (0); None where untested, or with too few runs ever to tell."""
        if isnan(self.p_holm) or self.least_p >= 1 - CONFIDENCE:
            return None
        return 0 if self.p_holm >= 1 - CONFIDENCE or isnan(self.difference.value) else 1 if self.difference.value > 0 else -1


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
    cells = sorted(((x.index(group[x.column].iloc[0]), group) for _, group in runs.groupby("cell", sort=True)), key=lambda each: each[0])
    if len(cells) < 2 or len({index for index, _ in cells}) < len(cells):
        return []
    words = [value_word(plain(group[x.column].iloc[0])) if x.column != "name" else safe(str(group["name"].iloc[0])) for _, group in cells]
    first = cells[0][1]
    return adjusted([compared(title, x.column, (words[0], word), [(first, group)]) for (_, group), word in zip(cells[1:], words[1:], strict=True)])


def between_arms(tables: Tables, runs: Frame) -> list[Comparison]:
    """Every two arms, within each point that both have runs at; none where arms share no point."""
    arms = dimension(tables, "arm").values
    keys = runs[[*tables.axes, "name"]].map(plain).apply(lambda row: repr(tuple(row)), axis=1) if len(runs) else pd.Series(dtype=str)
    told = []
    for before, after in combinations(arms, 2):
        sides = [dict(iter(runs[runs["arm"] == arm].groupby(keys, sort=False))) for arm in (before, after)]
        shared = [(sides[0][key], sides[1][key]) for key in sides[0] if key in sides[1]]
        told += [compared("", "arm", (safe(str(before)), safe(str(after))), shared)] if shared else []
    return adjusted(told)


def adjusted(told: Sequence[Comparison]) -> list[Comparison]:
    """`told` with Holm's adjustment among them."""
    n_tested = sum(not isnan(each.p) for each in told)
    return [replace(each, p_holm=p, least_p=min(1.0, each.least_p * n_tested)) for each, p in zip(told, holm([each.p for each in told]), strict=True)]


def compared(title: str, column: str, words: tuple[str, str], points: Sequence[tuple[Frame, Frame]]) -> Comparison:
    """One comparison, over `points`: runs of either side at each. Untested where at no point both sides have 2 runs."""
    sides: list[Frame] = [pd.concat([point[side] for point in points]) for side in (0, 1)]
    before, after = sides
    n, k = (len(before), len(after)), (int(before["event"].sum()), int(after["event"].sum()))
    tested = any(min(map(len, point)) >= 2 for point in points) and max(k) > 0
    test, difference = (_log_rank(points), _difference(points)) if tested else (LogRank(nan, 0, nan), UNKNOWN)
    return Comparison(title, column, *words, len(points), n, k, difference, test.p, nan, test.least_p, _pairs(points))


def _log_rank(points: Sequence[tuple[Frame, Frame]]) -> LogRank:
    time, event, group, stratum = [], [], [], []
    for number, point in enumerate(points):
        cut = followed_alike([times(side) for side in point], [side["event"].tolist() for side in point])
        for side, (when, seen) in enumerate(zip(*cut, strict=True)):
            time, event = [*time, *when], [*event, *seen]
            group, stratum = [*group, *[side] * len(when)], [*stratum, *[number] * len(when)]
    return log_rank(time, event, group, stratum)


def _difference(points: Sequence[tuple[Frame, Frame]]) -> Interval:
    """Mean over points of the difference of restricted means, each at the furthest time that both sides are known to.

    Points at which nobody generalised tell nothing, and are left out. Its half width is the root of the sum of the points' squared ones,
    over their number: a little wide, since each is Student's.
    """
    found = []
    for point in points:
        curves = [survival(times(side), side["event"].tolist()) for side in point]
        if any(side["event"].any() for side in point):
            found.append(restricted_mean_difference(curves[0], curves[1], common_horizon(curves)))
    if not found:
        return UNKNOWN
    value = sum(each.value for each in found) / len(found)
    half = sum((each.high - each.low) ** 2 / 4 for each in found) ** 0.5 / len(found)
    return found[0] if len(found) == 1 else Interval(value, value - half, value + half)


def _pairs(points: Sequence[tuple[Frame, Frame]]) -> Paired | None:
    """Pairs of one seed at one point; a seed's pairs at several points count as one."""
    sides: list[list[Frame]] = [[], []]
    for point in points:
        shared = set(point[0]["seed"]) & set(point[1]["seed"])
        if any(side["seed"].duplicated().any() for side in point):
            return None
        for side, runs in zip(sides, point, strict=True):
            side.append(runs[runs["seed"].isin(shared)].sort_values("seed", kind="stable"))
    before, after = (pd.concat(side) for side in sides)
    return paired((times(before), before["event"].tolist()), (times(after), after["event"].tolist()), after["seed"].tolist())


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
