"""The built networks of one hidden layer: their inputs add up, element by element, and the activation comes when all are there."""

from __future__ import annotations

from math import comb

import torch
from torch import Tensor, nn

from lal.composition.models.model import CompositionModel
from lal.composition.network import CompositionNetwork, Neurons, drawn, of_products, of_squares
from lal.composition.task import GroupTask

ACTIVATIONS = {
    "square": torch.square,
    "cube": lambda z: z * z * z,
    "abs": torch.abs,
    "relu": torch.relu,
    "gelu": nn.functional.gelu,
    "tanh": torch.tanh,
}
EXPONENTS = {"square": 2, "cube": 3}
MOST_POWERS = 4  # n up to which (a + b)^n is computed by its n - 1 mixed terms


class FeedForwardNetwork(CompositionNetwork):
    """See `SequentialMlp` and `TwoLayer`. The state is a sum; `activation` is one of ACTIVATIONS, or "power<k>".

    Attributes:
        exponent: n where the activation is z -> z^n and few enough powers make it up; else None.
    """

    def __init__(self, config: CompositionModel, task: GroupTask, activation: str, generator: torch.Generator):
        super().__init__(task, recurrent=False)
        width, scale, order = config.width, config.init_scale, task.order
        self.w_in = drawn((width, task.k * order), scale, task.k * order, generator)
        self.w_out = drawn((order, width), scale, width, generator)
        powers = activation.startswith("power")
        self.activation = power(task.k) if powers else ACTIVATIONS[activation]
        exponent = task.k if powers else EXPONENTS.get(activation)
        self.exponent = exponent if exponent is not None and exponent <= MOST_POWERS else None

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

    def finish(self, carried: Tensor, drive: Tensor) -> Tensor:
        """(a + b)^n = a^n + sum of comb(n, j) a^j b^(n - j) + b^n, of which only the terms between take both."""
        n = self.exponent
        if n is None:
            return self.read(self.join(carried[:, None], drive)).flatten(0, 1)
        if n == 2:
            return of_squares(carried, drive, self.w_out).flatten(0, 1)
        mixed = [comb(n, j) * of_products(carried**j, drive ** (n - j), self.w_out) for j in range(1, n)]
        both = torch.stack(mixed).sum(0).view(len(carried), len(drive), -1)
        return (both + self.read(drive) + self.read(carried)[:, None]).flatten(0, 1)

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
