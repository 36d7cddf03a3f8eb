"""The built routed network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lal.models.heads import Heads, heaviest, router_of
from lal.models.layers import Embedding, LayerNorm, Linear
from lal.models.network import Choosing, Output
from lal.models.routed import Routed
from lal.tasks.task import TaskPart


class RoutedNetwork(Choosing):
    """See `Routed`."""

    def __init__(self, config: Routed, task: TaskPart, generator: torch.Generator):
        super().__init__()
        d, depth, scale = config.width, config.depth, config.init_scale
        std = scale * sum(task.vocabularies) ** -0.5
        self.embedding = Embedding(task, d, std=std, tied=False, generator=generator)
        self.route_init = Linear(d, config.state_width, role="router", scale=scale, generator=generator) if config.has_routing else nn.Identity()
        self.heads = nn.ModuleList(
            Heads(d, config.heads, config.head_width or d, act=config.activation, scale=scale, generator=generator) for _ in range(depth)
        )
        shape = (config.choice, d, config.heads, config.state_width)
        self.routers = nn.ModuleList(router_of(*shape, last=index == depth - 1, scale=scale, generator=generator) for index in range(depth))
        self.norms = nn.ModuleList(LayerNorm(d) if config.norm == "layer" else nn.Identity() for _ in range(depth + 1))
        self.out = Linear(d, task.n_classes, scale=scale, generator=generator)
        self.residual = config.residual

    def embed(self, tokens: Tensor) -> Tensor:
        return self.embedding.sum(tokens)

    def streams(self) -> dict[str, torch.Generator]:
        return {}

    def run(self, x: Tensor) -> Output:
        return self._route(x, hard=False)

    def forward_hard(self, tokens: Tensor) -> Output:
        return self._route(self.embed(tokens), hard=True)

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
