"""The built routed network. All heads of a layer are two matrix products, whatever their number."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lal.models.layers import Embedding, LayerNorm, Linear, uniform
from lal.models.model import Role
from lal.models.network import Choosing, Output, activation
from lal.models.routed import Routed
from lal.tasks.task import TaskPart


class Heads(nn.Module):
    """H two-layer networks side by side. up: (H K, D), down: (H, K, D), K hidden units a head."""

    def __init__(self, config: Routed, generator: torch.Generator):
        super().__init__()
        h, d, k = config.heads, config.width, config.head_width or config.width
        self.up = uniform((h * k, d), d, config.init_scale, generator)
        self.up_bias = nn.Parameter(torch.zeros(h * k))
        self.down = uniform((h * k, d), k, config.init_scale, generator)
        self.down_bias = nn.Parameter(torch.zeros(h, d))
        self.act = activation(config.activation)

    def role_of(self, name: str) -> Role:
        return "bias" if name.endswith("bias") else "weight"

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """sum_i weights[:, i] head_i(x). Weighting the hidden units makes the sum over heads one product."""
        hidden = self.act(nn.functional.linear(x, self.up, self.up_bias))
        weighted = hidden.unflatten(1, (weights.shape[1], -1)) * weights.unsqueeze(2)
        return torch.addmm(weights @ self.down_bias, weighted.flatten(1), self.down)


class Router(nn.Module):
    """The gate of one layer, and the update of the routing state that the next layer reads."""

    def __init__(self, config: Routed, generator: torch.Generator, *, last: bool):
        super().__init__()
        d, s, scale = config.width, config.state_width, config.init_scale
        self.state = Linear(s, s, bias=False, role="router", scale=scale, generator=generator)
        self.residual = Linear(d, s, role="router", scale=scale, generator=generator)
        self.gate = Linear(s, config.heads, role="router", scale=scale, generator=generator)
        self.update = None if last else Linear(s + d, s, role="router", scale=scale, generator=generator)

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        """(B, H) weights of the heads."""
        return torch.softmax(self.gate(nn.functional.gelu(self.state(state) + self.residual(x))), 1)

    def next_state(self, state: Tensor, output: Tensor) -> Tensor:
        """(B, S), the state after a layer that put out `output`."""
        return self.update(torch.cat([state, output], 1)) if self.update else state


class SoleHead(nn.Module):
    """The router of a layer that has one head: nothing to choose, nothing to learn."""

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        return x.new_ones(len(x), 1)

    def next_state(self, state: Tensor, output: Tensor) -> Tensor:
        return state


class RoutedNetwork(Choosing):
    """See `Routed`."""

    def __init__(self, config: Routed, task: TaskPart, generator: torch.Generator):
        super().__init__()
        d, depth, scale = config.width, config.depth, config.init_scale
        std = scale * sum(task.vocabularies) ** -0.5
        self.embedding = Embedding(task, d, std=std, tied=False, generator=generator)
        self.route_init = Linear(d, config.state_width, role="router", scale=scale, generator=generator) if config.has_routing else nn.Identity()
        self.heads = nn.ModuleList(Heads(config, generator) for _ in range(depth))
        self.routers = nn.ModuleList(Router(config, generator, last=index == depth - 1) if config.has_routing else SoleHead() for index in range(depth))
        self.norms = nn.ModuleList(LayerNorm(d) if config.norm == "layer" else nn.Identity() for _ in range(depth + 1))
        self.out = Linear(d, task.n_classes, scale=scale, generator=generator)
        self.residual = config.residual

    def embed(self, tokens: Tensor) -> Tensor:
        return self.embedding.sum(tokens)

    def layer_scales(self) -> None:
        return None

    def layer_flops(self) -> list[float]:
        return []

    def streams(self) -> dict[str, torch.Generator]:
        return {}

    def run(self, x: Tensor, scales: Tensor | None = None) -> Output:
        return self._route(x, hard=False)

    def run_hard(self, x: Tensor) -> Output:
        return self._route(x, hard=True)

    def _route(self, x: Tensor, *, hard: bool) -> Output:
        state, routing = self.route_init(x), []
        for heads, router, norm in zip(self.heads, self.routers, list(self.norms)[:-1], strict=True):
            y = norm(x)
            weights = router(state, y)
            routing.append(weights)
            output = heads(y, heaviest(weights) if hard else weights)
            state = router.next_state(state, output)  # type: ignore[operator]
            x = x + output if self.residual else output
        return Output(logits=self.out(self.norms[-1](x)), hidden=x, routing=tuple(weights.unsqueeze(0) for weights in routing))


def heaviest(weights: Tensor) -> Tensor:
    """(B, H) weights -> one-hot of the largest."""
    return nn.functional.one_hot(weights.argmax(1), weights.shape[1]).to(weights.dtype)
