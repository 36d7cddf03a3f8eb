"""The built transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lal.models.attention import Attention
from lal.models.feed_forward_network import first_state, slots
from lal.models.layers import LayerNorm, Linear
from lal.models.model import Role
from lal.models.network import Choosing, Output
from lal.models.transformer import Transformer
from lal.tasks.task import TaskPart


class TokenTable(nn.Module):
    """Embeddings of residues, operations and =, in this order, and of positions. Drawn from N(0, std)."""

    def __init__(self, config: Transformer, task: TaskPart, *, std: float, generator: torch.Generator):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.n_tokens(task), config.width).normal_(0, std, generator=generator))
        self.position = nn.Parameter(torch.empty(config.n_positions(task), config.width).normal_(0, std, generator=generator))
        self.n_residues, self.n_operands, self.operator = task.n_tokens, task.n_operands, config.operator

    def role_of(self, name: str) -> Role:
        return "embedding"

    def tables(self) -> tuple[Tensor, ...]:
        """The (n_tokens, width) table of each operand: the same for all."""
        return (self.weight[: self.n_residues],) * self.n_operands

    def sequence(self, tokens: Tensor) -> Tensor:
        """(B, T) columns of a task -> (B, S) rows of the table: [a, op, b, =] or [a, b, =]."""
        operands, last = tokens[:, : self.n_operands], tokens.new_full((len(tokens), 1), len(self.weight) - 1)
        if not self.operator:
            return torch.cat([operands, last], 1)
        operation = self.n_residues + (tokens[:, self.n_operands :] if tokens.shape[1] > self.n_operands else torch.zeros_like(last))
        between = torch.cat([operation.expand(-1, self.n_operands - 1), last], 1)
        return torch.stack([operands, between], 2).flatten(1)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, S, D)."""
        return nn.functional.embedding(self.sequence(tokens), self.weight) + self.position


class Layer(nn.Module):
    """One layer's attention and norms; its feed-forward slot."""

    def __init__(self, config: Transformer, slot: nn.Module, generator: torch.Generator):
        super().__init__()
        self.attention = Attention(config.width, config.heads, scale=config.init_scale, generator=generator)
        self.slot = slot
        self.norms = nn.ModuleList(LayerNorm(config.width) if config.norm == "layer" else nn.Identity() for _ in range(2))


class TransformerNetwork(Choosing):
    """See `Transformer`."""

    def __init__(self, config: Transformer, task: TaskPart, generator: torch.Generator):
        super().__init__()
        self.embedding = TokenTable(config, task, std=EMBEDDING_STD * config.init_scale, generator=generator)
        self.first_state = first_state(config, generator)
        self.layers = nn.ModuleList(Layer(config, slot, generator) for slot in slots(config, generator))
        self.norm = LayerNorm(config.width) if config.norm == "layer" else nn.Identity()
        self.out = None if config.tied else Linear(config.width, task.n_classes, bias=False, scale=config.init_scale, generator=generator)

    def embed(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, S, D)."""
        return self.embedding(tokens)

    def layer_flops(self) -> list[float]:
        return []

    def streams(self) -> dict[str, torch.Generator]:
        return {}

    def run(self, x: Tensor) -> Output:
        """(B, S, D) -> output. The last layer is computed at the position that is read alone: nothing else reaches the logits."""
        return self._run(x, hard=False)

    def forward_hard(self, tokens: Tensor) -> Output:
        return self._run(self.embed(tokens), hard=True)

    def _run(self, x: Tensor, *, hard: bool) -> Output:
        state, routing = self.first_state(x), []
        for index, layer in enumerate(self.layers):
            n_queries = 1 if index == len(self.layers) - 1 else x.shape[1]
            x, state = x[:, -n_queries:] + layer.attention(layer.norms[0](x), n_queries), state[:, -n_queries:]
            shape = x.shape[:2]
            output, state, weights = layer.slot(layer.norms[1](x).flatten(0, 1), state.flatten(0, 1), hard=hard)
            x, state = x + output.unflatten(0, shape), state.unflatten(0, shape)
            routing.append(None if weights is None else weights.unflatten(0, shape).transpose(0, 1))
        return self._read(x[:, -1], routing)

    def _read(self, hidden: Tensor, routing: list[Tensor | None]) -> Output:
        normalised = self.norm(hidden)
        logits = nn.functional.linear(normalised, self.embedding.tables()[0]) if self.out is None else self.out(normalised)
        return Output(logits, hidden, None if routing[0] is None else tuple(weights for weights in routing if weights is not None))


EMBEDDING_STD = 0.02
