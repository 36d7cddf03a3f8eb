"""A network with one hidden layer of a chosen activation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lal.composition.models.model import CompositionModel
from lal.composition.models.sequential_mlp import feed_forward_flops, feed_forward_parameters
from lal.composition.task import GroupTask

if TYPE_CHECKING:
    import torch

    from lal.composition.network import CompositionNetwork

DEGREES = {"square": 2, "cube": 3, "abs": 1, "relu": 1, "gelu": None, "tanh": None}


class TwoLayer(CompositionModel):
    """y = W_out f(W_in (x_1, ..., x_k)). With k = 2 and `square` it is the sequential MLP."""

    kind: Literal["two_layer"] = "two_layer"
    activation: Annotated[Literal["square", "cube", "abs", "relu", "gelu", "tanh"], Field(description="f, elementwise")] = "square"

    @property
    def label(self) -> str:
        return f"two{self.width}{self.activation}"

    @property
    def recurrent(self) -> bool:
        return False

    def degree(self, k: int) -> int | None:
        own = DEGREES[self.activation]
        return None if own is None else own + 1

    def n_parameters(self, task: GroupTask) -> int:
        return feed_forward_parameters(self.width, task)

    def flops(self, task: GroupTask, n_rows: int) -> float:
        return feed_forward_flops(self.width, task, n_rows)

    def build(self, task: GroupTask, generator: torch.Generator) -> CompositionNetwork:
        from lal.composition.feed_forward_network import FeedForwardNetwork

        return FeedForwardNetwork(self, task, self.activation, generator)
