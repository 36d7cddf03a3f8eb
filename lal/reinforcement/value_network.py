"""The networks that `QNetwork` builds. Shape letters: B batch, D inputs, A actions, M members."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lal.models.model import Role


class Layer(nn.Module):
    """Weight and bias of one layer, or of as many members as `shape` says first."""

    def __init__(self, shape: tuple[int, ...], inputs: int, outputs: int, generator: torch.Generator):
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter((2 * torch.rand((*shape, outputs, inputs), generator=generator) - 1) * bound)
        self.bias = nn.Parameter((2 * torch.rand((*shape, outputs), generator=generator) - 1) * bound)


class ValueNetwork(nn.Module):
    """(B, D) observations -> (B, A) action values."""

    def __init__(self, sizes: Sequence[tuple[int, int]], generator: torch.Generator):
        super().__init__()
        layers = [Layer((), before, after, generator) for before, after in sizes]
        self.layers = nn.ModuleList(layers)
        self.pairs = [(layer.weight, layer.bias) for layer in layers]  # looking modules up costs as much as a small product

    def forward(self, seen: Tensor) -> Tensor:
        x = seen
        for weight, bias in self.pairs[:-1]:
            x = torch.relu_(linear(x, weight, bias))
        return linear(x, *self.pairs[-1])


class Ensemble(nn.Module):
    """M networks at once: (B, D) observations -> (M, B, A) action values."""

    def __init__(self, n: int, sizes: Sequence[tuple[int, int]], generator: torch.Generator):
        super().__init__()
        layers = [Layer((n,), before, after, generator) for before, after in sizes]
        self.layers = nn.ModuleList(layers)
        self.pairs = [(layer.weight, layer.bias) for layer in layers]
        self.n = n

    def forward(self, seen: Tensor) -> Tensor:
        x = seen.expand(self.n, *seen.shape)
        for index, (weight, bias) in enumerate(self.pairs):
            x = torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))
            if index < len(self.pairs) - 1:
                x = torch.relu_(x)
        return x


def roles(network: nn.Module) -> dict[str, Role]:
    """The role of every parameter, by its name."""
    return {name: "bias" if name.endswith("bias") else "weight" for name, _ in network.named_parameters()}
