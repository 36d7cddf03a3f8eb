"""Accelerated failure times: how the time to an event scales with settings, log T = b . x + s e, from censored times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import f as f_law

from analysis.statistics.error_laws import LAWS, Law
from analysis.statistics.intervals import CONFIDENCE, Interval, student_quantile

Array = NDArray[np.float64]
PRECISION_LOSS, MOST_GAIN = 2, 1e-6  # how BFGS says that rounding stopped it, and the log likelihood still to be had up to which that was at the maximum
CERTAIN = 1e-6  # minus a log likelihood: all runs did what was all but sure
LEAST_SCALE = 1e-4  # of log T: times that agree so well leave no error to measure an interval by


@dataclass(frozen=True)
class Fit:
    """A fitted law of times.

    Attributes:
        law: of T: weibull, log-normal or log-logistic.
        coefficients: (P,) b with intervals, in the order of the design's columns: of a column log a, an exponent: T goes as a to the b.
        scale: s.   log_likelihood: of log T.   aic: 2 (P + 1 - log likelihood).
        n, n_events: runs, and those of them that have the event.
    """

    law: str
    coefficients: tuple[Interval, ...]
    scale: float
    log_likelihood: float
    aic: float
    n: int
    n_events: int


def best_fit(design: Array, lower: Sequence[float], upper: Sequence[float], confidence: float = CONFIDENCE) -> Fit | str:
    """The fit with the least AIC among LAWS; or in words why there is none: see `fit`."""
    fits = [fit(design, lower, upper, law, confidence) for law in LAWS]
    told = [each for each in fits if isinstance(each, Fit)]
    return min(told, key=lambda each: each.aic) if told else next(each for each in fits if isinstance(each, str))


def fit(design: Array, lower: Sequence[float], upper: Sequence[float], law: str, confidence: float = CONFIDENCE) -> Fit | str:
    """Maximum likelihood (Kalbfleisch and Prentice 2002, chapter 3), or in words why the data do not determine it.

    Each time lies in (lower, upper]: equal bounds are an exact time, an infinite upper one is a time censored on the right, a lower
    one of 0 is one censored on the left. Intervals are Wald's from the observed information; as least squares does, the variance is
    scaled by D / (D - P) and Student's t with D - P degrees of freedom is used, D being the events: where nothing is censored and errors
    are normal they are least squares' own.

    Args:
        design: (N, P), with a column of ones where there is to be an intercept.
    """
    low, high = np.log(np.maximum(np.asarray(lower, float), 1e-300)), np.log(np.asarray(upper, float))
    low[np.asarray(lower, float) <= 0] = -np.inf
    happened = np.isfinite(high)
    if reason := _undetermined(design, low, high, happened):
        return reason
    x, unit = _scaled(design)
    start, spread = _start(x, low, high, happened)
    if spread < LEAST_SCALE:
        return "the times follow the settings without any spread, so that there is nothing to measure an interval by"
    found = minimize(_loss, start, args=(x, low, high, LAWS[law]), jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 500})
    loss, parameters = float(found.fun), found.x
    if not (low == high).any() and loss < CERTAIN:
        return "one law passes between every two evaluations however small its spread, so that there is nothing to measure an interval by"
    information = _information(parameters, x, low, high, LAWS[law])
    if not np.isfinite(information).all() or not np.all(np.linalg.eigvalsh(information) > 1e-8):
        return "the times do not determine the fit"
    if not found.success and (found.status != PRECISION_LOSS or _gain(found.jac, information) > MOST_GAIN):
        return f"the search for the likeliest fit ended before it was there ({found.message.rstrip('.').lower()})"
    n_events, n_columns = int(happened.sum()), design.shape[1]
    df = n_events - n_columns
    errors = np.sqrt(np.diag(np.linalg.inv(information))[:-1] * n_events / df) / unit
    values, half = parameters[:-1] / unit, student_quantile(confidence, df) * errors
    coefficients = tuple(Interval(float(value), float(value - width), float(value + width)) for value, width in zip(values, half, strict=True))
    return Fit(law, coefficients, exp(parameters[-1]), -loss, 2 * (n_columns + 1 + loss), len(low), n_events)


def likelihood_ratio_p(small: Fit, large: Fit) -> float:
    """P value of the likelihood-ratio test that what `large` has beyond `small`, both of one law, is nothing.

    Chi-squared is for many events, and with few calls too many laws larger. The ratio is taken for the F statistic that it
    is, exactly, where nothing is censored and errors are normal: F = (e^(LR / D) - 1) (D - P) / q, of D events, P coefficients and q more than `small` has.
    """
    assert small.law == large.law
    ratio, n_more = 2 * max(0.0, large.log_likelihood - small.log_likelihood), len(large.coefficients) - len(small.coefficients)
    df = large.n_events - len(large.coefficients)
    return float(f_law.sf(np.expm1(ratio / large.n_events) * df / n_more, n_more, df))


def _undetermined(design: Array, low: Array, high: Array, happened: NDArray[np.bool_]) -> str | None:
    """Why runs with the event alone cannot place every coefficient: then the likelihood may grow without end."""
    n_events, n_columns = int(happened.sum()), design.shape[1]
    if n_events < n_columns + 2:
        return f"only {n_events} runs generalised, too few for {n_columns} coefficients and their intervals"
    if np.linalg.matrix_rank(design[happened]) < n_columns:
        return "those runs that generalised do not vary enough in the settings to tell their effects apart"
    return None


def _scaled(design: Array) -> tuple[Array, Array]:
    """`design` with columns of like size, and the size of each: for the optimiser alone."""
    unit = np.sqrt(np.mean(design**2, axis=0))
    return design / unit, unit


def _start(x: Array, low: Array, high: Array, happened: NDArray[np.bool_]) -> tuple[Array, float]:
    """Least squares of the middles of the events with the log of their spread, not under what leaves the likelihood a slope; and the spread itself."""
    middle = np.where(np.isfinite(low), (low + np.where(happened, high, low)) / 2, np.where(happened, high, 0.0))[happened]
    slope = np.linalg.lstsq(x[happened], middle, rcond=None)[0]
    spread = sqrt(float(np.mean((middle - x[happened] @ slope) ** 2)))
    return np.append(slope, np.log(max(spread, 0.05))).astype(np.float64), spread


def _loss(parameters: Array, x: Array, low: Array, high: Array, law: Law) -> tuple[float, Array]:
    """Minus the log likelihood of log T, and its gradient in (b, log s)."""
    scale = np.exp(np.clip(parameters[-1], np.log(LEAST_SCALE) - 1, 20))
    centre = x @ parameters[:-1]
    exact = low == high
    a, b = (low - centre) / scale, (high - centre) / scale
    value, by_a, by_b = law.interval(a[~exact], b[~exact])
    density, slope = law.density(a[exact])
    by_centre, by_scale = np.zeros(len(low)), np.zeros(len(low))
    ends = [(by_a, a[~exact]), (by_b, b[~exact])]
    by_centre[~exact] = -sum(by for by, _ in ends) / scale
    by_scale[~exact] = -sum(by * np.where(np.isfinite(z), z, 0.0) for by, z in ends)
    by_centre[exact], by_scale[exact] = -slope / scale, -slope * a[exact] - 1
    total = float(value.sum() + density.sum() - exact.sum() * np.log(scale))
    return -total, -np.append(by_centre @ x, by_scale.sum())


def _information(parameters: Array, x: Array, low: Array, high: Array, law: Law) -> Array:
    """The observed information, by central differences of the gradient, made symmetric."""
    size = 1e-5
    steps = np.eye(len(parameters)) * size
    rows = [(_loss(parameters + step, x, low, high, law)[1] - _loss(parameters - step, x, low, high, law)[1]) / (2 * size) for step in steps]
    return (np.array(rows) + np.array(rows).T) / 2


def _gain(slope: Array, information: Array) -> float:
    """What a Newton step would add to the log likelihood."""
    return float(slope @ np.linalg.solve(information, slope)) / 2
