"""Correlations, what of them remains when a group is held fixed, and two intervals: Fisher's, and a bootstrap over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from math import atanh, isnan, nan, sqrt, tanh

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import CONFIDENCE, Interval, normal_quantile

DRAWS, SEED = 2000, 20260411
MOST = 0.999999  # a correlation whose Fisher transform is still finite
LEAST_SEEDS = 5  # of fewer there are so few choices with replacement that intervals come out far too narrow
Array = NDArray[np.float64]


def pearson(x: Array, y: Array) -> float:
    """Pearson's r of two columns (N,); NaN with fewer than three rows, or where one of them does not vary."""
    if len(x) < 3:
        return nan
    a, b = x - x.mean(), y - y.mean()
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    tiny = 1e-12 * float((np.abs(x).max() or 1.0) * (np.abs(y).max() or 1.0)) * len(x)
    return float(np.clip(a @ b / scale, -1, 1)) if scale > tiny else nan


def centred(values: Array, groups: NDArray[np.int64]) -> Array:
    """`values` (N,) less the mean of each one's group; groups are numbers from 0."""
    counts = np.maximum(np.bincount(groups), 1)
    return values - (np.bincount(groups, values) / counts)[groups]


def within(x: Array, y: Array, groups: NDArray[np.int64]) -> float:
    """The correlation with the group held fixed: of deviations from the means of groups, which is the partial correlation given an intercept for each."""
    return pearson(centred(x, groups), centred(y, groups))


def fisher(r: float, n: int, held: int = 0, confidence: float = CONFIDENCE) -> Interval:
    """r of `n` independent rows with `held` covariates held fixed, with Fisher's interval: atanh r is normal with variance 1 / (n - held - 3)."""
    if isnan(r) or n - held <= 3 or abs(r) >= 1:
        return Interval(r, nan, nan)
    half = normal_quantile(confidence) / sqrt(n - held - 3)
    return Interval(r, tanh(atanh(r) - half), tanh(atanh(r) + half))


def over_seeds(x: Array, y: Array, seeds: Sequence[int], groups: NDArray[np.int64] | None = None, draws: int = DRAWS) -> Interval:
    """The correlation of two columns (N,), with `groups` held fixed where they are given, and a percentile interval over choices of seeds.

    Each of `draws` takes as many seeds as there are, with replacement, each with all of its rows, which may be alike in ways that Fisher's interval does not
    know of. No interval with fewer than five seeds.
    """
    held = np.zeros(len(x), np.int64) if groups is None else groups
    a, b = x - x.mean(), y - y.mean()  # so that sums of squares lose no digits
    numbers, n_seeds = np.unique(np.asarray(seeds), return_inverse=True)[1], len(set(seeds))
    parts = np.zeros((n_seeds, held.max() + 1, 6))
    np.add.at(parts, (numbers, held), np.stack([np.ones(len(x)), a, b, a * a, b * b, a * b], 1))
    return _percentiles(pearson(x, y) if groups is None else within(x, y, groups), chosen(n_seeds, draws), parts)


def _percentiles(value: float, times: Array, parts: Array) -> Interval:
    """Quantiles of the correlation over draws that take each seed so many `times` (draws, seeds); `parts` (seeds, groups, 6): sums of 1, a, b, aa, bb, ab."""
    if parts.shape[0] < LEAST_SEEDS or isnan(value):
        return Interval(value, nan, nan)
    n, a, b, aa, bb, ab = np.moveaxis(np.einsum("ds,sgk->dgk", times, parts), -1, 0)
    n = np.maximum(n, 1)
    both, left, right = ((each - one * other / n).sum(1) for each, one, other in ((ab, a, b), (aa, a, a), (bb, b, b)))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.clip(both / np.sqrt(left * right), -1, 1)
    return _between(value, found)


def mean_over_seeds(values: Sequence[float], seeds: Sequence[int], draws: int = DRAWS) -> Interval:
    """The mean of correlations on Fisher's scale, NaN ones left out, with a percentile interval as above."""
    there = np.isfinite(np.asarray(values, float))
    labels, numbers = np.unique(np.asarray(seeds), return_inverse=True)
    scaled = np.arctanh(np.clip(np.asarray(values, float)[there], -MOST, MOST))
    if not there.any():
        return Interval(nan, nan, nan)
    value = float(np.tanh(scaled.mean()))
    if len(labels) < LEAST_SEEDS:
        return Interval(value, nan, nan)
    times = chosen(len(labels), draws)
    counts, sums = times @ np.bincount(numbers[there], minlength=len(labels)), times @ np.bincount(numbers[there], scaled, len(labels))
    return _between(value, np.tanh(np.divide(sums, counts, out=np.full(draws, nan), where=counts > 0)))


def chosen(n_seeds: int, draws: int) -> Array:
    """(draws, n_seeds) how many times each seed is taken."""
    return np.random.default_rng(SEED).multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), draws).astype(float)


def _between(value: float, found: Array) -> Interval:
    kept = found[np.isfinite(found)]
    if not len(kept):
        return Interval(value, nan, nan)
    low, high = np.quantile(kept, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value, float(low), float(high))
