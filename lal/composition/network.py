"""The built network: what it does with one element after another.

Shape letters in this room: B tuples, G elements (and entries of a code), D hidden units, S outputs; k elements a tuple.

An element is only ever seen through its code, so that what reads position t has G values: `drives()[t]`, one row an element. A state after t elements
is made from the state after t - 1 in two moves: `carry`, which does not depend on the new element, and `join`, which does. Whoever computes many tuples
shares the first among tuples with the same beginning (`prefixes.py`); `forward` computes each tuple by itself, and is what that is tested against.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from lal.composition.task import GroupTask

Neurons = tuple[tuple[nn.Parameter, int], ...]


class CompositionNetwork(nn.Module):
    """A network that composes k elements.

    Attributes:
        codes: (G, G) row g is the code of element g.
        k: elements of a tuple.
        recurrent: whether there is an answer after each element from the second on.
    """

    codes: Tensor

    def __init__(self, task: GroupTask, *, recurrent: bool):
        super().__init__()
        template = task.encoding()
        codes = torch.from_numpy(template.group.moved(template.values))  # float64, until the network is cast
        self.register_buffer("codes", codes, persistent=False)
        self.k, self.recurrent = task.k, recurrent

    @abstractmethod
    def drives(self) -> tuple[Tensor, ...]:
        """For each position (G, D), what a hidden unit receives from each element there."""

    @abstractmethod
    def carry(self, state: Tensor, place: int) -> Tensor:
        """(..., D) state after `place` - 1 elements to (..., D), ready for element number `place`, from 2."""

    @abstractmethod
    def join(self, carried: Tensor, drive: Tensor) -> Tensor:
        """(..., D) and (..., D), which broadcast, to the (..., D) state one element later."""

    @abstractmethod
    def read(self, state: Tensor) -> Tensor:
        """(..., D) to the output (..., G)."""

    @abstractmethod
    def finish(self, carried: Tensor, drive: Tensor) -> Tensor:
        """(N, D) carried states of all prefixes and the last position's drives (G, D) to (N G, G): `read` of `join` of each with each, in fewer operations."""

    @abstractmethod
    def neurons(self) -> Neurons:
        """The matrices that are made of whole units, each with the dimension along which units are counted."""

    def received(self, codes: Tensor) -> tuple[Tensor, ...]:
        """(B, k, G) codes to what units receive at each position, (B, D) each."""
        return tuple(codes[:, place] @ weight.T for place, weight in enumerate(self.input_weights()))

    @abstractmethod
    def input_weights(self) -> tuple[Tensor, ...]:
        """(D, G) for each position."""

    def forward(self, elements: Tensor, *, every: bool = True) -> Tensor:
        """(B, k) numbers of elements to outputs (B, S, G): S = k - 1, after each element from the second on, where recurrent and `every`; else S = 1."""
        state, *received = self.received(self.codes[elements])
        outputs = []
        for place, drive in enumerate(received, 2):
            state = self.join(self.carry(state, place), drive)
            if (self.recurrent and every) or place == self.k:
                outputs.append(self.read(state))
        return torch.stack(outputs, 1)


def drawn(shape: tuple[int, int], scale: float, fan_in: int, generator: torch.Generator) -> nn.Parameter:
    """scale * N(0, 1) / sqrt(fan_in)."""
    return nn.Parameter(torch.randn(shape, generator=generator) * (scale / fan_in**0.5))


def of_products(states: Tensor, drive: Tensor, weight: Tensor) -> Tensor:
    """(N, D), (G, D) and (C, D) to (N, G C): sum over units of state x drive x weight, by one product of matrices; nothing of size N G D is made."""
    return states @ (drive[:, None] * weight).flatten(0, 1).T


def of_squares(carried: Tensor, drive: Tensor, weight: Tensor) -> Tensor:
    """(N, D), (G, D) and (C, D) to (N, G, C): sum over units of (carried + drive)^2 x weight. Of a^2 + 2 a b + b^2, only 2 a b takes both."""
    both = of_products(carried, drive, weight).view(len(carried), len(drive), -1)
    return torch.add(drive.square() @ weight.T, both, alpha=2) + (carried.square() @ weight.T)[:, None]
