"""Correlations, what of them remains when a group is held fixed, and two intervals: Fisher's, and a bootstrap over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import atanh, isnan, nan, sqrt, tanh

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import CONFIDENCE, Interval, normal_quantile

DRAWS, SEED = 500, 20260411
LEAST_SEEDS = 3
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


def over_seeds(statistic: Callable[[NDArray[np.int64]], float], seeds: Sequence[int], draws: int = DRAWS, confidence: float = CONFIDENCE) -> Interval:
    """`statistic` of all rows, with a percentile interval over `draws` choices of seeds with replacement, each with all of its rows.

    Rows of one seed may be alike in ways that Fisher's interval does not know of. No interval with fewer than three seeds.

    Args:
        statistic: of row numbers.   seeds: of each row.
    """
    labels, numbers = np.unique(np.asarray(seeds), return_inverse=True)
    value = statistic(np.arange(len(numbers)))
    if len(labels) < LEAST_SEEDS:
        return Interval(value, nan, nan)
    rows = [np.flatnonzero(numbers == number) for number in range(len(labels))]
    generator = np.random.default_rng(SEED)
    found = [statistic(np.concatenate([rows[each] for each in generator.integers(len(rows), size=len(rows))])) for _ in range(draws)]
    kept = [each for each in found if not isnan(each)]
    if not kept:
        return Interval(value, nan, nan)
    low, high = np.quantile(kept, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value, float(low), float(high))


def mean_correlation(values: Sequence[float]) -> float:
    """The mean of correlations on Fisher's scale; NaN ones are left out."""
    there = [each for each in values if not isnan(each)]
    return tanh(float(np.mean([atanh(min(max(each, -0.999999), 0.999999)) for each in there]))) if there else nan
