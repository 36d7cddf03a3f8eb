"""Times to an event of which some runs' are not known: Kaplan and Meier's curve, its median and its restricted mean.

A run that diverged will never generalise: its time is infinite, and it stays at risk for ever. So 1 - S(t) is the cumulative incidence
of generalising, with diverging as the competing event, and is not inflated by the runs that broke. Where every other run has the
same budget this is Aalen and Johansen's estimate exactly (tests/analysis/test_times.py holds it to that); where budgets differ, S is a
little higher after the first of them, and is known no further than theirs is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan, log, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import CONFIDENCE, UNKNOWN, Interval, normal_quantile, student_quantile

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Survival:
    """Kaplan-Meier's estimate of the share that has not generalised yet, right-continuous, from 1 at time 0.

    Attributes:
        times: (K,) distinct finite event times, ascending.   share: (K,) S at and after each.
        low, high: (K,) pointwise band: Greenwood's variance on the log(-log S) scale; where S is 0, which has none,
            Clopper-Pearson's exact bound for all of the effective number at risk, which is those at risk over the S they are the
            rest of (Cutler and Ederer 1958): n where nothing was censored before, and less where something was.
        last: the longest finite time that was looked at.
        known_to: up to where S is known: the last censoring, if it is not before the last event; for ever if it is, or there is none: all
            then have had the event, or can never have it.
        greenwood: (K,) each time's term d / (r (r - d)) of Greenwood's sum, of d events among r at risk; infinite where all had it.
        censored: (M,) finite times at which looking ended without the event, ascending.
    """

    times: Array
    share: Array
    low: Array
    high: Array
    n: int
    last: float
    known_to: float
    greenwood: Array
    censored: Array

    def median(self) -> Interval:
        """First time at which half have generalised, with its interval (Brookmeyer and Crowley 1982); inf means "not reached", of the upper limit
        that there is none, as with fewer than 6 runs even if all generalise. One run has no interval. Measured coverage over 4,000 simulations
        (exponential, a fifth censored): 97 % with 5 runs, 95 with 8, 97 with 20, 94 with 40, 96 with 80: it moves as medians of few values do."""
        if self.n == 1:
            return Interval(self._first_at_most_half(self.share), nan, nan)
        return Interval(*(self._first_at_most_half(curve) for curve in (self.share, self.low, self.high)))

    def _first_at_most_half(self, curve: Array) -> float:
        under = np.flatnonzero(curve <= 0.5 + 1e-12)
        return float(self.times[under[0]]) if len(under) else (inf if self.n else nan)

    def restricted_mean(self, horizon: float, confidence: float = CONFIDENCE) -> Interval:
        """Mean of min(T, horizon): the area under S up to `horizon`, with its interval; NaN without runs, or where nothing was looked at so far out.

        Greenwood's variance by the delta method, times m / (m - 1) (Kaplan and Meier 1958), and Student's t with m - 1 degrees of freedom,
        m being the runs whose min(T, horizon) is known: where that is all of them, this is the t interval of their mean. No interval
        with m < 2, nor where none has generalised by then: the mean is then the horizon, and how much less it might be is not known; nor
        where all did at one step: there is no spread to measure it by.
        Measured coverage over 4,000 simulations (exponential): 92 % with 5 runs, 94 with 8, 95 with 20 and more.
        """
        value, variance, m = self.restricted(horizon)
        if isnan(variance) or variance == 0:
            return Interval(value, nan, nan)
        half = student_quantile(confidence, m - 1) * sqrt(variance)
        return Interval(value, max(0.0, value - half), min(horizon, value + half))

    def restricted(self, horizon: float) -> tuple[float, float, int]:
        """The restricted mean, the variance of that estimate (NaN where there is no telling), and m: see `restricted_mean`."""
        if self.n == 0 or not horizon <= self.known_to:
            return nan, nan, 0
        inside = self.times < horizon
        edges = np.concatenate([[0.0], self.times[inside], [horizon]])
        areas = np.diff(edges) * np.concatenate([[1.0], self.share[inside]])
        m = self.n - int((self.censored < horizon).sum())
        if m < 2 or not (self.times <= horizon).any():
            return float(areas.sum()), nan, m
        to_come = np.cumsum(areas[::-1])[::-1][1:]
        terms = np.where(to_come > 0, self.greenwood[inside], 0.0)  # nothing is to come after the last, whose term is infinite
        return float(areas.sum()), float(np.sum(to_come**2 * terms)) * m / (m - 1), m


def survival(times: Sequence[float] | Array, events: Sequence[bool] | NDArray[np.bool_], confidence: float = CONFIDENCE) -> Survival:
    """Kaplan-Meier. `times`: of the event, or of the end of looking where `events` is False; infinite for what can never happen."""
    time, event = np.asarray(times, float), np.asarray(events, bool)
    finite = time[np.isfinite(time)]
    distinct = np.unique(time[event])
    ordered, happened = np.sort(time), np.sort(time[event])
    at_risk = (len(time) - np.searchsorted(ordered, distinct)).astype(float)
    died = (np.searchsorted(happened, distinct, "right") - np.searchsorted(happened, distinct)).astype(float)
    share = np.cumprod(1 - died / at_risk).astype(np.float64)
    with np.errstate(divide="ignore"):
        greenwood = died / (at_risk * (at_risk - died))
    effective = at_risk / np.concatenate([[1.0], share[:-1]])
    bands = [_band(s, v, n, confidence) for s, v, n in zip(share, np.cumsum(greenwood), effective, strict=True)]
    low, high = (np.array([band[side] for band in bands], float) for side in (0, 1))
    last = float(finite.max()) if len(finite) else 0.0
    censored = np.sort(time[~event & np.isfinite(time)])
    known = _known_to(censored, distinct) if len(time) else last
    return Survival(distinct, share, low, high, len(time), last, known, greenwood, censored)


def _known_to(censored: Array, happened: Array) -> float:
    """Where S ends to be known: with a run censored then, that no later event speaks for; whether it would have generalised, nobody saw."""
    if len(censored) and (not len(happened) or censored[-1] >= happened[-1]):
        return float(censored[-1])
    return inf


def _band(share: float, variance: float, n: float, confidence: float) -> tuple[float, float]:
    """Limits of S where its Greenwood sum is `variance`, and `n` the effective number at risk."""
    if share <= 0:
        return 0.0, 1 - ((1 - confidence) / 2) ** (1 / n)
    spread = normal_quantile(confidence) * sqrt(variance) / abs(log(share))
    return share ** float(np.exp(spread)), share ** float(np.exp(-spread))


def common_horizon(curves: Sequence[Survival]) -> float:
    """The furthest time up to which every curve is known; NaN without curves."""
    horizon = min((curve.known_to for curve in curves if curve.n), default=nan)
    return horizon if isnan(horizon) or horizon < inf else max(curve.last for curve in curves if curve.n)


def restricted_mean_difference(before: Survival, after: Survival, horizon: float, confidence: float = CONFIDENCE) -> Interval:
    """Restricted mean of `after` less that of `before`, two independent groups; Welch's degrees of freedom. Bounds are NaN where either has none."""
    (one, one_variance, n_one), (other, other_variance, n_other) = before.restricted(horizon), after.restricted(horizon)
    if isnan(one) or isnan(other):
        return UNKNOWN
    variance = one_variance + other_variance
    if isnan(variance) or variance <= 0:
        return Interval(other - one, nan, nan)
    df = variance**2 / (one_variance**2 / (n_one - 1) + other_variance**2 / (n_other - 1))
    half = student_quantile(confidence, df) * sqrt(variance)
    return Interval(other - one, max(-horizon, other - one - half), min(horizon, other - one + half))
