"""The hand-written plain PyTorch loops that the product is measured against: one-hot inputs, torch.nn, torch.optim defaults."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

from lal.runs.supervised import Supervised


class PlainMlp(nn.Module):
    def __init__(self, run: Supervised):
        super().__init__()
        p, width = run.task.p, run.model.width
        sizes = [2 * p, *[width] * run.model.depth]
        hidden = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
        self.body = nn.Sequential(*hidden, nn.Linear(width, p))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.body(x), x.new_zeros(())


class PlainGated(nn.Module):
    def __init__(self, run: Supervised):
        super().__init__()
        p, width, depth = run.task.p, run.model.width, run.model.depth
        self.embed = nn.Linear(2 * p, width, bias=False)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.logits = nn.Parameter(torch.full((depth,), 2.944))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, p, bias=False))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, gates = self.embed(x), torch.sigmoid(self.logits)
        for gate, norm, layer in zip(gates, self.norms, self.layers, strict=True):
            x = x + gate * nn.functional.gelu(layer(norm(x)))
        return self.head(x), gates.sum()


class PlainTransformer(nn.Module):
    """[a, op, b, =] as whole sequences: fused attention, every position in every layer."""

    def __init__(self, run: Supervised):
        super().__init__()
        model, task = run.model, run.task
        d, positions = model.width, 2 * task.operands
        self.tokens, self.positions = nn.Embedding(task.p + 2, d), nn.Parameter(0.02 * torch.randn(positions, d))
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(2 * model.depth + 1))
        self.qkv = nn.ModuleList(nn.Linear(d, 3 * d, bias=False) for _ in range(model.depth))
        self.mix = nn.ModuleList(nn.Linear(d, d, bias=False) for _ in range(model.depth))
        self.slots = nn.ModuleList(PlainHeads(d) if model.has_routing else PlainFeedForward(d) for _ in range(model.depth))
        self.head, self.heads = nn.Linear(d, task.p, bias=False), model.heads

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.tokens(x) + self.positions
        for index, (qkv, mix, slot) in enumerate(zip(self.qkv, self.mix, self.slots, strict=True)):
            q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in qkv(self.norms[2 * index](x)).chunk(3, 2))
            x = x + mix(nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
            x = x + slot(self.norms[2 * index + 1](x))
        return self.head(self.norms[-1](x[:, -1])), x.new_zeros(())


class PlainFeedForward(nn.Sequential):
    def __init__(self, d: int):
        super().__init__(nn.Linear(d, 4 * d), nn.ReLU(), nn.Linear(4 * d, d))


class PlainHeads(nn.Module):
    """Four heads, each a module, and a gate of each token (without a state from layer to layer)."""

    def __init__(self, d: int):
        super().__init__()
        self.heads = nn.ModuleList(nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, d)) for _ in range(4))
        self.gate = nn.Sequential(nn.Linear(d, 32), nn.GELU(), nn.Linear(32, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights = self.gate(x).softmax(2)
        return sum(weights[:, :, i : i + 1] * head(x) for i, head in enumerate(self.heads))  # type: ignore[return-value]


class PlainRouted(nn.Module):
    """One layer after another of four heads, each a module, and a gate (without a state from layer to layer)."""

    def __init__(self, run: Supervised):
        super().__init__()
        width = run.model.width
        self.embed = nn.Linear(2 * run.task.p, width, bias=False)
        self.layers = nn.ModuleList(PlainHeads(width) for _ in range(run.model.depth))
        self.head = nn.Linear(width, run.task.p)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.embed(x).unsqueeze(1)
        for layer in self.layers:
            x = x + layer(x)
        return self.head(x.squeeze(1)), x.new_zeros(())


PLAIN = {"mlp": PlainMlp, "gated": PlainGated, "routed": PlainRouted, "transformer": PlainTransformer}


def sentences(run: Supervised, tokens: torch.Tensor) -> torch.Tensor:
    """(B, k) operands of one operation -> (B, 2 k) token numbers."""
    between = torch.full_like(tokens, run.task.p)
    between[:, -1] += 1
    return torch.stack([tokens, between], 2).flatten(1)


def plain_step(run: Supervised) -> Callable[[], None]:
    """One optimizer step of the same network, data and optimizer, as one writes it by hand; logs its loss, as one does."""
    torch.manual_seed(0)
    data = run.task.build("cpu")
    tokens, targets = data.tokens[data.train], data.targets[data.train]
    inputs = sentences(run, tokens) if run.model.kind == "transformer" else nn.functional.one_hot(tokens, run.task.p).flatten(1).float()
    network = PLAIN[run.model.kind](run)
    optimizer = torch.optim.AdamW(network.parameters(), lr=run.optim.lr, weight_decay=run.optim.weight_decay, betas=(0.9, 0.98))
    weight = run.penalties.compute.weight if run.penalties.compute else 0.0
    losses = []

    def step() -> None:
        logits, cost = network(inputs)
        loss = nn.functional.cross_entropy(logits, targets) + weight * cost
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    return step
