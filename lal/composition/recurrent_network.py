"""The built quadratic recurrent network."""

from __future__ import annotations

import torch
from torch import Tensor

from lal.composition.models.quadratic_rnn import QuadraticRnn
from lal.composition.network import CompositionNetwork, Neurons, drawn, of_products, of_squares
from lal.composition.task import GroupTask


class QuadraticRnnNetwork(CompositionNetwork):
    """See `QuadraticRnn`."""

    def __init__(self, config: QuadraticRnn, task: GroupTask, generator: torch.Generator):
        super().__init__(task, recurrent=True)
        width, scale, order = config.width, config.init_scale, task.order
        self.w_in = drawn((width, order), scale, order, generator)
        self.w_drive = drawn((width, order), scale, order, generator)
        self.w_mix = drawn((width, width), scale, width, generator)
        self.w_out = drawn((order, width), scale, width, generator)
        self.multiplies = config.interaction == "multiplicative"

    def input_weights(self) -> tuple[Tensor, ...]:
        return (self.w_in, *[self.w_drive] * (self.k - 1))

    def drives(self) -> tuple[Tensor, ...]:
        drive = self.codes @ self.w_drive.T
        return (self.codes @ self.w_in.T, *[drive] * (self.k - 1))

    def carry(self, state: Tensor, place: int) -> Tensor:
        return state if place == 2 else state @ self.w_mix.T

    def join(self, carried: Tensor, drive: Tensor) -> Tensor:
        return carried * drive if self.multiplies else (carried + drive).square()

    def read(self, state: Tensor) -> Tensor:
        return state @ self.w_out.T

    def finish(self, carried: Tensor, drive: Tensor) -> Tensor:
        if self.multiplies:
            return of_products(carried, drive, self.w_out).view(-1, len(drive))
        return of_squares(carried, drive, self.w_out).flatten(0, 1)

    def neurons(self) -> Neurons:
        return (self.w_in, 0), (self.w_drive, 0), (self.w_out, 1)
