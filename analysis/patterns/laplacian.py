"""Second differences on a line or a grid, and the largest step in time that diffusion by them allows."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Walls = Literal["periodic", "no_flux"]
PAD = {"periodic": "wrap", "no_flux": "edge"}  # what is beyond the last cell: the first one, or the same again


def laplacian(field: Array, spacing: float, walls: Walls) -> Array:
    """(...) second differences over `spacing` squared, summed over all sides: the Laplacian up to an error of order `spacing` squared.

    With `no_flux` cells are centred between walls through which nothing goes, so that the sum of the result is 0, as it is with `periodic`.
    """
    total = -2.0 * field.ndim * field
    padded = np.pad(field, 1, PAD[walls])  # type: ignore[call-overload]
    inner = [slice(1, -1)] * field.ndim
    for side in range(field.ndim):
        for shift in (slice(None, -2), slice(2, None)):
            total += padded[(*inner[:side], shift, *inner[side + 1 :])]
    return total / spacing**2


def largest_step(diffusion: float, spacing: float, n_sides: int) -> float:
    """The largest step of Euler's method at which diffusion on `n_sides` sides is stable: spacing^2 / (2 n D) (von Neumann)."""
    return spacing**2 / (2 * n_sides * diffusion)


def inside(field: Array) -> Array:
    """(T, N) or (T, H, W) -> second differences, one position a unit, of the positions that have neighbours on all sides; no walls are supposed."""
    if field.ndim == 2:
        return field[:, 2:] - 2 * field[:, 1:-1] + field[:, :-2]
    middle = field[:, 1:-1, 1:-1]
    return field[:, 2:, 1:-1] + field[:, :-2, 1:-1] + field[:, 1:-1, 2:] + field[:, 1:-1, :-2] - 4 * middle
