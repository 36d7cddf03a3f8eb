"""Two-dimensional Pareto fronts of seed means, and how sure they are. Pure functions of numbers.

Objectives are costs here: smaller is better in both. A maximised objective comes in with its sign turned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import CONFIDENCE, normal_quantile, student_quantile
from analysis.statistics.means import mean_intervals

Array = NDArray[np.float64]
Range = tuple[float, float]
ANY: Range = (-inf, inf)
DRAWS, SEED = 1000, 20240229
MOST_AT = 200  # cells at each of which the band has a place


def on_front(points: Array) -> NDArray[np.bool_]:
    """Which of the (..., N, 2) points no other of the N dominates: at most as large in both, smaller in one. Twins are both on the front.

    O(N log N): in order of x, then y, a point is on the front if the y of it, or of the first of its twins, is below all before it.
    """
    order = np.lexsort((points[..., 1], points[..., 0]), axis=-1)
    x, y = (np.take_along_axis(points[..., side], order, axis=-1) for side in (0, 1))
    first = np.ones(y.shape, bool)
    first[..., 1:] = (x[..., 1:] != x[..., :-1]) | (y[..., 1:] != y[..., :-1])
    below = np.ones(y.shape, bool)
    below[..., 1:] = y[..., 1:] < np.minimum.accumulate(y, axis=-1)[..., :-1]
    twin_of = np.maximum.accumulate(np.where(first, np.arange(y.shape[-1]), 0), axis=-1)
    front = np.empty(y.shape, bool)
    np.put_along_axis(front, order, np.take_along_axis(below, twin_of, axis=-1), axis=-1)
    return front


def hypervolume(points: Array, reference: tuple[float, float]) -> Array:
    """(...) area that the (..., N, 2) points dominate up to `reference`; points beyond it count for nothing."""
    inside = (points < np.array(reference)).all(axis=-1, keepdims=True)
    kept = np.where(inside, points, np.array(reference))  # at the reference itself a point has no area
    order = np.argsort(kept[..., 0], axis=-1)
    x, y = (np.take_along_axis(kept[..., side], order, axis=-1) for side in (0, 1))
    right = np.concatenate([x[..., 1:], np.full((*x.shape[:-1], 1), reference[0])], axis=-1)
    return ((right - x) * (reference[1] - np.minimum.accumulate(y, axis=-1))).sum(axis=-1)


def attainment(points: Array, grid: Array) -> Array:
    """The least y that the (N, 2) points attain at each x of `grid`; inf where they attain none."""
    order = np.argsort(points[:, 0], kind="stable")
    best = np.concatenate([[np.inf], np.minimum.accumulate(points[order, 1])])
    return best[np.searchsorted(points[order, 0], grid, side="right")]


@dataclass(frozen=True)
class Front:
    """The front of N cells, with its uncertainty over seeds; NaN where one seed leaves it unknown.

    Attributes:
        means: (N, 2) seed means.   low, high: (N, 2) Student's 95 % interval of each mean.
        on: (N,) whether the mean is on the front.   probability: (N,) share of draws in which it is.
        grid, band_low, band_high: (K,) the band of the attained y over x.
        hypervolume: up to `reference`, corrected for its bias, with its interval (low, high).   reference: the worst value of any run in each objective.
        knee: which cell of the means is it, None where the front has none.   at_knee: (N,) share of draws in which a cell is.
    """

    means: Array
    low: Array
    high: Array
    on: NDArray[np.bool_]
    probability: Array
    grid: Array
    band_low: Array
    band_high: Array
    hypervolume: float
    hypervolume_interval: tuple[float, float]
    reference: tuple[float, float]
    knee: int | None
    at_knee: Array


def knee(points: Array, on: NDArray[np.bool_]) -> int | None:
    """Which of the (N, 2) points, `on` (N,) the front, is farthest below the line between the ends of the front, both objectives scaled to
    their range on it (Das 1999, doi:10.1007/s001580050111); the first of twins. None with fewer than three places on it, or where none is below the line.
    """
    index = np.flatnonzero(on)
    front = points[index]
    low, high = front.min(axis=0), front.max(axis=0)
    if len(np.unique(front[:, 0])) < 3:  # of one x, a front has one place
        return None
    below = 1 - ((front - low) / (high - low)).sum(axis=1)
    best = int(np.argmax(below))
    return int(index[best]) if below[best] > 1e-12 else None


def front(cells: Sequence[Array], possible: tuple[Range, Range] = (ANY, ANY), draws: int = DRAWS) -> Front:
    """The front of `cells`, each the (n_seeds, 2) objectives of its runs, n_seeds >= 1. Asked again for the same, it is not computed again.

    Seeds are drawn anew with replacement within each cell, `draws` times, from a stream of its own: the same cells give the same answer. A
    drawn mean is as much farther from the cell's as Student's interval of few seeds is wider than what drawing them gives. The best of many
    noisy cells seems better than it is, and the best of their draws once more: the hypervolume and its interval are moved back by that (the
    pivotal bootstrap: Efron and Tibshirani 1993, chapter 13), and so is the worse end of the band. Coverage: docs/statistics.md.

    Args:
        possible: the least and largest value of each objective, to which intervals of means, and draws, are cut.
    """
    return _front(np.concatenate(list(cells)).astype(np.float64).tobytes(), tuple(map(len, cells)), possible, draws)


@lru_cache(maxsize=32)
def _front(data: bytes, sizes: tuple[int, ...], possible: tuple[Range, Range], draws: int) -> Front:
    every = np.frombuffer(data).reshape(-1, 2)
    cells, alone = np.split(every, np.cumsum(sizes)[:-1]), np.array(sizes) == 1
    rng = np.random.default_rng(SEED)
    means, low, high = _intervals(every, sizes, possible)
    drawn = np.stack([_means(each, rng.integers(0, len(each), (draws, len(each)))) for each in cells], axis=1)
    drawn = np.clip(means + np.array([spread(n) for n in sizes])[:, None] * (drawn - means), *np.transpose(possible))
    worst = (float(every[:, 0].max()), float(every[:, 1].max()))
    grid = _grid(means, every)
    band_low, band_high = _band(means, drawn, grid, possible[1])
    volume, sure = _volume(means, drawn, worst)
    if alone.any():
        band_low, band_high, sure = np.full(len(grid), nan), np.full(len(grid), nan), (nan, nan)
        volume = float(hypervolume(means, worst))
    drawn_on, on = on_front(drawn), on_front(means)
    knees = [each for each in map(knee, drawn, drawn_on) if each is not None]
    shares = (drawn_on.mean(axis=0), np.bincount(knees, minlength=len(cells)) / draws)
    probability, at_knee = (np.where(alone, nan, each) for each in shares)
    return Front(means, low, high, on, probability, grid, band_low, band_high, volume, sure, worst, knee(means, on), at_knee)


def spread(n: int) -> float:
    """How much farther from the mean of `n` seeds the means of seeds drawn anew must be for 95 % of them to be Student's interval; 1 for one seed."""
    return student_quantile(CONFIDENCE, n - 1) / normal_quantile(CONFIDENCE) * sqrt(n / (n - 1)) if n > 1 else 1.0


def _intervals(every: Array, sizes: tuple[int, ...], possible: tuple[Range, Range]) -> tuple[Array, Array, Array]:
    """(N, 2) means, lower and upper ends."""
    groups = np.split(np.arange(len(every)), np.cumsum(sizes)[:-1])
    sides = [mean_intervals(side, groups, *ends)[:3] for side, ends in zip(every.T, possible, strict=True)]
    means, low, high = (np.stack(each, axis=1) for each in zip(*sides, strict=True))
    return means, low, high


def _volume(means: Array, drawn: Array, worst: tuple[float, float]) -> tuple[float, tuple[float, float]]:
    """Hypervolume less its bias, and its pivotal interval: as far from that of the means as draws are, on the other side. None is below 0."""
    ends = (1 + CONFIDENCE) / 2, 0.5, (1 - CONFIDENCE) / 2
    low, middle, high = np.maximum(0.0, 2 * hypervolume(means, worst) - np.quantile(hypervolume(drawn, worst), ends)).tolist()
    return middle, (low, high)


def _band(means: Array, drawn: Array, grid: Array, possible: Range) -> tuple[Array, Array]:
    """(K,) lower and upper end of what is attained: of the draws, and, where that is worse, as far above that of the means as draws are below it."""
    curves = np.array([attainment(each, grid) for each in drawn])
    low, high = np.quantile(curves, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2), axis=0, method="nearest")
    found = attainment(means, grid)
    known = np.isfinite(found)  # and then the lower end is, of nearly all draws
    high[known] = np.maximum(high[known], np.minimum(possible[1], 2 * found[known] - low[known]))
    return low, high


def _means(cell: Array, drawn: NDArray[np.int64]) -> Array:
    """(D, 2) means of the seeds that are (D, n) `drawn` of a cell; a side at a time, in whose order of memory a sum is many times as fast."""
    return np.stack([np.ascontiguousarray(side)[drawn].mean(axis=1) for side in cell.T], axis=1)


def _grid(means: Array, every: Array) -> Array:
    """Where along x the band is told: evenly, and at the means, of which there may be too many to draw."""
    own = means[on_front(means) if len(means) > MOST_AT else slice(None), 0]
    return np.unique(np.concatenate([own, np.linspace(every[:, 0].min(), every[:, 0].max(), 60)]))
