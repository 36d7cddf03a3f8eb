"""Correlations, what of them remains when a group is held fixed, and two intervals: Fisher's, of rows, and Student's, of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from math import atanh, isnan, nan, sqrt, tanh

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import CONFIDENCE, Interval, normal_quantile
from analysis.statistics.means import mean_interval

MOST = 0.999999  # a correlation whose Fisher transform is still finite
LEAST_ROWS = 4
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


def over_seeds(
    x: Array, y: Array, seeds: Sequence[int] | NDArray[np.int64], groups: NDArray[np.int64] | None = None, confidence: float = CONFIDENCE
) -> Interval:
    """The mean over seeds of the correlation of each one's rows (N,), with `groups` held fixed where they are given: see `mean_over_seeds`.

    Rows of one seed may be alike in ways that Fisher's interval does not know of; seeds are independent. Seeds with fewer than four rows, those that groups
    take up not counted, have none: of three, correlations are near 1 by chance.
    """
    labels = np.asarray(seeds)
    mine = [labels == seed for seed in np.unique(labels)]
    held = [np.zeros(rows.sum(), np.int64) if groups is None else groups[rows] for rows in mine]
    enough = [len(each) - len(set(each.tolist())) + 1 >= LEAST_ROWS for each in held]
    found = [within(x[rows], y[rows], each) if there else nan for rows, each, there in zip(mine, held, enough, strict=True)]
    return mean_over_seeds(found, range(len(found)), confidence)


def mean_over_seeds(values: Sequence[float], seeds: Sequence[int], confidence: float = CONFIDENCE) -> Interval:
    """The mean over seeds of each one's mean correlation, on Fisher's scale, NaN ones left out, with Student's t interval over seeds.

    Of five or eight seeds a percentile bootstrap holds the truth 83 or 85 times of 100 (Student's t: 95). One seed has no interval.
    """
    there = np.isfinite(np.asarray(values, float))
    scaled, labels = np.arctanh(np.clip(np.asarray(values, float)[there], -MOST, MOST)), np.asarray(seeds)[there]
    found = mean_interval([float(scaled[labels == seed].mean()) for seed in np.unique(labels)], confidence=confidence)
    return Interval(*(float(np.tanh(each)) for each in (found.value, found.low, found.high)))
