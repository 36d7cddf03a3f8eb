"""The gates of a network with layers behind gates, for every scope."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor, nn

from lal.models.gated import Gated
from lal.models.model import Role


class PerLayer(nn.ParameterList):
    """A parameter for each layer, in the role of a gate. Unlike a row of one tensor, an optimizer leaves that of an absent layer alone."""

    def role_of(self, name: str) -> Role:
        return "gate"


class Gates(nn.Module):
    """Gates from logits; `noise` is the stream that gumbel gates draw from in training.

    `logits` is (L, G), `weight` (L, D) for scope input, else None; or, where layers are added, as many parameters as layers.
    """

    def __init__(self, config: Gated, noise: torch.Generator):
        super().__init__()
        start = torch.full((config.depth, config.gates_per_layer), log(config.gate_init / (1 - config.gate_init)))
        self.logits = parameters(start, each=config.grows)
        self.weight = parameters(torch.zeros(config.depth, config.width), each=config.grows) if config.gates_by_input else None
        self.kind, self.temperature, self.noise = config.gate, config.temperature or 0.5, noise

    def role_of(self, name: str) -> Role:
        return "gate"

    def forward(self, layers: int | None = None) -> Tensor:
        """(L, G) in [0, 1], of the first `layers` layers, where no gate depends on the input."""
        if isinstance(self.logits, Tensor):
            return self._opened(self.logits)
        rows = range(len(self.logits))[:layers]  # not a slice: that would be new parameters where torch.func puts tensors in place of these
        return self._opened(torch.stack([self.logits[row] for row in rows]))

    def of(self, x: Tensor, index: int) -> Tensor:
        """(B, D) hidden states before layer `index` -> its gates in [0, 1], which broadcast against them: (G,), or (B, 1) for scope input."""
        logit = self.logits[index]
        return self._opened(logit if self.weight is None else nn.functional.linear(x, self.weight[index][None], logit))

    def _opened(self, logits: Tensor) -> Tensor:
        if self.kind == "gumbel":
            return torch.sigmoid((logits + self._logistic(logits)) / self.temperature)
        soft = torch.sigmoid(logits)
        return (soft > 0.5).to(soft.dtype) + (soft - soft.detach()) if self.kind == "straight_through" else soft

    def _logistic(self, logits: Tensor) -> Tensor | float:
        if not self.training:
            return 0.0
        u = torch.rand(logits.shape, generator=self.noise, dtype=logits.dtype).clamp(1e-6, 1 - 1e-6)
        return torch.logit(u).to(logits.device)


def parameters(rows: Tensor, *, each: bool) -> nn.Parameter | PerLayer:
    """`rows` as one parameter, or as one for each row."""
    return PerLayer(row.clone() for row in rows) if each else nn.Parameter(rows)
