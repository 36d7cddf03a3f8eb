"""The built multi-layer perceptron."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from lal.models.layers import Embedding, LayerNorm, Linear, gathered_sum
from lal.models.mlp import Mlp
from lal.models.model import Role
from lal.models.network import Network, Output, activation
from lal.tasks.task import TaskPart


class Offset(nn.Module):
    """A bias of its own: the one a one-hot input layer adds after its embedding sum."""

    def __init__(self, width: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width))

    def role_of(self, name: str) -> Role:
        return "bias"

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


class MlpNetwork(Network):
    """See `Mlp`. The first linear layer after an embedding is applied to the tables, once a token, not once a row."""

    def __init__(self, config: Mlp, task: TaskPart, generator: torch.Generator):
        super().__init__()
        one_hot, width = config.inputs == "one_hot", config.embed_dim or config.width
        std = config.init_scale * ((3 * sum(task.vocabularies)) ** -0.5 if one_hot else 1.0)
        self.embedding = Embedding(task, width, std=std, tied=config.tied, generator=generator)
        self.offset = Offset(config.width) if one_hot else None
        sizes = config.widths(task)
        self.linears = nn.ModuleList(Linear(a, b, scale=config.init_scale, generator=generator) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(LayerNorm(config.width) for _ in range(config.depth) if config.norm == "layer")
        self.concat = config.inputs == "concat"
        self.act = activation(config.activation)

    def embed(self, tokens: Tensor) -> Tensor:
        return self.embedding.concat(tokens) if self.concat else self.embedding.sum(tokens)

    def streams(self) -> dict[str, torch.Generator]:
        return {}

    def run(self, x: Tensor) -> Output:
        return self._rest(self.offset(x)) if self.offset else self._rest(self.linears[0](x))

    def forward(self, tokens: Tensor) -> Output:
        if self.offset:
            return self.run(self.embed(tokens))
        return self._rest(gathered_sum(self._projected_tables(), tokens))

    def _projected_tables(self) -> tuple[Tensor, ...]:
        """Each operand's table after the first linear layer: W (e_a + e_b) + c = (W e_a + c) + W e_b, or by blocks of W."""
        first, tables = self.linears[0], self.embedding.tables()
        assert isinstance(first, Linear)
        blocks = first.weight.chunk(len(tables), 1) if self.concat else [first.weight] * len(tables)
        biases = [first.bias, *[None] * (len(tables) - 1)]
        return tuple(nn.functional.linear(table, block, bias) for table, block, bias in zip(tables, blocks, biases, strict=True))

    def _rest(self, pre: Tensor) -> Output:
        """From the first hidden layer's pre-activation to the logits."""
        *hidden, last = self.linears if self.offset else self.linears[1:]
        norms = self.norms or [lambda x: x] * (len(hidden) + 1)
        x = self.act(norms[0](pre))
        for norm, linear in zip(norms[1:], hidden, strict=True):
            x = self.act(norm(linear(x)))
        return Output(logits=last(x), hidden=x)
