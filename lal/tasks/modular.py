"""Modular arithmetic on pairs (a, b): the task on which grokking was found (Power et al. 2022, arXiv 2201.02177)."""

from __future__ import annotations

from math import log
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lal.tasks.task import Data, TaskPart

MAX_P = 2048  # the table of all pairs must fit in memory: 4 M rows


class Modular(TaskPart):
    """c = a (operation) b mod p over all pairs; `divide` leaves out b = 0.

    `split: unordered` puts (a, b) and (b, a) on the same side, so that a network which is merely symmetric gains
    nothing on the test set. `split_seed` alone decides which pairs are trained on.
    """

    kind: Literal["modular"] = "modular"
    p: Annotated[int, Field(ge=2, le=MAX_P, description="modulus; prime for multiply and divide")] = 113
    operation: Annotated[Literal["add", "subtract", "multiply", "divide"], Field(description="what is computed")] = "add"
    train_frac: Annotated[float, Field(gt=0, lt=1, description="share of the pairs that is trained on")] = 0.3
    split: Annotated[Literal["pair", "unordered"], Field(description="what is drawn: ordered or unordered pairs")] = "pair"
    split_seed: Annotated[int, Field(ge=0, lt=2**63, description="seed of the split, and of nothing else")] = 0

    @model_validator(mode="after")
    def _inverses_exist(self) -> Modular:
        if self.operation in ("multiply", "divide") and not is_prime(self.p):
            contract = f"p must be prime for {self.operation} (every non-zero residue needs an inverse)"
            raise ValueError(f"{contract}, but got p={self.p}; the next prime is {next_prime(self.p)}")
        if not 0 < round(self.train_frac * self._n_units) < self._n_units:
            have = f"train_frac={self.train_frac} of {self._n_units} pairs (split: {self.split})"
            raise ValueError(f"train_frac must leave at least one pair on each side, but got {have}")
        return self

    @property
    def n_tokens(self) -> int:
        return self.p

    @property
    def n_operands(self) -> int:
        return 2

    @property
    def n_classes(self) -> int:
        return self.p

    @property
    def data_scale(self) -> float:
        """p ln p: a rule of thumb from published cases."""
        return self.p * log(self.p)

    @property
    def commutes(self) -> bool:
        return self.operation in ("add", "multiply")

    @property
    def n_rows(self) -> int:
        return self.p * (self.p - 1) if self.operation == "divide" else self.p**2

    @property
    def n_train(self) -> int:
        """Exact for `split: pair`; expected for `unordered`, whose units hold one or two rows."""
        return round(self.train_frac * self.n_rows)

    @property
    def _n_units(self) -> int:
        """What the split draws from: all pairs, or all unordered ones."""
        if self.split == "pair":
            return self.n_rows
        return self.p * (self.p + 1) // 2 - (self.operation == "divide")

    @property
    def label(self) -> str:
        return f"{self.operation}{self.p}"

    def build(self, device: str) -> Data:
        import torch

        grid = torch.cartesian_prod(torch.arange(self.p), torch.arange(self.p))
        tokens = grid[grid[:, 1] != 0] if self.operation == "divide" else grid
        in_train = self._split(tokens)
        train, test = in_train.nonzero().flatten(), (~in_train).nonzero().flatten()
        clean = test[self._mirror_clean(tokens, in_train)[test]] if self.commutes else None
        parts = (tokens, self._answers(tokens), train, test)
        return Data(*(part.to(device) for part in parts), mirror_clean=None if clean is None else clean.to(device))

    def _answers(self, tokens):
        import torch

        a, b = tokens.unbind(1)
        if self.operation == "divide":
            inverse = torch.tensor([0, *(pow(each, -1, self.p) for each in range(1, self.p))])
            return a * inverse[b] % self.p
        return {"add": a + b, "subtract": a - b, "multiply": a * b}[self.operation] % self.p

    def _split(self, tokens):
        """Boolean mask over rows: a random `n_train` of them, or of their unordered pairs in the same share."""
        import torch

        a, b = tokens.unbind(1)
        lo, hi = (torch.minimum(a, b), torch.maximum(a, b)) if self.split == "unordered" else (a, b)
        units, unit_of_row = torch.unique(lo * self.p + hi, return_inverse=True)
        generator = torch.Generator().manual_seed(self.split_seed)
        chosen = torch.randperm(len(units), generator=generator)[: round(self.train_frac * len(units))]
        mask = torch.zeros(len(units), dtype=torch.bool)
        mask[chosen] = True
        return mask[unit_of_row]

    def _mirror_clean(self, tokens, in_train):
        """Rows with a != b whose mirror is not trained on (of the pairs of different operands, a symmetric memoriser fails exactly these)."""
        import torch

        a, b = tokens.unbind(1)
        trained = torch.zeros(self.p, self.p, dtype=torch.bool)
        trained[a, b] = in_train
        return (a != b) & ~trained[b, a]


def is_prime(n: int) -> bool:
    """Whether `n` is a prime number."""
    return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))


def next_prime(n: int) -> int:
    """The smallest prime above `n`."""
    return next(m for m in range(n + 1, 2 * n + 3) if is_prime(m))
