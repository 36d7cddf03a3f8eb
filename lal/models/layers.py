"""Layers that know the role of their parameters and draw initial values from a generator of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lal.models.model import Role
from lal.tasks.task import TaskPart


def uniform(shape: tuple[int, ...], fan_in: float, scale: float, generator: torch.Generator) -> nn.Parameter:
    """A parameter from U(-s, s), s = scale / sqrt(fan_in): PyTorch's own rule for linear layers at scale 1."""
    bound = scale / fan_in**0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator))


class Linear(nn.Module):
    """x -> x W^T + b. `role` replaces the roles of both W and b, for parts such as routers."""

    def __init__(self, n_in: int, n_out: int, *, generator: torch.Generator, scale: float = 1.0, bias: bool = True, role: Role | None = None):
        super().__init__()
        self.weight = uniform((n_out, n_in), n_in, scale, generator)
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None
        self._role: Role | None = role

    def role_of(self, name: str) -> Role:
        if self._role is not None:
            return self._role
        return "weight" if name == "weight" else "bias"

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight, self.bias)


class Embedding(nn.Module):
    """A table for each operand, or one for all when tied; and one for the operation, where a task has several.

    Drawn from N(0, std). The sum of the embeddings is the one-hot input times a matrix; std = 1/sqrt(size of that input) is the matrix's usual scale.
    """

    def __init__(self, task: TaskPart, width: int, *, std: float, tied: bool, generator: torch.Generator):
        super().__init__()
        shape = (1 if tied else task.n_operands, task.n_tokens, width)
        self.weight = nn.Parameter(torch.empty(shape).normal_(0, std, generator=generator))
        several = task.n_operations > 1
        self.operation = nn.Parameter(torch.empty(task.n_operations, width).normal_(0, std, generator=generator)) if several else None
        self.n_operands = task.n_operands

    def role_of(self, name: str) -> Role:
        return "embedding"

    def tables(self) -> tuple[Tensor, ...]:
        """The (values, width) table of each column of tokens: (n_tokens, width) of every operand, then the operation's, if there are several."""
        operands = (self.weight[min(t, len(self.weight) - 1)] for t in range(self.n_operands))
        return (*operands, *([] if self.operation is None else [self.operation]))

    def sum(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, width)."""
        return gathered_sum(self.tables(), tokens)

    def concat(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, T * width)."""
        return torch.cat([nn.functional.embedding(each, table) for each, table in zip(tokens.unbind(1), self.tables(), strict=True)], 1)


def gathered_sum(tables: tuple[Tensor, ...], tokens: Tensor) -> Tensor:
    """Sum over columns t of tables[t][tokens[:, t]]: a one-hot product without the zeros."""
    first, *rest = (nn.functional.embedding(each, table) for each, table in zip(tokens.unbind(1), tables, strict=True))
    for each in rest:
        first = first + each
    return first


class LayerNorm(nn.Module):
    """Layer normalisation with gain and offset (Ba et al. 2016, arXiv 1607.06450)."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def role_of(self, name: str) -> Role:
        return "norm"

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.layer_norm(x, x.shape[-1:], self.weight, self.bias)
