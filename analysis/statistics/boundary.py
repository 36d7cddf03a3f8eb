"""Where runs begin to generalise: the settings at which P(generalise by the budget) is one half, with a bootstrap band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.firth import firth
from analysis.statistics.intervals import CONFIDENCE

Array = NDArray[np.float64]
DRAWS, SEED = 1000, 20240301


@dataclass(frozen=True)
class Boundary:
    """The line P = 1/2 of a logistic fit, logit P = b0 + b1 x + b2 y.

    Attributes:
        at: (G,) positions along x; empty where there is one axis.
        place, low, high: (G,) y of the line there, and its band; with one axis (1,) x itself. NaN, or infinite in the band, where draws
            have no such line, or on either side of the grid: then it is not known to be within what was tried.
        coefficients: b.
    """

    at: Array
    place: Array
    low: Array
    high: Array
    coefficients: Array


def boundary(
    x: Sequence[float],
    y: Sequence[float] | None,
    seeds: Sequence[int],
    generalised: Sequence[bool],
    at: Sequence[float] = (),
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
) -> Boundary | str:
    """Fits the line to runs, or says in words why there is none.

    By Firth's penalised likelihood throughout, so that cells which part cleanly into all and none give a line between them and not an
    endless slope. The band is pointwise and the wider of two bootstraps: of runs drawn from the fitted law (parametric; right where runs are
    independent), and of whole seeds with all their cells, spread by S / (S - 1) for S seeds (right where a seed makes runs alike, which
    shared initialisation may do). Where the fit is wrong (P not monotone, not logistic) so is the band.

    Args:
        x, y: (N,) settings of each run, on the scale of the fit (a log for a log axis); y is None for one axis.
        seeds, generalised: (N,) of each run.   at: where along x a line is wanted; only with y.
    """
    columns = [np.asarray(each, float) for each in (x, y) if each is not None]
    happened, seed = np.asarray(generalised, bool), np.unique(np.asarray(seeds), return_inverse=True)[1]
    points, cell = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
    design = np.column_stack([np.ones(len(points)), points])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return "the points that were tried do not span the axes"
    if happened.all() or not happened.any():
        return "all of the runs generalised" if len(happened) and happened.all() else "none of the runs generalised"
    trials, successes = np.zeros((int(seed.max()) + 1, len(points))), np.zeros((int(seed.max()) + 1, len(points)))
    np.add.at(trials, (seed, cell.ravel()), 1.0)
    np.add.at(successes, (seed, cell.ravel()), happened.astype(float))
    fitted = firth(design, successes.sum(axis=0)[None], trials.sum(axis=0)[None])[0]
    if np.isnan(fitted).any():
        return "the fit did not settle"
    grid = np.asarray(at, float) if y is not None else np.zeros(0)
    place = _places(fitted[None], grid)[0]
    bands = [_band(place, _places(drawn, grid), spread, confidence) for drawn, spread in _bootstraps(design, fitted, successes, trials, draws)]
    low, high = np.min([band[0] for band in bands], axis=0), np.max([band[1] for band in bands], axis=0)
    return Boundary(grid, place, low, high, fitted)


def _places(b: Array, grid: Array) -> Array:
    """Where each of (B, P) coefficients has P = 1/2: (B, 1) on one axis, (B, G) along `grid` on two. Infinite or NaN where it nowhere has."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return -b[:, :1] / b[:, 1:] if b.shape[1] == 2 else -(b[:, :1] + b[:, 1:2] * grid) / b[:, 2:]


def _bootstraps(design: Array, fitted: Array, successes: Array, trials: Array, draws: int) -> list[tuple[Array, float]]:
    """Coefficients of data sets drawn anew, and how far they are to be spread: from the fitted law, and, with two seeds or more, by seed."""
    rng = np.random.default_rng(SEED)
    n_seeds, n = len(trials), trials.sum(axis=0)
    share = 1 / (1 + np.exp(-np.clip(design @ fitted, -700, 700)))
    found = [(firth(design, rng.binomial(n.astype(int), share, (draws, len(n))).astype(float), np.tile(n, (draws, 1))), 1.0)]
    if n_seeds > 1:
        times = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), draws).astype(float)
        found.append((firth(design, times @ successes, times @ trials), float(np.sqrt(n_seeds / (n_seeds - 1)))))
    return found


def _band(place: Array, drawn: Array, spread: float, confidence: float) -> tuple[Array, Array]:
    """Percentiles of `drawn` about `place`; what has no place counts as beyond either end, half to each."""
    moved = place + spread * (drawn - place)
    lost = ~np.isfinite(moved)
    low = np.quantile(np.where(lost, -np.inf, moved), (1 - confidence) / 2, axis=0, method="lower")
    high = np.quantile(np.where(lost, np.inf, moved), (1 + confidence) / 2, axis=0, method="higher")
    return low, high
