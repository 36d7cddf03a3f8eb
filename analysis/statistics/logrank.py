"""Whether groups of times are alike: the log-rank test of two or more, also within strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import comb, nan, prod

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

MOST_DEALS = 20_000


@dataclass(frozen=True)
class LogRank:
    """A test's statistic, its degrees of freedom, and the p value; NaN where no stratum with two groups has an event.

    `least_p` is the least p value that groups of these sizes could have: 2 / 252 of two groups of 5, whose mirrored deal is as far apart, and 1 / 35 of 3
    and 4, which have none; 0 where p is not exact but chi-squared's. `lean`, of two groups: events of the first less those expected, over all strata, so
    that the first is the sooner where it is positive; NaN of more groups.
    """

    statistic: float
    df: int
    p: float
    least_p: float = 0.0
    lean: float = nan


def log_rank(
    times: Sequence[float] | NDArray[np.float64],
    events: Sequence[bool] | NDArray[np.bool_],
    groups: Sequence[int] | NDArray[np.int64],
    strata: Sequence[int] | NDArray[np.int64] | None = None,
) -> LogRank:
    """The log-rank test (Mantel 1966; k groups and strata: Peto and Peto 1972) that groups have one law of times, in each stratum its own.

    A run's score is 1 with the event, else 0, less the cumulative hazard of all its stratum up to its time; a group's sum is its observed
    less expected events. Scores are dealt out at random within strata, as Peto and Peto do: of two groups the p value is exact up to
    MOST_DEALS ways to deal, else chi-squared with the exact variance of dealing. So runs are taken to have been followed alike: where
    groups were not, cut them to the shorter. Exact p values are never under what they should be: with two groups of 3 none is under
    0.1. Chi-squared alone would call every tenth such pair different, and by Mantel's variance, which is for many runs, more.

    Infinite times stay at risk for ever. With a stratum a point of a sweep, what points do to times cancels out, however much it is.

    Args:
        times, events: (N,) as in `survival`.   groups, strata: (N,) labels; one stratum by default.
    """
    time, event = np.asarray(times, float), np.asarray(events, bool)
    group = np.asarray(groups)[:, None] == np.unique(np.asarray(groups))
    stratum = np.zeros(len(time), int) if strata is None else np.asarray(strata)
    surplus, covariance, dealt = np.zeros(group.shape[1]), np.zeros((group.shape[1],) * 2), []
    for each in np.unique(stratum):
        inside = stratum == each
        sizes = group[inside].sum(axis=0).astype(float)
        if (sizes > 0).sum() < 2 or not event[inside].any():
            continue
        scores = _scores(time[inside], event[inside])
        dealt.append((scores, int(sizes[0])))
        surplus += scores @ group[inside]
        covariance += scores @ scores / (sizes.sum() - 1) * (np.diag(sizes) - np.outer(sizes, sizes) / sizes.sum())
    df = int(np.linalg.matrix_rank(covariance, tol=1e-9)) if dealt else 0
    if df == 0:  # every run at one step: nothing varies, and nothing tells them apart
        return LogRank(0.0, 0, 1.0, lean=0.0) if dealt else LogRank(nan, 0, nan)
    statistic = float(surplus @ np.linalg.pinv(covariance, rcond=1e-9, hermitian=True) @ surplus)
    n_deals = prod(comb(len(scores), size) for scores, size in dealt)
    lean = float(surplus[0]) if group.shape[1] == 2 else nan
    if group.shape[1] > 2 or n_deals > MOST_DEALS:
        return LogRank(statistic, df, float(chi2.sf(statistic, df)), lean=lean)
    mirrored = all(2 * size == len(scores) for scores, size in dealt)
    least_p = min(1.0, (2 if mirrored else 1) / n_deals)
    return LogRank(statistic, df, float(np.mean(np.abs(_deals(dealt)) >= abs(surplus[0]) - 1e-9)), least_p, lean)


def _deals(dealt: Sequence[tuple[NDArray[np.float64], int]]) -> NDArray[np.float64]:
    """The first group's sum of scores, over strata (scores, its size there), in each way to deal them out."""
    total = np.zeros(1)
    for scores, size in dealt:
        total = np.add.outer(total, scores[_choices(len(scores), size)].sum(axis=1)).ravel()
    return total


@cache
def _choices(n: int, size: int) -> NDArray[np.int_]:
    """All ways to choose `size` of n, (ways, size)."""
    return np.array(list(combinations(range(n), size)), int).reshape(comb(n, size), size)


def _scores(time: NDArray[np.float64], event: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Event less cumulative hazard (Nelson and Aalen) at each run's time, of one stratum; they add up to 0."""
    distinct, died = np.unique(time[event], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), distinct)
    hazard = np.concatenate([[0.0], np.cumsum(died / at_risk)])
    return event - hazard[np.searchsorted(distinct, time, "right")]
