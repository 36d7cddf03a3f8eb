"""Steps whose size depends on the norm of a hidden unit's weights; see `PerNeuron` and `Hybrid`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn, optim

from lal.composition.network import Neurons
from lal.composition.recurrent_network import QuadraticRnnNetwork

SMALLEST = 1e-12  # added to a squared norm


def unit_norms(neurons: Neurons) -> Tensor:
    """(D,) n_i = sqrt(sum of squares of all weights of unit i + SMALLEST)."""
    squares = [torch.linalg.vector_norm(matrix.detach(), dim=1 - dim).square() for matrix, dim in neurons]
    return (torch.stack(squares).sum(0) + SMALLEST).sqrt()


class NeuronDescent(optim.Optimizer):
    """Gradient descent with a step of lr n_i^exponent for the weights of unit i. It has no state."""

    def __init__(self, neurons: Neurons, *, lr: float, exponent: float):
        super().__init__([matrix for matrix, _ in neurons], {"lr": lr})
        self.neurons, self.exponent = neurons, exponent

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        steps = self.param_groups[0]["lr"] * unit_norms(self.neurons) ** self.exponent
        for matrix, dim in self.neurons:
            assert matrix.grad is not None
            matrix.addcmul_(steps[:, None] if dim == 0 else steps, matrix.grad, value=-1)


class HybridDescent(optim.Optimizer):
    """`NeuronDescent` for all but W_mix, and Adam for W_mix; where nothing flows into that (k = 2), it rests."""

    def __init__(self, network: QuadraticRnnNetwork, *, lr: float, betas: tuple[float, float], neuron_lr: float, exponent: float):
        super().__init__(network.parameters(), {"lr": neuron_lr})
        self.mixing = optim.Adam([network.w_mix], lr=lr, betas=betas, fused=True)
        self.units = NeuronDescent(network.neurons(), lr=neuron_lr, exponent=exponent)
        self.w_mix: nn.Parameter = network.w_mix

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        self.units.step()
        if self.w_mix.grad is not None:
            self.mixing.step()

    def state_dict(self) -> dict[str, Any]:
        return self.mixing.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.mixing.load_state_dict(state_dict)
