"""Two-dimensional Pareto fronts of seed means, and how sure they are. Pure functions of numbers.

Objectives are costs here: smaller is better in both. A maximised objective comes in with its sign turned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DRAWS, SEED = 1000, 20240229


def on_front(points: Array) -> NDArray[np.bool_]:
    """Which of the (N, 2) points no other one dominates: at most as large in both, smaller in one. Twins are both on the front.

    O(N log N): in order of x, then y, a point is on the front if its y is below all before it, or it equals the last such point.
    """
    order = np.lexsort((points[:, 1], points[:, 0]))
    front, best, last = np.zeros(len(points), bool), np.inf, None
    for index in order:
        x, y = points[index]
        if y < best or (last is not None and (x, y) == last):
            front[index], best, last = True, y, (x, y)
    return front


def hypervolume(points: Array, reference: tuple[float, float]) -> float:
    """Area that the (N, 2) points dominate up to `reference`; points beyond it count for nothing."""
    inside = points[(points[:, 0] < reference[0]) & (points[:, 1] < reference[1])]
    if len(inside) == 0:
        return 0.0
    front = np.unique(inside[on_front(inside)], axis=0)
    right = np.append(front[1:, 0], reference[0])
    return float(np.sum((right - front[:, 0]) * (reference[1] - front[:, 1])))


def attainment(points: Array, grid: Array) -> Array:
    """The least y that the (N, 2) points attain at each x of `grid`; inf where they attain none."""
    return np.where(points[:, :1] <= grid, points[:, 1:], np.inf).min(axis=0, initial=np.inf)


@dataclass(frozen=True)
class Front:
    """The front of N cells, with its uncertainty over seeds.

    Attributes:
        means: (N, 2) seed means.   low, high: (N, 2) bootstrap 95 % interval of each mean.
        on: (N,) whether the mean is on the front.   probability: (N,) share of bootstrap draws in which it is.
        grid, band_low, band_high: (K,) the 95 % band of the attained y over x.
        hypervolume: of the means, with its interval (low, high).   reference: the point it is up to.
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


def front(cells: Sequence[Array], reference: tuple[float, float] | None = None, draws: int = DRAWS) -> Front:
    """The front of `cells`, each the (n_seeds, 2) objectives of its runs, n_seeds >= 1.

    Seeds are drawn anew with replacement within each cell, `draws` times, from a stream of its own: the same cells give the same answer.

    Args:
        reference: for the hypervolume; default: the worst value of any run in each objective.
    """
    rng = np.random.default_rng(SEED)
    means = np.array([each.mean(axis=0) for each in cells])
    every = np.concatenate(list(cells))
    worst = reference or (float(every[:, 0].max()), float(every[:, 1].max()))
    resampled = np.stack([each[rng.integers(0, len(each), (draws, len(each)))].mean(axis=1) for each in cells], axis=1)
    grid = np.unique(np.concatenate([means[:, 0], np.linspace(every[:, 0].min(), every[:, 0].max(), 60)]))
    curves = np.array([attainment(each, grid) for each in resampled])
    volumes = np.array([hypervolume(each, worst) for each in resampled])
    quantiles = (0.025, 0.975)
    low, high = np.quantile(resampled, quantiles, axis=0)
    band_low, band_high = np.quantile(curves, quantiles, axis=0, method="nearest")
    sure = (float(np.quantile(volumes, quantiles[0])), float(np.quantile(volumes, quantiles[1])))
    share = np.mean([on_front(each) for each in resampled], axis=0)
    return Front(means, low, high, on_front(means), share, grid, band_low, band_high, hypervolume(means, worst), sure, worst)
