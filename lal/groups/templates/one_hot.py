"""A template that is 1 at the identity: each element is coded by its own unit vector, less the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lal.groups.part import GroupPart
from lal.groups.template import TemplatePart

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class OneHot(TemplatePart):
    """The unit vector of the identity. Its power in an irrep of dimension d is d^2 / |G|, so that equal ones have no order: there is no staircase on C_p."""

    kind: Literal["one_hot"] = "one_hot"
    standardised: Annotated[bool, Field(description="mean square 1, instead of (1 - 1 / |G|) / |G|")] = False

    @property
    def label(self) -> str:
        return "onehot"

    def check(self, group: GroupPart) -> None:
        """It exists on every group."""

    def draw(self, group: GroupPart) -> NDArray[np.float64]:
        import numpy as np

        return np.eye(1, group.order)[0]
