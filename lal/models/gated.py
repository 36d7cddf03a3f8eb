"""Variable depth: residual layers, each behind gates that may close (the question of Least Action Learning)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from lal.models.model import ALWAYS, WITH_NORM, Activation, InitScale, ModelPart, Norm, Role, Units, Width
from lal.part import Part
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    import torch

    from lal.models.network import Network


GATES: frozenset[Role] = frozenset({"gate"})


class Grow(Part):
    """When a layer is added: where `patience` steps took the training loss, penalties included, less than the share `tolerance` below its best so far.

    Judged once every `patience` steps, counted from the start or the last added layer; so is the best loss, which is at first that of the first step.
    The rule sees the training loss alone: a network that has generalised, and whose loss rests where decay holds it, grows as one that is stuck does,
    unless `enough` says that nothing is missing there. Losses that are compared are of the same rows and charges: minibatches, and penalties that are not
    charged at every step, are refused.
    """

    start: Annotated[int, Field(ge=1, le=64, description="layers at the start; depth is the most")] = 1
    patience: Annotated[int, Field(ge=1, le=10**9, description="steps without progress after which a layer is added")] = 500
    tolerance: Annotated[float, Field(ge=0, lt=1, description="share of the best loss that counts as progress")] = 0.01
    enough: Annotated[float, Field(ge=0, description="training loss, penalties included, up to which no layer is added")] = 0.0


class Gated(ModelPart):
    """x_0 = sum of embeddings; x_l = x_{l-1} + g_l f_l(x_{l-1}), f_l(x) = activation(W_l norm(x) + b_l); logits = U norm(x_L).

    gate: sigmoid           g = s(t), s the logistic function, t the learned logit;
          gumbel            g = s((t + n) / temperature), n logistic noise in training, 0 in evaluation
                            (binary concrete; Maddison et al. 2017, arXiv 1611.00712);
          straight_through  g = 1 where s(t) > 0.5, else 0; its gradient is that of s(t) (Bengio et al. 2013, arXiv 1308.3432).
    scope: layer   a gate for each layer;   neuron  for each unit of each layer: g_l is (D,), and so is t_l;
           input   for each layer and input: t = w_l . x_{l-1} + t_l, with w_l = 0 at first. Do easy inputs use fewer layers?
    controls: output  as above;   skip  x_l = (1 - g_l) x_{l-1} + g_l f_l(x_{l-1}). Either way a gate of 0 skips the layer.
    grow: layers are added as training stalls. An added layer's gates are multiplied by a learned factor that starts at 0, so that the
          network's function is the same to the bit, and yet has a gradient (ReZero; Bachlechner et al. 2020, arXiv 2003.04887). The factor
          has the role of a gate. A layer that is absent counts as gate 0. Compute penalties charge, and metrics report, the gate alone and not
          its product with the factor, from the step the layer is added: what is charged is not what multiplies, and by its factor a layer may
          act while it pays little, or pay while it hardly acts. `functional_depth` is not deceived: it removes layers, factor and all.
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
    scope: Annotated[Literal["layer", "neuron", "input"], Field(description="what has a gate of its own in every layer")] = "layer"
    controls: Annotated[Literal["output", "skip"], Field(description="what a gate scales")] = "output"
    temperature: Annotated[float | None, Field(gt=0, le=10, description="of gumbel gates only; null = 0.5")] = None
    grow: Annotated[Grow | None, Field(description="depth that grows up to `depth`; null = all layers from the start")] = None

    @model_validator(mode="after")
    def _temperature_acts(self) -> Gated:
        if self.gate != "gumbel" and self.temperature is not None:
            raise ValueError(f"temperature has an effect only with gate: gumbel, but got temperature={self.temperature} with gate={self.gate}; remove it")
        return self

    @model_validator(mode="after")
    def _growth_acts(self) -> Gated:
        if self.grow and self.grow.start >= self.depth:
            raise ValueError(f"grow.start must be below depth, else no layer is ever added, but got grow.start={self.grow.start} with depth={self.depth}")
        if self.grow and self.hard_gates and self.gate_init <= 0.5:
            held = "gate_init must be above 0.5 where straight-through gates grow: a layer that is added closed has no gradient and never opens"
            raise ValueError(f"{held}; got gate_init={self.gate_init}")
        return self

    @property
    def hard_gates(self) -> bool:
        return self.gate == "straight_through"

    @property
    def gates_by_input(self) -> bool:
        return self.scope == "input"

    @property
    def grows(self) -> bool:
        return self.grow is not None

    @property
    def roles(self) -> frozenset[Role]:
        return ALWAYS | GATES | (WITH_NORM if self.norm == "layer" else frozenset())

    @property
    def label(self) -> str:
        gate = self.gate.replace("straight_through", "hard") + ("" if self.scope == "layer" else f"-{self.scope}")
        return f"{gate}{f'{self.grow.start}to' if self.grow else ''}{self.depth}x{self.width}"

    @property
    def n_layers(self) -> int:
        return self.depth

    @property
    def gates_per_layer(self) -> int:
        return self.width if self.scope == "neuron" else 1

    def n_parameters(self, task: TaskPart) -> int:
        d = self.width
        norms = 2 * d * (self.depth + 1) if self.norm == "layer" else 0
        gates = self.gates_per_layer + (d if self.gates_by_input else 0)
        added = self.depth - self.grow.start if self.grow else 0
        return sum(task.vocabularies) * d + self.depth * (d * d + d + gates) + added + norms + d * task.n_classes

    def flops(self, task: TaskPart, n_rows: int) -> float:
        gates = self.depth if self.gates_by_input else 0
        return 2.0 * n_rows * self.width * (self.depth * self.width + gates + task.n_classes)

    def units(self, task: TaskPart, n_rows: int) -> Units:
        hidden = n_rows * self.depth * self.width
        return Units(hidden, hidden if self.activation == "gelu" else 0)

    def build(self, task: TaskPart, generator: torch.Generator) -> Network:
        from lal.models.gated_network import GatedNetwork

        return GatedNetwork(self, task, generator)
