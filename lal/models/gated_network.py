"""The built gated network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lal.models.gated import Gated
from lal.models.gates import Gates, PerLayer
from lal.models.growth import Growth
from lal.models.layers import Embedding, LayerNorm, Linear
from lal.models.network import Layered, Output, activation
from lal.tasks.task import TaskPart


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
        self.width, self.by_input = config.width, config.gates_by_input
        self.skip = config.controls == "skip"
        self.act = activation(config.activation)
        self.first_added = config.grow.start if config.grow else config.depth
        self.factors = PerLayer(torch.zeros(1) for _ in range(config.depth - self.first_added))
        if config.grow:
            self.growth = Growth(config.grow, tuple(map(self._parameters_of, range(config.depth))))

    def _parameters_of(self, index: int) -> tuple[nn.Parameter, ...]:
        rows = (self.gates.logits, self.gates.weight)
        own = [*self.linears[index].parameters(), *self.norms[index].parameters(), *(row[index] for row in rows if row is not None)]
        return (*own, self.factors[index - self.first_added]) if index >= self.first_added else tuple(own)

    def embed(self, tokens: Tensor) -> Tensor:
        return self.embedding.sum(tokens)

    def layer_flops(self) -> list[float]:
        return [float(self.width**2)] * len(self.linears)

    def streams(self) -> dict[str, torch.Generator]:
        return {"noise": self.noise}

    def gate(self, x: Tensor, index: int) -> Tensor:
        return self.gates.of(x, index)

    def layer(self, x: Tensor, index: int, gate: Tensor) -> Tensor:
        y = self.act(self.linears[index](self.norms[index](x)))
        if index >= self.first_added:
            gate = gate * self.factors[index - self.first_added]
        return x + gate * (y - x) if self.skip else x + gate * y  # five times as fast as lerp and addcmul, which do not vectorise a scalar tensor

    def run(self, x: Tensor) -> Output:
        present = self.growth.present if self.growth else len(self.linears)
        x, gates = self._through_own_gates(x, present) if self.by_input else self._through_shared_gates(x, present)
        if present < len(self.linears):
            gates = torch.cat([gates, gates.new_zeros(len(self.linears) - present, gates.shape[1])])
        return Output(logits=self.read(x), hidden=x, gates=gates)

    def _through_shared_gates(self, x: Tensor, present: int) -> tuple[Tensor, Tensor]:
        """Hidden states after the first `present` layers, and those layers' gates, which are all computed at once."""
        gates = self.gates(present)
        for index, gate in enumerate(gates):
            x = self.layer(x, index, gate)
        return x, gates

    def _through_own_gates(self, x: Tensor, present: int) -> tuple[Tensor, Tensor]:
        """The same where each input has gates of its own."""
        gates = []
        for index in range(present):
            gates.append(self.gates.of(x, index))
            x = self.layer(x, index, gates[-1])
        return x, torch.cat(gates, 1).T

    def read(self, x: Tensor) -> Tensor:
        return self.out(self.norms[-1](x))
