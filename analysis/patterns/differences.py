"""First and second differences on a line or a grid, and the largest step in time that diffusion by them allows."""

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


def inner(field: Array) -> Array:
    """(T, N) or (T, H, W) -> the positions that have neighbours on all sides."""
    return field[(slice(None), *[slice(1, -1)] * (field.ndim - 1))]


def bend(field: Array) -> Array:
    """(T, N) or (T, H, W) -> second differences there, summed over sides; one position is a unit, and no walls are supposed."""
    total = -2.0 * (field.ndim - 1) * inner(field)
    for before, after in _sides(field):
        total += before + after
    return total


def slope(field: Array) -> Array:
    """(T, N) or (T, H, W) -> central first differences there, the mean over sides: how fast the field rises with each step towards the last position."""
    sides = _sides(field)
    return sum((after - before for before, after in sides), np.zeros(())) / (2 * len(sides))


def _sides(field: Array) -> list[tuple[Array, Array]]:
    """Of each side, the neighbours before and after all positions that have them."""
    n_sides, middle = field.ndim - 1, slice(1, -1)
    shifts = (slice(None, -2), slice(2, None))
    return [
        tuple(field[(slice(None), *[middle] * side, shift, *[middle] * (n_sides - 1 - side))] for shift in shifts)  # type: ignore[misc]
        for side in range(n_sides)
    ]
