"""Patterns in a field over positions on a line or a grid: how far a front has come, how rough the field is, and how long its waves are. NumPy and SciPy alone.

Positions are numbered row by row, and the goal is the last. `shape` is (N,) or (H, W). On a line action 0 goes back and 1 goes on; on a grid 0 and 1
go up and left, 2 and 3 down and right: an action from half of all on leads nearer to the goal, unless a wall holds.

That a learner's value field is a pattern in the sense of reaction and diffusion (Turing 1952) is a conjecture. These measures do not depend on it.
"""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FLAT = 1e-9  # of the largest absolute value: smaller deviations are rounding


def distances(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(S,) steps from each position to the goal."""
    return sum(shape) - len(shape) - np.indices(shape).reshape(len(shape), -1).sum(0)


def neighbours(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(d, S) the position one step on along each side, -1 where a wall is."""
    numbers = np.arange(np.prod(shape)).reshape(shape)
    found = np.full((len(shape), *shape), -1)
    for side in range(len(shape)):
        ahead = np.moveaxis(found[side], side, 0)
        ahead[:-1] = np.moveaxis(numbers, side, 0)[1:]
    return found.reshape(len(shape), -1)


def leads_nearer(greedy: NDArray[np.integer], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(S,) whether the greedy action of each position is one step nearer to the goal; False at the goal."""
    ahead, side = neighbours(shape), greedy.astype(int) - len(shape)
    return (side >= 0) & (ahead[side.clip(0), np.arange(len(greedy))] >= 0)


def rises(value: Array, shape: tuple[int, ...], least: float = 0.0) -> NDArray[np.bool_]:
    """(S,) whether the value of each position is below that of every neighbour nearer to the goal, by more than `least`.

    The goal itself does not count as a neighbour: nobody leaves it, so its value is never learned. True where nothing is left to compare.
    """
    ahead = neighbours(shape)
    counts = (ahead >= 0) & (ahead != len(value) - 1)
    return ((value[ahead] - value > least) | ~counts).all(0)


def front(good: NDArray[np.bool_], shape: tuple[int, ...]) -> int:
    """How far from the goal everything is `good` (S,): on a line the right-most position that is not, the goal left out; -1 once all are.

    On a grid the same by distance: the largest distance that there is, less that of the nearest position which is not good.
    """
    far = distances(shape)
    wrong = far[:-1][~good[:-1]]
    return int(far[0] - wrong.min()) if wrong.size else -1


def detrended(field: Array) -> Array:
    """`field` (N,) or (H, W) less its best straight line or plane by least squares."""
    columns = np.stack([np.ones(field.size), *(each.ravel() for each in np.indices(field.shape))], 1)
    return field - (columns @ np.linalg.lstsq(columns, field.ravel(), rcond=None)[0]).reshape(field.shape)


def roughness(field: Array) -> float:
    """Standard deviation about the best line or plane, over the standard deviation: 0 of a ramp, 1 where there is no slope at all.

    NaN of a constant, and of a field that is not finite, as that of a diverged learner is.
    """
    if not np.isfinite(field).all():
        return nan
    whole = field.std()
    return float(detrended(field).std() / whole) if whole > FLAT * np.abs(field).max() else nan


def wavelength(field: Array, periodic: bool = False) -> float:
    """The wavelength, in positions, that has most power: 1 / |frequency|.

    Of a periodic field by its Fourier transform, mean removed. Otherwise by cosines that are flat at both walls, which have wavelengths 2 N / k (Strang 1999,
    SIAM Review 41, 135), best line or plane removed, as it would have all the power. Of several with the same power the longest.
    NaN of a constant, a ramp, or a field that is not finite.
    """
    from scipy.fft import dctn, fftn

    if not np.isfinite(field).all():
        return nan
    rest = field - field.mean() if periodic else detrended(field)
    if np.abs(rest).max() <= FLAT * max(np.abs(field).max(), 1e-300):
        return nan
    power = np.abs(np.asarray(fftn(rest) if periodic else dctn(rest, type=2, norm="ortho"))) ** 2
    sides = [np.abs(np.fft.fftfreq(n)) if periodic else np.arange(n) / (2 * n) for n in field.shape]
    frequency = np.sqrt(sum(each**2 for each in np.meshgrid(*sides, indexing="ij")))
    power[(0,) * field.ndim] = 0.0
    strongest = power >= power.max() * (1 - 1e-9)
    return float(1 / frequency[strongest].min())


def centre_and_spread(weights: Array, far: NDArray[np.integer]) -> tuple[float, float]:
    """Mean and standard deviation of the distance `far` (S,) over positions, each as often as `weights` (S,) says; NaN without any weight."""
    total = weights.sum()
    if total <= 0:
        return nan, nan
    mean = float(weights @ far / total)
    return mean, float(np.sqrt(weights @ (far - mean) ** 2 / total))
