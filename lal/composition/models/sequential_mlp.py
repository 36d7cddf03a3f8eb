"""A network with one hidden layer, whose units raise to the power k."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lal.composition.models.model import CompositionModel
from lal.composition.task import GroupTask

if TYPE_CHECKING:
    import torch

    from lal.composition.network import CompositionNetwork


class SequentialMlp(CompositionModel):
    """y = W_out (W_in (x_1, ..., x_k))^k. Each position has columns of its own in W_in, so that the order of the elements counts."""

    kind: Literal["sequential_mlp"] = "sequential_mlp"

    @property
    def label(self) -> str:
        return f"smlp{self.width}"

    @property
    def recurrent(self) -> bool:
        return False

    def degree(self, k: int) -> int:
        return k + 1

    def n_parameters(self, task: GroupTask) -> int:
        return feed_forward_parameters(self.width, task)

    def flops(self, task: GroupTask, n_rows: int) -> float:
        return feed_forward_flops(self.width, task, n_rows)

    def build(self, task: GroupTask, generator: torch.Generator) -> CompositionNetwork:
        from lal.composition.feed_forward_network import FeedForwardNetwork

        return FeedForwardNetwork(self, task, f"power{task.k}", generator)


def feed_forward_parameters(width: int, task: GroupTask) -> int:
    """W_in (d, k |G|) and W_out (|G|, d)."""
    return width * (task.k + 1) * task.order


def feed_forward_flops(width: int, task: GroupTask, n_rows: int) -> float:
    """The tables of all positions, and the output of each row."""
    return 2 * width * task.order * (task.k * task.order + n_rows)
