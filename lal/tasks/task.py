"""What every task of the house offers, before and after it is built."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lal.part import Part

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Data:
    """A task as tensors on one device. All possible inputs stand in one table; a split is a set of its rows.

    Attributes:
        tokens: (N, T) int64, every input of the task in row-major order of its operands. Where a task has several operations, the last column is
            the number of the row's own, and all rows of one operation stand together.
        targets: (N,) int64, the right class of each.
        train, test: row numbers, ascending, disjoint; together every row.
        mirror_clean: the rows of `test` whose operands are not all equal and of which no other order, such as the mirror (b, a) of
            (a, b), is in `train`; None where the operation does not commute.
    """

    tokens: Tensor
    targets: Tensor
    train: Tensor
    test: Tensor
    mirror_clean: Tensor | None


class TaskPart(Part):
    """A task's configuration: what it needs from a model, and how to build its data."""

    kind: str

    @property
    @abstractmethod
    def n_tokens(self) -> int:
        """Size of the vocabulary of one operand."""

    @property
    @abstractmethod
    def n_operands(self) -> int:
        """Operands in one input."""

    @property
    @abstractmethod
    def n_operations(self) -> int:
        """Number of operations; where there are several, each input names one."""

    @property
    def vocabularies(self) -> tuple[int, ...]:
        """Number of values of each column of `Data.tokens`: the operands', then the operation's, if there are several."""
        return (self.n_tokens,) * self.n_operands + ((self.n_operations,) if self.n_operations > 1 else ())

    @property
    @abstractmethod
    def n_classes(self) -> int:
        """Number of possible answers."""

    @property
    @abstractmethod
    def n_rows(self) -> int:
        """Number of possible inputs."""

    @property
    @abstractmethod
    def n_train(self) -> int:
        """Number of them in the training set."""

    @property
    @abstractmethod
    def commutes(self) -> bool:
        """Whether the order of operands never changes the answer; a task of one operand does not."""

    @property
    @abstractmethod
    def data_scale(self) -> float:
        """The training rows of which 4 to 7 times as many make generalising slow, fewer unlikely; 0 where no rule is known."""

    @property
    @abstractmethod
    def label(self) -> str:
        """A few characters for run ids."""

    @abstractmethod
    def build(self, device: str) -> Data:
        """The data on `device`; the same split on every machine."""
