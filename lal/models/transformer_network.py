"""The built transformer: each different beginning of a sequence is computed once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lal.models.attention import Attention
from lal.models.feed_forward_network import Slot, first_state, slots
from lal.models.layers import LayerNorm, Linear
from lal.models.model import Role
from lal.models.network import Choosing, Output
from lal.models.prefixes import Maps, Prefixes, taken
from lal.models.sequence import Sequence
from lal.models.transformer import Transformer
from lal.tasks.task import TaskPart


class TokenTable(nn.Module):
    """Embeddings of residues, operations and =, in this order, and of positions. Drawn from N(0, std)."""

    def __init__(self, config: Transformer, task: TaskPart, generator: torch.Generator):
        super().__init__()
        std = config.embedding_std * config.init_scale
        self.weight = nn.Parameter(torch.empty(config.n_tokens(task), config.width).normal_(0, std, generator=generator))
        self.position = nn.Parameter(torch.empty(config.n_positions(task), config.width).normal_(0, std, generator=generator))
        self.sequence: Sequence = config.sequence(task)
        self.n_residues, self.n_operands = task.n_tokens, task.n_operands

    def role_of(self, name: str) -> Role:
        return "embedding"

    def tables(self) -> tuple[Tensor, ...]:
        """The (n_tokens, width) table of each operand: the same for all."""
        return (self.weight[: self.n_residues],) * self.n_operands

    def at(self, position: int, values: Tensor | None) -> Tensor:
        """(V, D), embedded `values` of the column that stands at `position`, or its only token."""
        return nn.functional.embedding(self._rows(position, values), self.weight) + self.position[position]

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, S, D)."""
        columns = [None if own is None else tokens[:, self.sequence.columns[own]] for own in self.sequence.own]
        rows = [self._rows(position, values).expand(len(tokens)) for position, values in enumerate(columns)]
        return nn.functional.embedding(torch.stack(rows, 1), self.weight) + self.position

    def _rows(self, position: int, values: Tensor | None) -> Tensor:
        """Rows of the table: residues come first, then operations, then =, which is last in every sequence."""
        last, own = len(self.weight) - 1, self.sequence.own[position]
        if values is None:
            row = last if position == self.sequence.n_positions - 1 else last - 1
            return torch.full((1,), row, device=self.weight.device)  # made on the device: a copied number would be waited for
        assert own is not None
        return values if self.sequence.columns[own] < self.n_operands else values + self.n_residues


class Layer(nn.Module):
    """One layer's attention, feed-forward slot and norms."""

    def __init__(self, config: Transformer, slot: Slot, generator: torch.Generator):
        super().__init__()
        self.attention = Attention(config.width, config.heads, scale=config.init_scale, generator=generator)
        self.slot = slot
        self.norms = nn.ModuleList(LayerNorm(config.width) if config.norm == "layer" else nn.Identity() for _ in range(2))

    def forward(self, x: Tensor, state: Tensor, sizes: list[int], maps: Maps, n_read: int, *, hard: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        """The hidden and routing states of the last `n_read` positions, and their weights of heads: see `Attention` for rows and maps."""
        gathered = self.attention(self.norms[0](x), sizes, maps, n_read)
        x, state = (torch.cat([taken(rows, own[-1]) for rows, own in zip(each.split(sizes)[-n_read:], maps[-n_read:], strict=True)]) for each in (x, state))
        x = x + gathered
        output, state, weights = self.slot(self.norms[1](x), state, hard=hard)
        return x + output, state, weights


class TransformerNetwork(Choosing):
    """See `Transformer`.

    Hidden states at a position depend on the tokens up to it alone. `forward` computes those that inputs share once (of p^2 pairs: p at a, p at op,
    p^2 at b and =), queries, keys and values of the first layer once a token, and the last layer at the position that is read. `run` shares nothing.
    """

    def __init__(self, config: Transformer, task: TaskPart, generator: torch.Generator):
        super().__init__()
        self.embedding = TokenTable(config, task, generator)
        self.first_state = first_state(config, generator)
        self.layers = nn.ModuleList(Layer(config, slot, generator) for slot in slots(config, generator))
        self.norm = LayerNorm(config.width) if config.norm == "layer" else nn.Identity()
        self.out = None if config.tied else Linear(config.width, task.n_classes, bias=False, scale=config.init_scale, generator=generator)
        self.sequence = self.embedding.sequence

    def embed(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, S, D)."""
        return self.embedding(tokens)

    def streams(self) -> dict[str, torch.Generator]:
        return {}

    def run(self, x: Tensor) -> Output:
        """(B, S, D) -> output."""
        n_rows, positions = x.shape[:2]
        same: Maps = [[None] * (t + 1) for t in range(positions)]
        sizes = [n_rows] * positions
        return self._run(x.transpose(0, 1).flatten(0, 1), sizes, same, sizes, same, hard=False)

    def forward(self, tokens: Tensor) -> Output:
        return self._forward(tokens, hard=False)

    def forward_hard(self, tokens: Tensor) -> Output:
        return self._forward(tokens, hard=True)

    def _forward(self, tokens: Tensor, *, hard: bool) -> Output:
        prefixes = Prefixes(self.sequence, tokens)
        embedded = [self.embedding.at(position, values) for position, values in enumerate(prefixes.tokens)]
        sizes = [len(each) for each in embedded]
        return self._run(torch.cat(embedded), sizes, prefixes.to_tokens, prefixes.n_states, prefixes.to_states, hard=hard)

    def _run(self, x: Tensor, n_tokens: list[int], to_tokens: Maps, n_states: list[int], to_states: Maps, *, hard: bool) -> Output:
        """x: (R, D), the embedded tokens of all positions, `n_tokens` of each."""
        state, routing = self.first_state(x), []
        sizes, maps = n_tokens, to_tokens
        for layer in self.layers:
            n_read = 1 if layer is self.layers[-1] else len(sizes)
            x, state, weights = layer(x, state, sizes, maps, n_read, hard=hard)
            sizes, maps = n_states, to_states
            if weights is not None:
                parts = weights.split(n_states[-n_read:])
                routing.append(torch.stack([taken(part, by) for part, by in zip(parts, to_states[-1][-n_read:], strict=True)]))
        normalised = self.norm(x)
        logits = nn.functional.linear(normalised, self.embedding.tables()[0]) if self.out is None else self.out(normalised)
        return Output(logits, x, tuple(routing) or None)
