"""Networks of action values."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from lal.part import Part

if TYPE_CHECKING:
    import torch

    from lal.reinforcement.value_network import Ensemble, ValueNetwork


class QNetwork(Part):
    """D inputs -> `depth` hidden layers of `width` ReLU -> A action values. Weights and biases start uniform up to 1 / sqrt(inputs of the layer)."""

    width: Annotated[int, Field(ge=1, le=100_000, description="units of each hidden layer")] = 32
    depth: Annotated[int, Field(ge=1, le=64, description="hidden layers")] = 2

    def sizes(self, n_inputs: int, n_actions: int) -> list[tuple[int, int]]:
        """(inputs, outputs) of each layer."""
        ends = [n_inputs, *[self.width] * self.depth, n_actions]
        return list(pairwise(ends))

    def n_parameters(self, n_inputs: int, n_actions: int) -> int:
        """Weights and biases."""
        return sum((before + 1) * after for before, after in self.sizes(n_inputs, n_actions))

    def flops(self, n_inputs: int, n_actions: int) -> float:
        """Floating-point operations of one forward pass of one observation."""
        return sum(2.0 * before * after for before, after in self.sizes(n_inputs, n_actions))

    def build(self, n_inputs: int, n_actions: int, generator: torch.Generator) -> ValueNetwork:
        """A network whose start `generator` draws."""
        from lal.reinforcement.value_network import ValueNetwork

        return ValueNetwork(self.sizes(n_inputs, n_actions), generator)

    def several(self, n: int, n_inputs: int, n_actions: int, generator: torch.Generator) -> Ensemble:
        """`n` networks that differ in their start alone, as one."""
        from lal.reinforcement.value_network import Ensemble

        return Ensemble(n, self.sizes(n_inputs, n_actions), generator)
