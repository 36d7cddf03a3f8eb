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


def plain_step(run: Supervised) -> Callable[[], None]:
    """One optimizer step of the same network, data and optimizer, as one writes it by hand; logs its loss, as one does."""
    torch.manual_seed(0)
    data = run.task.build("cpu")
    one_hot = nn.functional.one_hot(data.tokens[data.train], run.task.p).flatten(1).float()
    targets = data.targets[data.train]
    network = PlainGated(run) if run.model.kind == "gated" else PlainMlp(run)
    optimizer = torch.optim.AdamW(network.parameters(), lr=run.optim.lr, weight_decay=run.optim.weight_decay, betas=(0.9, 0.98))
    weight = run.penalties.compute.weight if run.penalties.compute else 0.0
    losses = []

    def step() -> None:
        logits, cost = network(one_hot)
        loss = nn.functional.cross_entropy(logits, targets) + weight * cost
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    return step
