"""Variable depth: residual layers, each behind a gate that may close (the question of Least Action Learning)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from lal.models.model import ALWAYS, WITH_NORM, Activation, InitScale, ModelPart, Norm, Role, Width
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    import torch

    from lal.models.network import Network


GATES: frozenset[Role] = frozenset({"gate"})


class Gated(ModelPart):
    """x_0 = sum of embeddings; x_l = x_{l-1} + g_l f_l(x_{l-1}), f_l(x) = activation(W_l norm(x) + b_l); logits = U norm(x_L).

    gate: sigmoid           g = s(t), s the logistic function, t the learned logit;
          gumbel            g = s((t + n) / temperature), n logistic noise in training, 0 in evaluation
                            (binary concrete; Maddison et al. 2017, arXiv 1611.00712);
          straight_through  g = 1 where s(t) > 0.5, else 0; its gradient is that of s(t) (Bengio et al. 2013, arXiv 1308.3432).
    controls: output  as above;   skip  x_l = (1 - g_l) x_{l-1} + g_l f_l(x_{l-1}). Either way a gate of 0 skips the layer.
    """

    has_gates: ClassVar[bool] = True

    kind: Literal["gated"] = "gated"
    depth: Annotated[int, Field(ge=1, le=64, description="number of gated layers")] = 4
    width: Width = 128
    activation: Activation = "gelu"
    norm: Norm = "layer"
    init_scale: InitScale = 1.0
    gate: Annotated[Literal["sigmoid", "gumbel", "straight_through"], Field(description="how a logit becomes a gate")] = "sigmoid"
    gate_init: Annotated[float, Field(gt=0, lt=1, description="s(t) at the start; a straight-through gate starts open above 0.5")] = 0.95
    controls: Annotated[Literal["output", "skip"], Field(description="what a gate scales")] = "output"
    temperature: Annotated[float | None, Field(gt=0, le=10, description="of gumbel gates only; null = 0.5")] = None

    @model_validator(mode="after")
    def _temperature_acts(self) -> Gated:
        if self.gate != "gumbel" and self.temperature is not None:
            raise ValueError(f"temperature has an effect only with gate: gumbel, but got temperature={self.temperature} with gate={self.gate}; remove it")
        return self

    @property
    def hard_gates(self) -> bool:
        return self.gate == "straight_through"

    @property
    def roles(self) -> frozenset[Role]:
        return ALWAYS | GATES | (WITH_NORM if self.norm == "layer" else frozenset())

    @property
    def label(self) -> str:
        return f"{self.gate.replace('straight_through', 'hard')}{self.depth}x{self.width}"

    @property
    def n_layers(self) -> int:
        return self.depth

    def n_parameters(self, task: TaskPart) -> int:
        d = self.width
        norms = 2 * d * (self.depth + 1) if self.norm == "layer" else 0
        return task.n_operands * task.n_tokens * d + self.depth * (d * d + d + 1) + norms + d * task.n_classes

    def flops(self, task: TaskPart, n_rows: int) -> float:
        return 2.0 * n_rows * self.width * (self.depth * self.width + task.n_classes)

    def build(self, task: TaskPart, generator: torch.Generator) -> Network:
        from lal.models.gated_network import GatedNetwork

        return GatedNetwork(self, task, generator)
