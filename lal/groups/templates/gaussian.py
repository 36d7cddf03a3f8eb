"""A template of a few random bumps around the ring, or on the torus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lal.groups.part import GroupPart
from lal.groups.template import TemplatePart

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

BROAD_SHARE = 0.7  # of the bumps on a torus; the rest is narrow, and half as high


class Gaussian(TemplatePart):
    """A sum of periodic Gaussian bumps at random places: on C_p of width 0.5 to 2 and height 0.5 to 1; on C_p1 x C_p2 broad (3.5 to 6) or narrow (1 to 2)."""

    kind: Literal["gaussian"] = "gaussian"
    n_bumps: Annotated[int | None, Field(ge=1, description="how many; none: 3 on C_p, 8 on C_p1 x C_p2")] = None
    seed: Annotated[int, Field(ge=0, lt=2**63, description="seed of the bumps, and of nothing else")] = 0
    standardised: Annotated[bool, Field(description="mean square 1")] = True

    @property
    def label(self) -> str:
        return "gaussian"

    def check(self, group: GroupPart) -> None:
        if not group.abelian:
            raise ValueError(
                f"bumps need a ring or a torus, but the group is {group.label}; write kind: fourier, one_hot or given, or a cyclic or product group"
            )

    def draw(self, group: GroupPart) -> Array:
        import numpy as np

        rng = np.random.default_rng(self.seed)
        return self._on_ring(group.order, rng) if len(group.shape) == 1 else self._on_torus(group.shape, rng)

    def _on_ring(self, p: int, rng: np.random.Generator) -> Array:
        import numpy as np

        n = self.n_bumps or 3
        centres, widths, heights = rng.uniform(0, p, n), rng.uniform(0.5, 2, n), rng.uniform(0.5, 1, n)
        return heights @ np.exp(-(_around(centres, p) ** 2) / (2 * widths[:, None] ** 2))

    def _on_torus(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        import numpy as np

        n = self.n_bumps or 8
        down, across = (_around(rng.uniform(0, p, n), p) for p in shape)
        broad = rng.uniform(size=n) < BROAD_SHARE
        widths = np.where(broad, rng.uniform(3.5, 6, n), rng.uniform(1, 2, n))
        squares = down[:, :, None] ** 2 + across[:, None, :] ** 2
        bumps = np.exp(-squares / (2 * widths[:, None, None] ** 2))
        return np.tensordot(np.where(broad, 1.0, 0.5), bumps, 1).ravel()


def _around(centres: Array, p: int) -> Array:
    """(n,) places to (n, p) distances from them, the short way around a ring of p."""
    import numpy as np

    apart = np.abs(np.arange(p) - centres[:, None])
    return np.minimum(apart, p - apart)
