"""Intervals and survival: what few seeds allow to be said. Pure functions of numbers.

A run that diverged will never generalise: its time is infinite, and it stays at risk for ever. So 1 - S(t) is the
cumulative incidence of generalising, and is not inflated by the runs that broke.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, inf, isnan, log, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import CensoredData, logrank, norm, permutation_test, t

CONFIDENCE = 0.95
DRAWS, SEED = 20_000, 20240229


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval at CONFIDENCE; NaN bounds mean that there are too few values to say."""

    value: float
    low: float
    high: float


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """A share with Wilson's score interval (Wilson 1927, JASA 22:209); all NaN for n = 0."""
    if n == 0:
        return Interval(nan, nan, nan)
    z = float(norm.ppf((1 + confidence) / 2))
    share, scale = successes / n, 1 + z * z / n
    middle = (share + z * z / (2 * n)) / scale
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Interval(share, 0.0 if successes == 0 else low, 1.0 if successes == n else high)


def mean_interval(values: Sequence[float], low: float = -inf, high: float = inf, confidence: float = CONFIDENCE) -> Interval:
    """Mean of the finite `values` with Student's t interval, cut to what is possible, [low, high]. One value has no interval."""
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        return Interval(nan, nan, nan)
    mean = float(np.mean(finite))
    if len(finite) == 1:
        return Interval(mean, nan, nan)
    half = float(t.ppf((1 + confidence) / 2, len(finite) - 1)) * float(np.std(finite, ddof=1)) / sqrt(len(finite))
    return Interval(mean, max(low, mean - half), min(high, mean + half))


@dataclass(frozen=True)
class Survival:
    """Kaplan-Meier's estimate of the share that has not generalised yet, right-continuous, from 1 at time 0.

    Attributes:
        times: (K,) distinct finite event times, ascending.   share: (K,) S at and after each.
        low, high: (K,) pointwise band: Greenwood's variance on the log(-log S) scale; where S is 0, which has none,
            Clopper-Pearson's exact bound for all of the effective number at risk, which is those at risk over the S they are the
            rest of (Cutler and Ederer 1958): n where nothing was censored before, and less where something was.
        last: the longest finite time that was looked at.
        known_to: up to where S is known: for ever if all have had the event, or the last at risk can never have it.
    """

    times: NDArray[np.float64]
    share: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: int
    last: float
    known_to: float

    def median(self) -> Interval:
        """First time at which half have generalised, with its interval (Brookmeyer and Crowley 1982); inf means "not reached", of the upper limit
        that there is none, as with fewer than 6 runs even if all generalise. One run has no interval."""
        if self.n == 1:
            return Interval(self._first_at_most_half(self.share), nan, nan)
        return Interval(*(self._first_at_most_half(curve) for curve in (self.share, self.low, self.high)))

    def _first_at_most_half(self, curve: NDArray[np.float64]) -> float:
        under = np.flatnonzero(curve <= 0.5 + 1e-12)
        return float(self.times[under[0]]) if len(under) else (inf if self.n else nan)

    def restricted_mean(self, horizon: float) -> float:
        """Mean of min(T, horizon): the area under S up to `horizon`; NaN without runs, or where nothing was looked at so far out."""
        if self.n == 0 or not horizon <= self.known_to:
            return nan
        inside = self.times < horizon
        edges = np.concatenate([[0.0], self.times[inside], [horizon]])
        return float(np.sum(np.diff(edges) * np.concatenate([[1.0], self.share[inside]])))


def survival(times: Sequence[float], events: Sequence[bool], confidence: float = CONFIDENCE) -> Survival:
    """Kaplan-Meier. `times`: of the event, or of the end of looking where `events` is False; infinite for what can never happen."""
    time, event = np.asarray(times, float), np.asarray(events, bool)
    finite = time[np.isfinite(time)]
    distinct = np.unique(time[event])
    at_risk = np.array([(time >= each).sum() for each in distinct], float)
    died = np.array([(time[event] == each).sum() for each in distinct], float)
    share = np.cumprod(1 - died / at_risk).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(died / (at_risk * (at_risk - died)))
    effective = at_risk / np.concatenate([[1.0], share[:-1]])
    bands = [_band(s, v, n, confidence) for s, v, n in zip(share, variance, effective, strict=True)]
    low, high = (np.array([band[side] for band in bands], float) for side in (0, 1))
    last = float(finite.max()) if len(finite) else 0.0
    for_ever = len(time) > 0 and ((len(share) > 0 and share[-1] <= 0) or len(finite) < len(time))
    return Survival(distinct, share, low, high, len(time), last, inf if for_ever else last)


def _band(share: float, variance: float, n: float, confidence: float) -> tuple[float, float]:
    """Limits of S where its Greenwood sum is `variance`, and `n` the effective number at risk."""
    if share <= 0:
        return 0.0, 1 - ((1 - confidence) / 2) ** (1 / n)
    z = float(norm.ppf((1 + confidence) / 2))
    spread = z * sqrt(variance) / abs(log(share))
    return share ** float(np.exp(spread)), share ** float(np.exp(-spread))


def common_horizon(curves: Sequence[Survival]) -> float:
    """The furthest time up to which every curve is known; NaN without curves."""
    horizon = min((curve.known_to for curve in curves if curve.n), default=nan)
    return horizon if isnan(horizon) or horizon < inf else max(curve.last for curve in curves if curve.n)


def difference_p(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    """P value of the two-sided permutation test that two means are alike, and the least that sides of these sizes could have.

    Exact up to DRAWS ways to deal the values out, else by as many random ones, from a stream of its own. NaN with a side under two values.
    """
    if min(len(before), len(after)) < 2:
        return nan, nan
    least = min(1.0, 2 / comb(len(before) + len(after), len(before)))

    def difference(a: NDArray[np.float64], b: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        return np.mean(b, axis=axis) - np.mean(a, axis=axis)

    sides = (np.asarray(before, float), np.asarray(after, float))
    found = permutation_test(sides, difference, vectorized=True, n_resamples=DRAWS, rng=np.random.default_rng(SEED))
    return float(found.pvalue), least


def directions(pairs: Sequence[tuple[Sequence[float], Sequence[float]]], level: float = 1 - CONFIDENCE) -> list[int | None]:
    """For each (before, after) whether its mean rose (1), fell (-1) or neither measurably (0), tested together with Holm's adjustment.

    None where the sides are so small that not even values wholly apart could tell: with three pairs, fewer than 5 against 4.
    NaN and infinite values are no measurements, and are left out.
    """
    finite = [tuple([value for value in side if np.isfinite(value)] for side in pair) for pair in pairs]
    tested = [difference_p(before, after) for before, after in finite]
    n_tested = sum(not isnan(p) for p, _ in tested)
    ways: list[int | None] = []
    for (before, after), p, (_, least) in zip(finite, holm([p for p, _ in tested]), tested, strict=True):
        unknown = isnan(p) or least * n_tested > level
        ways.append(None if unknown else int(np.sign(np.mean(after) - np.mean(before))) if p < level else 0)
    return ways


def earlier(times: tuple[Sequence[float], Sequence[float]], events: tuple[Sequence[bool], Sequence[bool]]) -> float:
    """P value of the log-rank test that two groups of times are alike; NaN where neither group has an event. Infinite times stay at risk for ever."""
    if not any(any(side) for side in events):
        return nan
    longest = max(value for side in times for value in side if np.isfinite(value)) + 1.0
    sides = [
        CensoredData.right_censored(np.minimum(np.asarray(time, float), longest), ~np.asarray(event, bool)) for time, event in zip(times, events, strict=True)
    ]
    with np.errstate(invalid="ignore"):  # every run at one step: nothing varies, and nothing tells them apart
        p = float(logrank(sides[0], sides[1]).pvalue)
    return 1.0 if isnan(p) else p


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment (1979) of `p_values`; NaN stays NaN and is not counted."""
    known = [index for index, p in enumerate(p_values) if not isnan(p)]
    adjusted, highest = list(p_values), 0.0
    for rank, index in enumerate(sorted(known, key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(known) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
