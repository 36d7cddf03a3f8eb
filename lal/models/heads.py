"""Parallel heads, and what shares out inputs among them. All heads of a layer are two matrix products, whatever their number."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lal.models.layers import Linear, uniform
from lal.models.model import Choice, Role
from lal.models.network import activation


class Heads(nn.Module):
    """H two-layer networks side by side: head_i(x) = V_i activation(U_i x + b_i) + c_i. up: (H K, D), down: (H K, D), K hidden units a head."""

    def __init__(self, width: int, heads: int, head_width: int, *, act: str, scale: float, generator: torch.Generator, squares: float = 1.0):
        """`squares`: the sum of the squares of an input's weights at first that `down` starts so large for that the output does not depend on it."""
        super().__init__()
        self.up = uniform((heads * head_width, width), width, scale, generator)
        self.up_bias = nn.Parameter(torch.zeros(heads * head_width))
        self.down = uniform((heads * head_width, width), head_width * squares, scale, generator)
        self.down_bias = nn.Parameter(torch.zeros(heads, width))
        self.act = activation(act)

    def role_of(self, name: str) -> Role:
        return "bias" if name.endswith("bias") else "weight"

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """(B, D), (B, H) -> (B, D): sum_i weights[:, i] head_i(x). Weighting the hidden units makes the sum over heads one product."""
        hidden = self.act(nn.functional.linear(x, self.up, self.up_bias))
        weighted = hidden.unflatten(1, (weights.shape[1], -1)) * weights.unsqueeze(2)
        return torch.addmm(weights @ self.down_bias, weighted.flatten(1), self.down)


class Router(nn.Module):
    """The weights of one layer's heads, and the update of the routing state that the next layer reads.

    `hard`: the heaviest head alone, 1 for it and 0 for the others, with the gradient of the soft weights
    (straight-through; Bengio et al. 2013, arXiv 1308.3432).
    """

    def __init__(self, width: int, heads: int, state_width: int, *, hard: bool, last: bool, scale: float, generator: torch.Generator):
        super().__init__()
        s = state_width
        self.state = Linear(s, s, bias=False, role="router", scale=scale, generator=generator)
        self.residual = Linear(width, s, role="router", scale=scale, generator=generator)
        self.gate = Linear(s, heads, role="router", scale=scale, generator=generator)
        self.update = None if last else Linear(s + width, s, role="router", scale=scale, generator=generator)
        self.hard = hard

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        """(B, H) weights of the heads."""
        soft = torch.softmax(self.gate(nn.functional.gelu(self.state(state) + self.residual(x))), 1)
        return heaviest(soft) + (soft - soft.detach()) if self.hard else soft

    def next_state(self, state: Tensor, output: Tensor) -> Tensor:
        """(B, S), the state after a layer that put out `output`."""
        return self.update(torch.cat([state, output], 1)) if self.update else state


class Frozen(nn.Module):
    """The router of a layer whose weights are all alike for ever: nothing to choose, nothing to learn."""

    def __init__(self, heads: int):
        super().__init__()
        self.heads = heads

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        return x.new_full((len(x), self.heads), 1 / self.heads)

    def next_state(self, state: Tensor, output: Tensor) -> Tensor:
        return state


def router_of(choice: Choice, width: int, heads: int, state_width: int, *, last: bool, scale: float, generator: torch.Generator) -> Router | Frozen:
    """The router of a layer: a learned one where there is something to choose."""
    if choice == "uniform" or heads == 1:
        return Frozen(heads)
    return Router(width, heads, state_width, hard=choice == "hard", last=last, scale=scale, generator=generator)


def heaviest(weights: Tensor) -> Tensor:
    """(B, H) weights -> one-hot of the largest."""
    return nn.functional.one_hot(weights.argmax(1), weights.shape[1]).to(weights.dtype)
