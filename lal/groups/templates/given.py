"""A template written out as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lal.groups.part import GroupPart
from lal.groups.template import TemplatePart, centred

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST, MOST = 1e-15, 1e15  # of the largest value: powers, and losses while they fall, are then numbers in float32


class Given(TemplatePart):
    """One number for each element, in the order of the group: row by row on C_p1 x C_p2."""

    kind: Literal["given"] = "given"
    values: Annotated[tuple[float, ...], Field(description="one number for each element of the group; their mean is taken off")]
    standardised: Annotated[bool, Field(description="mean square 1")] = False

    @property
    def label(self) -> str:
        return "given"

    def check(self, group: GroupPart) -> None:
        if len(self.values) != group.order:
            contract = f"a template must have one value for each of the {group.order} elements of {group.label}"
            raise ValueError(f"{contract}, but got {len(self.values)}; write {group.order} values, or another group")
        if len(set(self.values)) == 1:
            raise ValueError(
                f"a template must have power in some mode besides the trivial one, but every value is {self.values[0]:g}; write values that differ"
            )
        largest = max(map(abs, self.values))
        if not LEAST <= largest <= MOST:
            contract = f"the largest value of a template must lie between {LEAST:g} and {MOST:g}, whose squares float32 can hold"
            raise ValueError(f"{contract}, but got {largest:g}; give values of another unit")
        centred(self.draw(group), self.kind)

    def draw(self, group: GroupPart) -> NDArray[np.float64]:
        import numpy as np

        return np.array(self.values)
