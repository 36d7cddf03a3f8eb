"""D_n: rotations and reflections of a regular polygon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from lal.groups.part import MAX_ORDER, ListedGroup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lal.groups.group import Group, Irrep


class Dihedral(ListedGroup):
    """D_n of 2n elements: element b * n + a is r^a s^b, with r^n = s^2 = 1 and s r = r^-1 s. D_3 is S_3.

    Modes: "trivial", "sign" (-1 at reflections), for even n also "turn" (-1 at r) and "turn_sign", and "rho1", "rho2", ... of dimension 2,
    where r turns the plane by one, two, ... n-ths.
    """

    kind: Literal["dihedral"] = "dihedral"
    abelian: ClassVar[bool] = False
    n: Annotated[int, Field(ge=3, le=MAX_ORDER // 2, description="corners of the polygon: the group has 2n elements")] = 3

    @property
    def order(self) -> int:
        return 2 * self.n

    @property
    def label(self) -> str:
        return f"d{self.n}"

    def build(self) -> Group:
        import numpy as np

        from lal.groups.group import Group, Irrep

        b, a = np.divmod(np.arange(self.order), self.n)
        flip = 1 - 2 * b
        table = (b[:, None] + b) % 2 * self.n + (a[:, None] + flip[:, None] * a) % self.n
        signs = {"trivial": np.ones(self.order), "sign": flip.astype(float)}
        if self.n % 2 == 0:
            turn = (1.0 - 2 * (a % 2)).astype(float)
            signs |= {"turn": turn, "turn_sign": turn * flip}
        lines = [Irrep(name, values[:, None, None]) for name, values in signs.items()]
        return Group(table, (*lines, *(self._plane(j, a, flip) for j in range(1, (self.n + 1) // 2))), self.shape)

    def _plane(self, j: int, a: NDArray[np.int64], flip: NDArray[np.int64]) -> Irrep:
        import numpy as np

        from lal.groups.group import Irrep

        angle = 2 * np.pi * j * a / self.n
        rows = [[np.cos(angle), -np.sin(angle) * flip], [np.sin(angle), np.cos(angle) * flip]]
        return Irrep(f"rho{j}", np.moveaxis(np.array(rows), -1, 0))
