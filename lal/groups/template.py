"""What every template offers: a real function on a group, of which each element's code is a moved copy."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from lal.groups.part import GroupPart
from lal.part import Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lal.groups.group import Group
    from lal.groups.staircase import Staircase

    Array = NDArray[np.float64]

DUST = 1e-24  # mean square after centring of what was a constant, in units of its own square


@dataclass(frozen=True)
class Template:
    """A template on its group.

    Attributes:
        group: the group.
        values: (|G|,) float64, of mean 0; of mean square 1 where standardised.
        power: (modes,) of `values`, one-sided: pairs of conjugate irreps count as one mode.
        staircase: the levels of the loss that theory predicts, and the order of the modes.
    """

    group: Group
    values: Array
    power: Array
    staircase: Staircase


class TemplatePart(Part):
    """A template's configuration. Whatever it draws is centred, since the trivial mode tells nothing about an element; then it is standardised, or not."""

    kind: str
    standardised: bool

    @abstractmethod
    def check(self, group: GroupPart) -> None:
        """Whether it exists on `group`; needs no file and no package.

        Raises:
            ValueError: it does not, with what to write.
        """

    @abstractmethod
    def draw(self, group: GroupPart) -> Array:
        """(|G|,) float64 before centring; the same on every machine. `check` has passed."""

    @property
    @abstractmethod
    def label(self) -> str:
        """A few characters for run ids."""

    def build(self, group: GroupPart) -> Template:
        """The template on `group`.

        Raises:
            ValueError: it does not exist there, or is constant.
            lal.errors.Refused: a package that it needs is missing.
        """
        from lal.groups.staircase import staircase

        self.check(group)
        tables = tables_of(group)
        values = centred(self.draw(group), self.kind)
        if self.standardised:
            values = values / float((values**2).mean()) ** 0.5
        power = tables.power(values)
        power[0] = 0.0  # centred: what is left of the mean is dust
        return Template(tables, values, power, staircase(power, tables.order))


def centred(drawn: Array, kind: str) -> Array:
    """(|G|,) values less their mean.

    Raises:
        ValueError: but for dust they are constant.
    """
    values = drawn - drawn.mean()
    if float((values**2).mean()) <= DUST * float((drawn**2).mean()):
        raise ValueError(f"a template must have power in some mode besides the trivial one, but {kind} is constant; give it values that differ")
    return values


@lru_cache(maxsize=4)
def tables_of(group: GroupPart) -> Group:
    """`group.build()`, kept: a plan asks for the same group many times. Not to be written to."""
    return group.build()
