"""Routing through parallel heads, with a memory of the path so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lal.models.choosing import ParallelHeads, n_head_parameters, n_router_parameters, router_products
from lal.models.model import ALWAYS, WITH_NORM, WITH_ROUTERS, Activation, Depth, InitScale, ModelPart, Norm, Role, Units, Width
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    import torch

    from lal.models.network import Network


class Routed(ParallelHeads, ModelPart):
    """x_1 = sum of embeddings, s_0 = RouteInit(x_1), and for every layer l

        weights_l = softmax(W_gate gelu(W_state s_{l-1} + W_residual x_l))
        output_l  = sum_i weights_l[i] head_i(x_l),   head_i(x) = V_i activation(U_i x)
        s_l       = W_update [s_{l-1}; output_l]
        x_{l+1}   = x_l + output_l   (with `residual: false`: output_l)

    The last layer's s_l would be read by nobody and is not computed.
    These weights are those of `choice: soft`. One head is the ablation.
    """

    kind: Literal["routed"] = "routed"
    depth: Depth = 1
    width: Width = 128
    activation: Activation = "gelu"
    residual: Annotated[bool, Field(description="whether a layer adds to its input")] = True
    norm: Norm = "none"
    init_scale: InitScale = 1.0

    @property
    def routing_heads(self) -> int:
        return self.heads if self.has_routing else 0

    @property
    def roles(self) -> frozenset[Role]:
        return ALWAYS | (WITH_ROUTERS if self.has_routing else frozenset()) | (WITH_NORM if self.norm == "layer" else frozenset())

    @property
    def label(self) -> str:
        return f"routed{self.depth}x{self.width}h{self.heads}{'' if self.choice == 'soft' else self.choice}"

    @property
    def n_layers(self) -> int:
        return self.depth

    def n_parameters(self, task: TaskPart) -> int:
        d = self.width
        heads = self.depth * n_head_parameters(d, self.heads, self.head_width or d)
        routers = n_router_parameters(d, self.heads, self.state_width, self.depth) if self.has_routing else 0
        norms = 2 * d * (self.depth + 1) if self.norm == "layer" else 0
        return sum(task.vocabularies) * d + heads + routers + norms + (d + 1) * task.n_classes

    def flops(self, task: TaskPart, n_rows: int) -> float:
        d, h = self.width, self.heads
        start, layer, update = router_products(d, h, self.state_width) if self.has_routing else (0, 0, 0)
        routers = start + self.depth * layer + (self.depth - 1) * update
        return 2.0 * n_rows * (routers + self.depth * (2 * h * d * (self.head_width or d) + h * d) + d * task.n_classes)

    def units(self, task: TaskPart, n_rows: int) -> Units:
        hidden = n_rows * self.depth * self.heads * (self.head_width or self.width)
        return Units(hidden, hidden if self.activation == "gelu" else 0)

    def build(self, task: TaskPart, generator: torch.Generator) -> Network:
        from lal.models.routed_network import RoutedNetwork

        return RoutedNetwork(self, task, generator)
