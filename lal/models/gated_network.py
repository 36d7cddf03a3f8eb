"""The built gated network."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor, nn

from lal.models.gated import Gated
from lal.models.layers import Embedding, LayerNorm, Linear
from lal.models.model import Role
from lal.models.network import Layered, Output, activation
from lal.tasks.task import TaskPart


class Gates(nn.Module):
    """L gates from L logits; `noise` is the stream that gumbel gates draw from in training."""

    def __init__(self, config: Gated, noise: torch.Generator):
        super().__init__()
        self.logits = nn.Parameter(torch.full((config.depth, 1), log(config.gate_init / (1 - config.gate_init))))
        self.kind, self.temperature, self.noise = config.gate, config.temperature or 0.5, noise

    def role_of(self, name: str) -> Role:
        return "gate"

    def forward(self) -> Tensor:
        """(L, 1) in [0, 1]."""
        if self.kind == "gumbel":
            return torch.sigmoid((self.logits + self._logistic()) / self.temperature)
        soft = torch.sigmoid(self.logits)
        return (soft > 0.5).to(soft.dtype) + (soft - soft.detach()) if self.kind == "straight_through" else soft

    def _logistic(self) -> Tensor | float:
        if not self.training:
            return 0.0
        u = torch.rand(self.logits.shape, generator=self.noise, dtype=self.logits.dtype).clamp(1e-6, 1 - 1e-6)
        return torch.logit(u).to(self.logits.device)


class GatedNetwork(Layered):
    """See `Gated`."""

    def __init__(self, config: Gated, task: TaskPart, generator: torch.Generator):
        super().__init__()
        std = config.init_scale * sum(task.vocabularies) ** -0.5
        self.embedding = Embedding(task, config.width, std=std, tied=False, generator=generator)
        self.linears = nn.ModuleList(Linear(config.width, config.width, scale=config.init_scale, generator=generator) for _ in range(config.depth))
        self.norms = nn.ModuleList(LayerNorm(config.width) if config.norm == "layer" else nn.Identity() for _ in range(config.depth + 1))
        self.out = Linear(config.width, task.n_classes, bias=False, scale=config.init_scale, generator=generator)
        self.noise = torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=generator)))
        self.gates = Gates(config, self.noise)
        self.width = config.width
        self.skip = config.controls == "skip"
        self.act = activation(config.activation)

    def embed(self, tokens: Tensor) -> Tensor:
        return self.embedding.sum(tokens)

    def layer_scales(self) -> Tensor:
        return self.gates()

    def layer_flops(self) -> list[float]:
        return [float(self.width**2)] * len(self.linears)

    def streams(self) -> dict[str, torch.Generator]:
        return {"noise": self.noise}

    def layer(self, x: Tensor, index: int, gate: Tensor) -> Tensor:
        y = self.act(self.linears[index](self.norms[index](x)))
        return x + gate * (y - x) if self.skip else x + gate * y  # five times as fast as lerp and addcmul, which do not vectorise a scalar tensor

    def run(self, x: Tensor, scales: Tensor | None = None) -> Output:
        gates = self.gates() if scales is None else scales
        for index, gate in enumerate(gates):
            x = self.layer(x, index, gate)
        return Output(logits=self.read(x), hidden=x, gates=gates)

    def read(self, x: Tensor) -> Tensor:
        return self.out(self.norms[-1](x))
