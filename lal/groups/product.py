"""C_p1 x C_p2: shifts of a picture of p1 rows and p2 columns around a torus."""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from lal.groups.cyclic import character
from lal.groups.part import MAX_ORDER, GroupPart

if TYPE_CHECKING:
    from lal.groups.group import Group


class Product(GroupPart):
    """C_p1 x C_p2. Element a * p2 + b moves by a rows and b columns; mode "ky,kx" is a wave of ky periods down and kx across, and its opposite."""

    kind: Literal["product"] = "product"
    abelian: ClassVar[bool] = True
    p1: Annotated[int, Field(ge=2, le=MAX_ORDER // 2, description="number of rows")] = 10
    p2: Annotated[int, Field(ge=2, le=MAX_ORDER // 2, description=f"number of columns; p1 x p2 at most {MAX_ORDER}")] = 10

    @model_validator(mode="after")
    def _fits(self) -> Product:
        if self.order > MAX_ORDER:
            raise ValueError(f"p1 * p2 must be at most {MAX_ORDER}, but got {self.order} (p1={self.p1}, p2={self.p2}); lower one of them")
        return self

    @property
    def order(self) -> int:
        return self.p1 * self.p2

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.p1, self.p2)

    @property
    def label(self) -> str:
        return f"c{self.p1}x{self.p2}"

    def build(self) -> Group:
        import numpy as np

        from lal.groups.group import Group

        a, b = np.divmod(np.arange(self.order), self.p2)
        table = (a[:, None] + a) % self.p1 * self.p2 + (b[:, None] + b) % self.p2
        period = lcm(self.p1, self.p2)
        irreps = (character(f"{ky},{kx}", a * (ky * period // self.p1) + b * (kx * period // self.p2), period) for ky, kx in self.waves())
        return Group(table, tuple(irreps), self.shape)

    def waves(self) -> list[tuple[int, int]]:
        """(ky, kx), one of each wave and its opposite, from long to short: by ky^2 + kx^2, then |ky|, then kx. -p1/2 < ky <= p1/2, 0 <= kx <= p2/2."""
        found = []
        for kx in range(self.p2 // 2 + 1):
            alone = 2 * kx % self.p2 == 0  # the column holds the opposites of its own waves
            found += [(ky, kx) for ky in range(0 if alone else -((self.p1 - 1) // 2), self.p1 // 2 + 1)]
        return sorted(found, key=lambda wave: (wave[0] ** 2 + wave[1] ** 2, abs(wave[0]), wave[1], -wave[0]))
