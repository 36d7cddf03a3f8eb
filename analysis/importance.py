"""How much of an outcome each axis of a sweep explains, with an interval over seeds. Pure functions of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics import Interval
from analysis.statistics.intervals import CONFIDENCE

DRAWS, SEED = 500, 20240311
MOST_LEVELS = 6  # of an axis of many values, which is cut into so many groups of as many runs each


@dataclass(frozen=True)
class Explained:
    """Shares of the variance of an outcome over N runs: by each axis `alone`, and by `all` of them with whatever they do together."""

    alone: tuple[Interval, ...]
    all: Interval
    n: int


def explained(levels: Sequence[NDArray[np.int64]], cells: NDArray[np.int64], values: NDArray[np.float64], draws: int = DRAWS) -> Explained | None:
    """Epsilon squared (Kelley 1935, doi:10.1073/pnas.21.9.554): the share of variance between levels, less what chance would put there.

    On a balanced grid these are the main effects of a functional analysis of variance, and `all` less their sum is interaction; on any other
    design axes that went together share what they explain. The interval is a bootstrap of runs within cells, moved by its bias (cells of runs
    drawn anew differ by more than cells do); with one run a cell there is none, and `all` is unknown.

    Args:
        levels: (N,) of each axis, numbers from 0.   cells: (N,) which runs differ in nothing but the seed.   values: (N,) finite.

    Returns:
        None where fewer than three runs, or no variance, are there.
    """
    if len(values) < 3 or np.ptp(values) == 0:
        return None
    order = np.argsort(cells, kind="stable")
    sizes = np.unique(cells, return_counts=True)[1]
    groups = [*(each[order] for each in levels), np.unique(cells[order], return_inverse=True)[1]]
    sorted_values, starts = values[order], np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = np.array([epsilon_squared(each, sorted_values) for each in groups])
    low = high = np.full(len(groups), np.nan)
    if sizes.max() > 1:
        rng, drawn = np.random.default_rng(SEED), []
        for _ in range(draws):
            picked = sorted_values[starts + (rng.random(len(values)) * np.repeat(sizes, sizes)).astype(int)]
            drawn.append([epsilon_squared(each, picked) for each in groups])
        moved = np.array(drawn) + found - np.nanmean(drawn, axis=0)
        low, high = np.nanquantile(moved, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2), axis=0)
    told = [Interval(*(float(np.clip(each, 0, 1)) for each in ends)) for ends in zip(found, low, high, strict=True)]
    return Explained(tuple(told[:-1]), told[-1], len(values))


def epsilon_squared(levels: NDArray[np.int64], values: NDArray[np.float64]) -> float:
    """Of (N,) `values` by (N,) `levels`, below 0 where levels differ by less than chance makes them; NaN where every level has one run, or nothing varies."""
    counts = np.bincount(levels)
    there = counts > 0
    means = np.bincount(levels, values)[there] / counts[there]
    total = ((values - values.mean()) ** 2).sum()
    between = (counts[there] * (means - values.mean()) ** 2).sum()
    n, k = len(values), int(there.sum())
    if total == 0 or n <= k:
        return float("nan")
    return float((between - (k - 1) * (total - between) / (n - k)) / total)


def grouped(positions: NDArray[np.float64], most: int = MOST_LEVELS) -> NDArray[np.int64]:
    """(N,) numbers of levels of `positions`: each value its own where there are few, else quantile groups."""
    known, level = np.unique(positions, return_inverse=True)
    if len(known) <= 2 * most:
        return level.astype(np.int64)
    cuts = np.quantile(positions, np.linspace(0, 1, most + 1)[1:-1])
    return np.searchsorted(cuts, positions, side="right").astype(np.int64)
