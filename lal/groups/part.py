"""What every finite group of the house offers, before and after its table is built."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, final

from lal.part import Part

if TYPE_CHECKING:
    from lal.groups.group import Group

MAX_ORDER = 2048  # tables of |G|^2 numbers must fit in memory: 32 MiB each


class GroupPart(Part):
    """A group's configuration.

    Attributes:
        abelian: whether the order of a product never changes it.
    """

    kind: str
    abelian: ClassVar[bool]

    if TYPE_CHECKING:  # frozen parts are hashable, which the type checker cannot know

        def __hash__(self) -> int: ...

    @property
    @abstractmethod
    def order(self) -> int:
        """Number of its elements."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """How a function on the group is drawn: (order,), or (p1, p2) where the elements stand on a grid, in row-major order."""

    @property
    @abstractmethod
    def label(self) -> str:
        """A few characters for run ids."""

    @abstractmethod
    def build(self) -> Group:
        """Its table of products and its irreducible representations."""


class ListedGroup(GroupPart):
    """A group whose functions are drawn as one line of numbers, in the order of its elements."""

    @property
    @final
    def shape(self) -> tuple[int, ...]:
        return (self.order,)
