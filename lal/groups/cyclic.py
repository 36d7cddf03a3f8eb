"""C_p: shifts of p places around a ring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from lal.groups.part import MAX_ORDER, ListedGroup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lal.groups.group import Group, Irrep


class Cyclic(ListedGroup):
    """C_p: addition mod p. Mode f = 0 .. p // 2 is the frequency f, cos and sin together."""

    kind: Literal["cyclic"] = "cyclic"
    abelian: ClassVar[bool] = True
    p: Annotated[int, Field(ge=2, le=MAX_ORDER, description="number of elements")] = 10

    @property
    def order(self) -> int:
        return self.p

    @property
    def label(self) -> str:
        return f"c{self.p}"

    def build(self) -> Group:
        import numpy as np

        from lal.groups.group import Group

        elements = np.arange(self.p)
        return Group((elements[:, None] + elements) % self.p, tuple(character(str(f), f * elements, self.p) for f in range(self.p // 2 + 1)), self.shape)


def character(name: str, angles: NDArray[np.int64], period: int) -> Irrep:
    """The one-dimensional irrep g -> exp(2 pi i angles[g] / period); real where all values are +1 or -1."""
    import numpy as np

    from lal.groups.group import Irrep

    turns = angles % period
    if not (2 * turns % period).any():
        return Irrep(name, np.where(turns == 0, 1.0, -1.0)[:, None, None])
    return Irrep(name, np.exp(2j * np.pi * turns / period)[:, None, None])
