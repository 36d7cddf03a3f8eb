"""Gray and Scott's reaction: the reference that pictures and measures of patterns are tested on."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.patterns.differences import Walls, laplacian, largest_step
from lal.errors import Refused

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GrayScott:
    """u_t = D_u lap u - u v^2 + F (1 - u);  v_t = D_v lap v + u v^2 - (F + k) v   (Gray and Scott 1984; patterns: Pearson 1993, Science 261, 189).

    v, the activator, makes more of itself from u, which is fed at rate F; F + k takes v away. Pearson's D_u is 2e-5 and D_v 1e-5 on a square of side 2.5
    with 256 cells a side, which are the defaults here: positions `spacing` apart.

    Attributes:
        feed, kill: F and k.   d_u, d_v: diffusion.   spacing: between cells.   walls: what happens at the ends.

    Raises:
        Refused: one of these is not above 0, or walls are of no kind.
    """

    feed: float
    kill: float
    d_u: float = 2e-5
    d_v: float = 1e-5
    spacing: float = 2.5 / 256
    walls: Walls = "periodic"

    def __post_init__(self) -> None:
        for name in ("feed", "kill", "d_u", "d_v", "spacing"):
            value = getattr(self, name)
            if not value > 0:
                raise Refused(f"{name} must be above 0, but got {value:g}; write a positive number")
        if self.walls not in ("periodic", "no_flux"):
            raise Refused(f"walls must be periodic or no_flux, but got {self.walls!r}; write one of these")

    def largest_step(self, n_sides: int) -> float:
        """The largest step in time at which diffusion on so many sides is stable."""
        return largest_step(max(self.d_u, self.d_v), self.spacing, n_sides)

    def evolved(self, u: Array, v: Array, step: float, n_steps: int) -> tuple[Array, Array]:
        """u and v, each (N,) or (H, W), after `n_steps` of Euler's method.

        Raises:
            Refused: the step is above the limit of stability, or the fields have different shapes.
        """
        if u.shape != v.shape or u.ndim not in (1, 2):
            raise Refused(f"u and v must have one shape, (N,) or (H, W), but got {u.shape} and {v.shape}; give both the same")
        limit = self.largest_step(u.ndim)
        if not 0 < step <= limit:
            raise Refused(f"step must be above 0 and at most {limit:.6g}, at which diffusion is still stable, but got {step:g}; write a smaller step")
        u, v = u.astype(float), v.astype(float)
        for _ in range(n_steps):
            made = u * v * v
            u, v = (
                u + step * (self.d_u * laplacian(u, self.spacing, self.walls) - made + self.feed * (1 - u)),
                v + step * (self.d_v * laplacian(v, self.spacing, self.walls) + made - (self.feed + self.kill) * v),
            )
        return u, v

    def rest(self) -> tuple[tuple[float, float], ...]:
        """Uniform states that stay: (1, 0), always; and where F >= 4 (F + k)^2 two with v, the one with more v first."""
        lost = self.feed + self.kill
        inner = 1 - 4 * lost**2 / self.feed
        if inner < 0:
            return ((1.0, 0.0),)
        found = [(1 - sign * sqrt(inner)) / 2 for sign in (1, -1)]
        return ((1.0, 0.0), *((u, self.feed * (1 - u) / lost) for u in found))

    def growth(self, state: tuple[float, float], wavenumber: Array) -> Array:
        """Growth rates of small waves exp(i q x) on a uniform `state`: the larger real part of the eigenvalues of J - q^2 diag(D_u, D_v).

        `wavenumber` q = 2 pi / wavelength, of any shape.
        """
        u, v = state
        q2 = np.asarray(wavenumber, float) ** 2
        a, d = -v * v - self.feed - self.d_u * q2, 2 * u * v - (self.feed + self.kill) - self.d_v * q2
        b, c = -2 * u * v, v * v
        trace, determinant = a + d, a * d - b * c
        return np.real(trace / 2 + np.sqrt(np.asarray(trace**2 / 4 - determinant, complex)))

    def fastest(self, state: tuple[float, float], n_cells: int) -> float | None:
        """The wavelength that grows fastest on a ring of `n_cells`, among those that fit; None where the state is stable.

        Second differences see q as 2 sin(q spacing / 2) / spacing, which is taken into account.
        """
        modes = np.arange(n_cells // 2 + 1)
        seen = 2 * np.sin(pi * modes / n_cells) / self.spacing
        rates = self.growth(state, seen)
        best = int(rates.argmax())
        return n_cells * self.spacing / best if rates[best] > 0 and best else None


def seeded(shape: tuple[int, ...], generator: np.random.Generator, side: int = 20, noise: float = 0.01) -> tuple[Array, Array]:
    """Pearson's start: u = 1 and v = 0 but for a block in the middle, `side` cells wide, with u = 1/2 and v = 1/4; and so much noise in proportion."""
    u, v = np.ones(shape), np.zeros(shape)
    block = tuple(slice(n // 2 - side // 2, n // 2 + side // 2) for n in shape)
    u[block], v[block] = 0.5, 0.25
    return u * (1 + noise * generator.uniform(-1, 1, shape)), v * (1 + noise * generator.uniform(-1, 1, shape))
