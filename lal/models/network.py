"""The built network: one forward body, `embed` then `run`, the same `Output` for every model.

Shape letters in this room: B batch, T columns of an input, S token positions, D width, H heads, L layers, G gates of a layer, C classes.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from lal.models.model import Role

if TYPE_CHECKING:
    from lal.models.growth import Growth


class Output(NamedTuple):
    """What one forward pass says.

    Attributes:
        logits: (B, C).
        hidden: (B, D), the last hidden representation, which the logits are read from.
        routing: for each of L layers (S, B, H), weights over heads that sum to 1, at the S token positions whose choice the
            logits depend on (one, where there are no positions), the one that is read last; or None.
        gates: (L, G) in [0, 1], the gates as used in this pass, or None. G is 1 (a gate a layer), D (a unit) or B (an input).
            A layer that is not there yet has gates 0.
    """

    logits: Tensor
    hidden: Tensor
    routing: tuple[Tensor, ...] | None = None
    gates: Tensor | None = None


class Network(nn.Module):
    """A model that can be trained and measured.

    Attributes:
        growth: what adds layers in training, or None where all are present from the start.
    """

    def __init__(self) -> None:
        super().__init__()
        self.growth: Growth | None = None

    @abstractmethod
    def embed(self, tokens: Tensor) -> Tensor:
        """(B, T) token numbers -> (B, D) embedded inputs, in which the rest of the network is differentiable."""

    @abstractmethod
    def run(self, x: Tensor) -> Output:
        """(B, D) embedded inputs -> output."""

    def forward(self, tokens: Tensor) -> Output:
        return self.run(self.embed(tokens))

    @abstractmethod
    def streams(self) -> dict[str, torch.Generator]:
        """The random streams that training draws from, by name."""

    def present_parameters(self) -> dict[str, nn.Parameter]:
        """Every parameter by its name, but those of layers that are not there yet."""
        absent = set() if self.growth is None else {id(each) for each in self.growth.absent()}
        return {name: parameter for name, parameter in self.named_parameters() if id(parameter) not in absent}

    def roles(self) -> dict[str, Role]:
        """The role of every parameter, by its name. Each layer knows its own."""
        found: dict[str, Role] = {}
        for prefix, module in self.named_modules():
            for name, _ in module.named_parameters(recurse=False):
                found[f"{prefix}.{name}" if prefix else name] = module.role_of(name)  # type: ignore[operator]
        return found


class Layered(Network):
    """A network whose layers can be left out one by one, as the search for its functional depth does.

    `run` is `layer(x, index, gate(x, index))` of one present layer after another, then `read`.
    """

    @abstractmethod
    def gate(self, x: Tensor, index: int) -> Tensor:
        """The gate of layer `index` for hidden states x (B, D) before it, in the present mode: (1,), (D,) a unit, or (B, 1) an input."""

    @abstractmethod
    def layer(self, x: Tensor, index: int, gate: Tensor) -> Tensor:
        """(B, D) -> (B, D), layer `index` behind `gate`, shaped as `gate` says; where it is 0 the layer does nothing."""

    @abstractmethod
    def layer_flops(self) -> list[float]:
        """Multiply-adds per input of each layer."""

    @abstractmethod
    def read(self, x: Tensor) -> Tensor:
        """(B, D) -> (B, C), the logits of a hidden state."""


class Choosing(Network):
    """A network that can let each input take its heaviest head alone."""

    @abstractmethod
    def forward_hard(self, tokens: Tensor) -> Output:
        """`forward` with every weight rounded: 1 for an input's heaviest head, 0 for the others."""


def activation(name: str):
    """The non-linearity called `name`; `gelu` is exact, not the tanh approximation."""
    return {"relu": torch.relu, "gelu": nn.functional.gelu, "square": torch.square}[name]
