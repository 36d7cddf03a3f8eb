"""Intervals and survival: what few seeds allow to be said. Pure functions of numbers.

A run that diverged will never generalise: its time is infinite, and it stays at risk for ever. So 1 - S(t) is the
cumulative incidence of generalising, and is not inflated by the runs that broke.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan, log, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import CensoredData, logrank, norm, t

CONFIDENCE = 0.95


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
            Clopper-Pearson's exact bound for n of n events.
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
        """First time at which half have generalised, with its interval (Brookmeyer and Crowley 1982); inf means "not reached". One run has no interval."""
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
    bands = [_band(s, v, len(time), confidence) for s, v in zip(share, variance, strict=True)]
    low, high = (np.array([band[side] for band in bands], float) for side in (0, 1))
    last = float(finite.max()) if len(finite) else 0.0
    for_ever = len(time) > 0 and ((len(share) > 0 and share[-1] <= 0) or len(finite) < len(time))
    return Survival(distinct, share, low, high, len(time), last, inf if for_ever else last)


def _band(share: float, variance: float, n: int, confidence: float) -> tuple[float, float]:
    """Limits of S where its Greenwood sum is `variance`."""
    if share <= 0:
        return 0.0, 1 - ((1 - confidence) / 2) ** (1 / n)
    z = float(norm.ppf((1 + confidence) / 2))
    spread = z * sqrt(variance) / abs(log(share))
    return share ** float(np.exp(spread)), share ** float(np.exp(-spread))


def common_horizon(curves: Sequence[Survival]) -> float:
    """The furthest time up to which every curve is known; NaN without curves."""
    horizon = min((curve.known_to for curve in curves if curve.n), default=nan)
    return horizon if isnan(horizon) or horizon < inf else max(curve.last for curve in curves if curve.n)


def changed(before: Sequence[float], after: Sequence[float], level: float = 1 - CONFIDENCE) -> int | None:
    """Whether a mean rose (1), fell (-1) or neither (0), by Welch's t test at `level`; None where a side has under two values.

    Two sides without any spread differ as soon as their values do.
    """
    a, b = (np.asarray([value for value in side if np.isfinite(value)], float) for side in (before, after))
    if min(len(a), len(b)) < 2:
        return None
    difference = float(b.mean() - a.mean())
    if abs(difference) <= 1e-12 * max(1.0, float(np.abs(a).max()), float(np.abs(b).max())):
        return 0
    parts = [float(np.var(side, ddof=1)) / len(side) for side in (a, b)]
    if sum(parts) == 0:
        return int(np.sign(difference))
    freedom = sum(parts) ** 2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (a, b), strict=True))
    p = 2 * float(t.sf(abs(difference) / sqrt(sum(parts)), freedom))
    return int(np.sign(difference)) if p < level else 0


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
