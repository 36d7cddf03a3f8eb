"""The plain multi-layer perceptron: seed of all comparisons."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from lal.models.model import ALWAYS, WITH_NORM, Activation, Depth, InitScale, ModelPart, Norm, Role, Units, Width
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    import torch

    from lal.models.network import Network


class Mlp(ModelPart):
    """`depth` hidden layers of `width` units between the embedded operands and the logits.

    inputs: one_hot  the one-hot (a, b, ...) is the input: the first hidden layer's weights are the embedding;
            sum      operands are embedded in `embed_dim` numbers each and added;
            concat   ... and set side by side.
    """

    kind: Literal["mlp"] = "mlp"
    depth: Depth = 2
    width: Width = 128
    activation: Activation = "relu"
    inputs: Annotated[Literal["one_hot", "sum", "concat"], Field(description="how operands enter")] = "one_hot"
    embed_dim: Annotated[int | None, Field(ge=1, le=16384, description="size of an operand's embedding; null = width; refused for one_hot")] = None
    tied: Annotated[bool, Field(description="one embedding table for all operands")] = False
    norm: Norm = "none"
    init_scale: InitScale = 1.0

    @model_validator(mode="after")
    def _embedding_exists(self) -> Mlp:
        if self.inputs == "one_hot" and self.embed_dim is not None:
            raise ValueError(f"embed_dim has an effect only with inputs: sum or concat, but got embed_dim={self.embed_dim} with inputs=one_hot; remove it")
        return self

    @property
    def roles(self) -> frozenset[Role]:
        return ALWAYS | (WITH_NORM if self.norm == "layer" else frozenset())

    @property
    def label(self) -> str:
        return f"mlp{self.depth}x{self.width}"

    @property
    def n_layers(self) -> int:
        return self.depth

    def widths(self, task: TaskPart) -> list[int]:
        """Sizes from the embedded input to the logits; one_hot embeds straight into the first hidden layer."""
        embedded = self.embed_dim or self.width
        first = {"one_hot": [], "sum": [embedded], "concat": [embedded * len(task.vocabularies)]}[self.inputs]
        return [*first, *[self.width] * self.depth, task.n_classes]

    def n_parameters(self, task: TaskPart) -> int:
        values = sum(task.vocabularies) - (task.n_tokens * (task.n_operands - 1) if self.tied else 0)
        embedding = values * (self.embed_dim or self.width) + (self.width if self.inputs == "one_hot" else 0)
        norms = 2 * self.width * self.depth if self.norm == "layer" else 0
        return embedding + norms + sum(a * b + b for a, b in pairwise(self.widths(task)))

    def flops(self, task: TaskPart, n_rows: int) -> float:
        sizes = self.widths(task)
        once_a_token = 0 if self.inputs == "one_hot" else 2 * sum(task.vocabularies) * (self.embed_dim or self.width) * sizes[1]
        shared = sizes if self.inputs == "one_hot" else sizes[1:]
        return once_a_token + 2 * n_rows * sum(a * b for a, b in pairwise(shared))

    def units(self, task: TaskPart, n_rows: int) -> Units:
        hidden = n_rows * self.depth * self.width
        return Units(hidden if self.norm != "none" else 0, hidden if self.activation == "gelu" else 0)

    def build(self, task: TaskPart, generator: torch.Generator) -> Network:
        from lal.models.mlp_network import MlpNetwork

        return MlpNetwork(self, task, generator)
