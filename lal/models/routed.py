"""Soft routing through parallel heads, with a memory of the path so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from lal.models.model import ALWAYS, WITH_NORM, Activation, Depth, InitScale, ModelPart, Norm, Role, Width
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    import torch

    from lal.models.network import Network


ROUTERS: frozenset[Role] = frozenset({"router"})


class Routed(ModelPart):
    """x_1 = sum of embeddings, s_0 = RouteInit(x_1), and for every layer l

        weights_l = softmax(W_gate gelu(W_state s_{l-1} + W_residual x_l))
        output_l  = sum_i weights_l[i] head_i(x_l),   head_i(x) = V_i activation(U_i x)
        s_l       = W_update [s_{l-1}; output_l]
        x_{l+1}   = x_l + output_l   (with `residual: false`: output_l)

    The last layer's s_l would be read by nobody and is not computed. One head is the ablation: its weight is always 1,
    there is no router, and routing penalties are refused.
    """

    kind: Literal["routed"] = "routed"
    depth: Depth = 1
    width: Width = 128
    heads: Annotated[int, Field(ge=1, le=256, description="parallel heads per layer; 1 = no routing")] = 4
    head_width: Annotated[int | None, Field(ge=1, le=16384, description="hidden units of a head; null = width")] = None
    state_width: Annotated[int, Field(ge=1, le=16384, description="size of the routing state s")] = 32
    activation: Activation = "gelu"
    residual: Annotated[bool, Field(description="whether a layer adds to its input")] = True
    norm: Norm = "none"
    init_scale: InitScale = 1.0

    @model_validator(mode="after")
    def _state_acts(self) -> Routed:
        if self.heads == 1 and self.state_width != type(self).model_fields["state_width"].default:
            raise ValueError(f"state_width has an effect only with two heads or more, but got state_width={self.state_width} with heads=1; remove it")
        return self

    @property
    def has_routing(self) -> bool:
        return self.heads > 1

    @property
    def roles(self) -> frozenset[Role]:
        return ALWAYS | (ROUTERS if self.has_routing else frozenset()) | (WITH_NORM if self.norm == "layer" else frozenset())

    @property
    def label(self) -> str:
        return f"routed{self.depth}x{self.width}h{self.heads}"

    @property
    def n_layers(self) -> int:
        return self.depth

    def n_parameters(self, task: TaskPart) -> int:
        d, s, h, k = self.width, self.state_width, self.heads, self.head_width or self.width
        heads = h * (d * k + k + k * d + d)
        gate, update = s * s + s * d + s + h * s + h, s * (s + d) + s
        routers = d * s + s + self.depth * gate + (self.depth - 1) * update if self.has_routing else 0
        norms = 2 * d * (self.depth + 1) if self.norm == "layer" else 0
        return sum(task.vocabularies) * d + self.depth * heads + routers + norms + (d + 1) * task.n_classes

    def flops(self, task: TaskPart, n_rows: int) -> float:
        d, s, h, k = self.width, self.state_width, self.heads, self.head_width or self.width
        router = d * s + self.depth * (s * s + s * d + h * s) + (self.depth - 1) * s * (s + d) if self.has_routing else 0
        return 2.0 * n_rows * (router + self.depth * 2 * h * d * k + d * task.n_classes)

    def build(self, task: TaskPart, generator: torch.Generator) -> Network:
        from lal.models.routed_network import RoutedNetwork

        return RoutedNetwork(self, task, generator)
