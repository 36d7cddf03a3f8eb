"""A recurrent network whose state is multiplied by what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lal.composition.models.model import CompositionModel
from lal.composition.task import GroupTask

if TYPE_CHECKING:
    import torch

    from lal.composition.network import CompositionNetwork


class QuadraticRnn(CompositionModel):
    """h_2 = phi(W_in x_1, W_drive x_2), h_t = phi(W_mix h_{t-1}, W_drive x_t), y = W_out h_k; with k = 2, W_mix rests."""

    kind: Literal["quadratic_rnn"] = "quadratic_rnn"
    interaction: Annotated[Literal["quadratic", "multiplicative"], Field(description="phi(a, b): (a + b)^2, or a b")] = "quadratic"

    @property
    def label(self) -> str:
        return f"qrnn{self.width}"

    @property
    def recurrent(self) -> bool:
        return True

    def degree(self, k: int) -> int | None:
        return None  # W_mix belongs to two units

    def n_parameters(self, task: GroupTask) -> int:
        return self.width * (3 * task.order + self.width)

    def flops(self, task: GroupTask, n_rows: int) -> float:
        drives = 2 * task.order * self.width * 2 * task.order
        mixed = sum(min(task.order**t, n_rows) for t in range(2, task.k)) * 2 * self.width**2
        return drives + mixed + 2 * n_rows * task.n_outputs * self.width * task.order

    def build(self, task: GroupTask, generator: torch.Generator) -> CompositionNetwork:
        from lal.composition.recurrent_network import QuadraticRnnNetwork

        return QuadraticRnnNetwork(self, task, generator)
