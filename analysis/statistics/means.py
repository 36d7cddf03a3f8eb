"""Means over seeds, and tests that two of them are alike."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, inf, isnan, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test

from analysis.statistics.intervals import CONFIDENCE, UNKNOWN, Interval, student_quantile
from analysis.statistics.multiplicity import holm

DRAWS, SEED = 20_000, 20240229


def mean_interval(values: Sequence[float], low: float = -inf, high: float = inf, confidence: float = CONFIDENCE) -> Interval:
    """Mean of the finite `values` with Student's t interval, cut to what is possible, [low, high].

    One value has no interval, nor have several that are all alike: that few show no spread to measure it by does not say that there is none.
    """
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        return UNKNOWN
    mean = float(np.mean(finite))
    if min(finite) == max(finite):
        return Interval(mean, nan, nan)
    half = student_quantile(confidence, len(finite) - 1) * float(np.std(finite, ddof=1)) / sqrt(len(finite))
    return Interval(mean, max(low, mean - half), min(high, mean + half))


def mean_intervals(
    values: NDArray[np.float64], groups: Sequence[NDArray[np.int64]], low: float = -inf, high: float = inf, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """`mean_interval` of many groups at once, to the last bit: those with as many finite values as one another are one array.

    Args:
        values: (N,).   groups: G of places in it.

    Returns:
        (G,) means, lower ends, upper ends, and how many values are finite.
    """
    finite = [each[np.isfinite(values[each])] for each in groups]
    n = np.array([len(each) for each in finite], np.int64)
    mean, lower, upper = (np.full(len(groups), nan) for _ in range(3))
    for size in np.unique(n[n > 0]).tolist():
        alike = np.flatnonzero(n == size)
        drawn = values[np.array([finite[each] for each in alike])]
        mean[alike] = drawn.mean(axis=1)
        if size > 1:
            half = student_quantile(confidence, size - 1) * drawn.std(axis=1, ddof=1) / sqrt(size)
            spread = drawn.min(axis=1) < drawn.max(axis=1)
            lower[alike] = np.where(spread, np.maximum(low, mean[alike] - half), nan)
            upper[alike] = np.where(spread, np.minimum(high, mean[alike] + half), nan)
    return mean, lower, upper, n


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
    ways: list[int | None] = []
    for (before, after), p, least in zip(finite, holm([p for p, _ in tested]), holm([least for _, least in tested]), strict=True):
        unknown = isnan(p) or least > level
        ways.append(None if unknown else int(np.sign(np.mean(after) - np.mean(before))) if p < level else 0)
    return ways
