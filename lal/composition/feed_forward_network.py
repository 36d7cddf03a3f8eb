"""The built networks of one hidden layer: their inputs add up, element by element, and the activation comes when all are there."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lal.composition.models.model import CompositionModel
from lal.composition.network import CompositionNetwork, Neurons, drawn
from lal.composition.task import GroupTask

ACTIVATIONS = {
    "square": torch.square,
    "cube": lambda z: z * z * z,
    "abs": torch.abs,
    "relu": torch.relu,
    "gelu": nn.functional.gelu,
    "tanh": torch.tanh,
}


class FeedForwardNetwork(CompositionNetwork):
    """See `SequentialMlp` and `TwoLayer`. The state before the last element is a sum; `activation` is one of ACTIVATIONS, or "power<k>"."""

    def __init__(self, config: CompositionModel, task: GroupTask, activation: str, generator: torch.Generator):
        super().__init__(task, recurrent=False)
        width, scale, order = config.width, config.init_scale, task.order
        self.w_in = drawn((width, task.k * order), scale, task.k * order, generator)
        self.w_out = drawn((order, width), scale, width, generator)
        self.activation = power(task.k) if activation.startswith("power") else ACTIVATIONS[activation]

    def input_weights(self) -> tuple[Tensor, ...]:
        return self.w_in.chunk(self.k, 1)

    def drives(self) -> tuple[Tensor, ...]:
        return tuple(self.codes @ weight.T for weight in self.input_weights())

    def carry(self, state: Tensor, place: int) -> Tensor:
        return state

    def join(self, carried: Tensor, drive: Tensor) -> Tensor:
        return carried + drive

    def read(self, state: Tensor) -> Tensor:
        return self.activation(state) @ self.w_out.T

    def neurons(self) -> Neurons:
        return (self.w_in, 0), (self.w_out, 1)


def power(k: int):
    """z -> z^k, by multiplication: of small powers several times as fast as torch.pow."""
    if k == 2:
        return torch.square

    def raised(z: Tensor) -> Tensor:
        found = z
        for _ in range(k - 1):
            found = found * z
        return found

    return raised if k <= 4 else lambda z: z.pow(k)
