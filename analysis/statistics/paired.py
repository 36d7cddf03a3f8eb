"""Two groups of runs that share seeds, so that each run has its like: differences within pairs, censored ones included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import inf, nan

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from analysis.statistics.intervals import UNKNOWN, Interval
from analysis.statistics.means import DRAWS, SEED, mean_interval

MOST_EXACT = 14  # pairs: 16,384 ways to sign them
ROUNDING = 1e-12  # of the horizon


@dataclass(frozen=True)
class Paired:
    """What pairs say of times.

    Attributes:
        n: pairs.   horizon: up to where every run of them is known.
        difference: mean of min(T, horizon) after less before, with Student's t interval over pairs (cut to +-horizon); none where all pairs differ alike,
            which censoring at one horizon and evaluations at the same steps make them do: they have no spread to measure it by.
        p: of the exact sign-flip permutation test that it is 0; NaN with fewer than 2 pairs.   least_p: the least it could be: 2^(1 - n).
        n_sooner, n_later: pairs whose order is known, in which the second run was sooner, or later.
        sign_p: of the exact sign test on those; NaN without any.
    """

    n: int
    horizon: float
    difference: Interval
    p: float
    least_p: float
    n_sooner: int
    n_later: int
    sign_p: float


Times = tuple[Sequence[float] | NDArray[np.float64], Sequence[bool] | NDArray[np.bool_]]


def paired(before: Times, after: Times, blocks: Sequence[int] | NDArray[np.int64] | None = None) -> Paired:
    """Compares `after` with `before`, each times and events (N,) as in `survival`, pair by pair.

    The horizon is the earliest censoring time, or without any the last event; so min(T, horizon) is known of every run, and what is averaged
    is a difference of restricted means. Of a pair with one run censored the order is known where the other's event came first.

    Args:
        blocks: (N,) labels of pairs that are not independent, as those of one seed at several points: they are averaged, and count as one
            pair in `difference` and `p`; the order is told of every pair, and tested only where there are no blocks with several.
    """
    times = [np.asarray(side[0], float) for side in (before, after)]
    events = [np.asarray(side[1], bool) for side in (before, after)]
    if not len(times[0]):
        return Paired(0, nan, UNKNOWN, nan, nan, 0, 0, nan)
    censored = np.concatenate([time[~event] for time, event in zip(times, events, strict=True)])
    happened = np.concatenate([time[event] for time, event in zip(times, events, strict=True)])
    horizon = float(min(censored.min(initial=inf), happened.max(initial=0.0) if not np.isfinite(censored).any() else inf))
    gaps = np.minimum(times[1], horizon) - np.minimum(times[0], horizon)
    block = np.arange(len(gaps)) if blocks is None else np.unique(np.asarray(blocks), return_inverse=True)[1]
    means = np.bincount(block, gaps) / np.bincount(block)
    n_sooner, n_later = int((events[1] & (times[1] < times[0])).sum()), int((events[0] & (times[0] < times[1])).sum())
    alone = len(means) == len(gaps)
    sign_p = float(binomtest(n_sooner, n_sooner + n_later).pvalue) if alone and n_sooner + n_later else nan
    return Paired(len(means), horizon, _mean(means, horizon), flipped_p(means), least_p(len(means)), n_sooner, n_later, sign_p)


def _mean(gaps: NDArray[np.float64], horizon: float) -> Interval:
    """The mean with its interval; without one where gaps are alike but for rounding."""
    found = mean_interval(gaps.tolist(), -horizon, horizon)
    return found if vary(gaps, horizon) else Interval(found.value, nan, nan)


def vary(gaps: NDArray[np.float64], size: float) -> bool:
    """Whether gaps of numbers of this `size` are not all alike but for rounding: else there is no spread, and so no interval of their mean."""
    return bool(np.ptp(gaps) > ROUNDING * size)


def least_p(n: int) -> float:
    """The least that `flipped_p` of `n` gaps can be."""
    return 2.0 ** (1 - n)


def flipped_p(gaps: NDArray[np.float64]) -> float:
    """P value of the two-sided test that gaps (N,) are as likely to have either sign: exact up to MOST_EXACT, else by DRAWS random ways.

    NaN with fewer than 2. Gaps that are all alike have one as well: it is of their signs, and needs no spread.
    """
    if len(gaps) < 2:
        return nan
    exact = len(gaps) <= MOST_EXACT
    flips = _signs(len(gaps)) if exact else np.random.default_rng(SEED).choice([-1.0, 1.0], (DRAWS, len(gaps)))
    as_far = int((np.abs(flips @ gaps) >= abs(gaps.sum()) - ROUNDING * np.abs(gaps).sum()).sum())
    return as_far / len(flips) if exact else (as_far + 1) / (len(flips) + 1)


@cache
def _signs(n: int) -> NDArray[np.float64]:
    """All ways to sign n values, (2^n, n)."""
    return np.array(list(product([-1.0, 1.0], repeat=n)))
