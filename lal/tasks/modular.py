"""Modular arithmetic: the task on which grokking was found (Power et al. 2022, arXiv 2201.02177)."""

from __future__ import annotations

from math import comb, log
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from lal.errors import nearest
from lal.tasks.task import Data, TaskPart

if TYPE_CHECKING:
    from torch import Tensor

MAX_ROWS = 2048**2  # the table of all rows must fit in memory
MAX_P = 2048  # of two operands
OPERATIONS = ("add", "subtract", "multiply", "divide")
COMMUTING = {"add", "multiply"}


class Modular(TaskPart):
    """c = a (operation) b mod p over all pairs; with three operands c = (a (operation) b) (operation) c, and so on from the left.

    `divide` leaves out the divisor 0. Several operations, joined by + in the order add, subtract, multiply, divide, are learned at once: a row says its own.
    `split: unordered` puts all orders of a row's operands on the same side, so that a network which is merely symmetric gains
    nothing on the test set. `split_seed` alone decides which rows are trained on.
    """

    kind: Literal["modular"] = "modular"
    p: Annotated[int, Field(ge=2, le=MAX_P, description="modulus; prime for multiply and divide")] = 113
    operation: Annotated[str, Field(description="what is computed: `add`, `subtract`, `multiply` or `divide`, or several at once, such as `add+multiply`")] = (
        "add"
    )
    operands: Annotated[int, Field(ge=2, le=22, description=f"numbers that are combined; all rows together at most {MAX_ROWS:,}")] = 2
    train_frac: Annotated[float, Field(gt=0, lt=1, description="share of the rows that is trained on")] = 0.3
    split: Annotated[Literal["pair", "unordered"], Field(description="what is drawn: rows, or rows that differ in the order of operands alone, together")] = (
        "pair"
    )
    split_seed: Annotated[int, Field(ge=0, lt=2**63, description="seed of the split, and of nothing else")] = 0

    @model_validator(mode="after")
    def _possible(self) -> Modular:
        self._operations_are_known()
        self._inverses_exist()
        self._rows_fit()
        n_units = sum(self._n_units(name) for name in self.operations)
        if not 0 < round(self.train_frac * n_units) < n_units:
            what = f"{n_units} pairs (split: {self.split})" if self.operands == 2 else f"{n_units} rows (split: {self.split})"
            raise ValueError(f"train_frac must leave at least one pair on each side, but got train_frac={self.train_frac} of {what}")
        return self

    def _operations_are_known(self) -> None:
        for name in self.operations:
            if name not in OPERATIONS:
                raise ValueError(f"operation must be one of {', '.join(OPERATIONS)}, or several joined by +, but got {name!r}; {nearest(name, OPERATIONS)}")
        ordered = "+".join(name for name in OPERATIONS if name in self.operations)
        if self.operation != ordered:
            raise ValueError(f"operation must name each once, in the order {', '.join(OPERATIONS)}, but got {self.operation!r}; write {ordered}")

    def _inverses_exist(self) -> None:
        inverting = [name for name in self.operations if name in ("multiply", "divide")]
        if inverting and not is_prime(self.p):
            contract = f"p must be prime for {' and '.join(inverting)} (every non-zero residue needs an inverse)"
            raise ValueError(f"{contract}, but got p={self.p}; the next prime is {next_prime(self.p)}")

    def _rows_fit(self) -> None:
        if self.n_rows > MAX_ROWS:
            most = max((k for k in range(2, self.operands) if sum(self._n_rows(name, k) for name in self.operations) <= MAX_ROWS), default=None)
            remedy = f"the most operands are {most}" if most else "lower p, or take fewer operations"
            have = f"{self.n_rows:,} (p={self.p}, operands={self.operands}, operation={self.operation})"
            raise ValueError(f"all rows together must be at most {MAX_ROWS:,}, but got {have}; {remedy}")

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations that are learned, by number."""
        return tuple(self.operation.split("+"))

    @property
    def n_tokens(self) -> int:
        return self.p

    @property
    def n_operands(self) -> int:
        return self.operands

    @property
    def n_operations(self) -> int:
        return len(self.operations)

    @property
    def n_classes(self) -> int:
        return self.p

    @property
    def data_scale(self) -> float:
        """p ln p: a rule of thumb from published cases of one operation on pairs; none is known beyond."""
        return self.p * log(self.p) if self.operands == 2 and self.n_operations == 1 else 0.0

    @property
    def commutes(self) -> bool:
        return {*self.operations} <= COMMUTING

    @property
    def n_rows(self) -> int:
        return sum(self._n_rows(name, self.operands) for name in self.operations)

    @property
    def n_train(self) -> int:
        """Exact for `split: pair`; expected for `unordered`, whose units hold several rows."""
        return round(self.train_frac * self.n_rows)

    def _n_rows(self, operation: str, operands: int) -> int:
        return self.p * (self.p - (operation == "divide")) ** (operands - 1)

    def _n_units(self, operation: str) -> int:
        """What the split draws from: all rows, or all multisets of operands; with `divide` at most one of them is 0, and that one comes first."""
        if self.split == "pair":
            return self._n_rows(operation, self.operands)
        p, k = self.p, self.operands
        return comb(p + k - 2, k) + comb(p + k - 3, k - 1) if operation == "divide" else comb(p + k - 1, k)

    @property
    def label(self) -> str:
        """Such as add113, add_multiply113, add31x3 (three operands)."""
        return f"{self.operation.replace('+', '_')}{self.p}{f'x{self.operands}' if self.operands > 2 else ''}"

    def build(self, device: str) -> Data:
        import torch

        tables = [self._table(name) for name in self.operations]
        tokens = torch.cat(tables)
        targets = torch.cat([self._answers(name, table) for name, table in zip(self.operations, tables, strict=True)])
        numbers = torch.repeat_interleave(torch.tensor([len(table) for table in tables]))
        in_train = self._split(tokens, numbers)
        train, test = in_train.nonzero().flatten(), (~in_train).nonzero().flatten()
        clean = test[self._mirror_clean(tokens, numbers, in_train)[test]] if self.commutes else None
        if self.n_operations > 1:
            tokens = torch.cat([tokens, numbers[:, None]], 1)
        parts = (tokens, targets, train, test)
        return Data(*(part.to(device) for part in parts), mirror_clean=None if clean is None else clean.to(device))

    def _table(self, operation: str) -> Tensor:
        """(rows, k), every choice of operands in row-major order."""
        import torch

        divisor = torch.arange(int(operation == "divide"), self.p)
        return torch.cartesian_prod(torch.arange(self.p), *[divisor] * (self.operands - 1))

    def _answers(self, operation: str, tokens: Tensor) -> Tensor:
        import torch

        answer, *rest = tokens.unbind(1)
        inverse = torch.tensor([0, *(pow(each, -1, self.p) for each in range(1, self.p))]) if operation == "divide" else None
        for operand in rest:
            if inverse is not None:
                answer = answer * inverse[operand] % self.p
            else:
                answer = {"add": answer + operand, "subtract": answer - operand, "multiply": answer * operand}[operation] % self.p
        return answer

    def _split(self, tokens: Tensor, numbers: Tensor) -> Tensor:
        """Boolean mask over rows: a random `n_train` of them, or of their multisets of operands in the same share."""
        import torch

        n_units, unit_of_row = self._units(tokens.sort(1).values if self.split == "unordered" else tokens, numbers)
        generator = torch.Generator().manual_seed(self.split_seed)
        chosen = torch.randperm(n_units, generator=generator)[: round(self.train_frac * n_units)]
        mask = torch.zeros(n_units, dtype=torch.bool)
        mask[chosen] = True
        return mask[unit_of_row]

    def _mirror_clean(self, tokens: Tensor, numbers: Tensor, in_train: Tensor) -> Tensor:
        """Rows with operands that are not all equal, no order of which is trained on (a symmetric memoriser fails exactly these test rows)."""
        import torch

        n_units, unit_of_row = self._units(tokens.sort(1).values, numbers)
        trained = torch.zeros(n_units, dtype=torch.bool)
        trained[unit_of_row[in_train]] = True
        return (tokens != tokens[:, :1]).any(1) & ~trained[unit_of_row]

    def _units(self, tokens: Tensor, numbers: Tensor) -> tuple[int, Tensor]:
        """Number of different rows (operation and operands), and the number of each row's own among them, in ascending order."""
        import torch

        key = numbers
        for column in tokens.unbind(1):
            key = key * self.p + column
        units, unit_of_row = torch.unique(key, return_inverse=True)
        return len(units), unit_of_row


def is_prime(n: int) -> bool:
    """Whether `n` is a prime number."""
    return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))


def next_prime(n: int) -> int:
    """The smallest prime above `n`."""
    return next(m for m in range(n + 1, 2 * n + 3) if is_prime(m))
