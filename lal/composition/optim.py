"""Optimizers of composing networks. Torch-free; `per_neuron.py` has the steps."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lal.composition.models.model import CompositionModel
from lal.composition.models.quadratic_rnn import QuadraticRnn
from lal.composition.task import GroupTask
from lal.optim import Beta, LearningRate, WeightDecay
from lal.part import Part, members

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lal.composition.network import CompositionNetwork

RULE = "per_neuron where a hidden unit's contribution is homogeneous in its weights (sequential_mlp; two_layer but for gelu and tanh), else adam"
TOO_FAST = {"adam": 1.0, "per_neuron": 100.0}  # lr from which no loss was seen to fall to half of what it was first (docs/findings.md)
EXPLODES_BELOW, EXPLODES_FROM = 0.1, -2.5  # init_scale and scaling at which the loss was seen to pass 700 at the second step


def too_fast(kind: str, lr: float, usual: float) -> str | None:
    """What is wrong with a learning rate that is too large for anything to be learned; None where it is not."""
    if lr < TOO_FAST[kind]:
        return None
    return f"{kind} with lr {lr:g} is too fast to learn anything: from {TOO_FAST[kind]:g} on no loss was seen to halve; {usual:g} learns"


class CompositionOptim(Part):
    """Fields that all share. The gradient is clipped first, by its norm over all parameters; whatever an optimizer scales, it scales after that."""

    kind: str
    clip: Annotated[float | None, Field(gt=0, description="largest global norm of the raw gradient; null = off")] = 0.1

    @abstractmethod
    def misfit(self, model: CompositionModel, task: GroupTask) -> str | None:
        """Why it cannot train `model`, and what to write; None where it can."""

    @abstractmethod
    def warning(self, model: CompositionModel, task: GroupTask) -> str | None:
        """What looks wrong, or what was chosen, for the plan."""

    @abstractmethod
    def build(self, network: CompositionNetwork, model: CompositionModel, task: GroupTask) -> Optimizer:
        """The optimizer of `network`, which `model` built for `task`."""


class Adam(CompositionOptim):
    """Adam with weight decay as an L2 term of the loss (Kingma and Ba 2015, arXiv 1412.6980)."""

    kind: Literal["adam"] = "adam"
    lr: LearningRate = 1e-3
    weight_decay: WeightDecay = 0.0
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    eps: Annotated[float, Field(gt=0)] = 1e-8

    def misfit(self, model: CompositionModel, task: GroupTask) -> str | None:
        return None

    def warning(self, model: CompositionModel, task: GroupTask) -> str | None:
        return too_fast(self.kind, self.lr, 1e-3)

    def build(self, network: CompositionNetwork, model: CompositionModel, task: GroupTask) -> Optimizer:
        from torch import optim

        return optim.Adam(network.parameters(), lr=self.lr, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay, fused=True)


class PerNeuron(CompositionOptim):
    """Gradient descent with a step of its own size for each hidden unit: theta_i <- theta_i - lr n_i^(2 - L) dloss/dtheta_i.

    theta_i are all weights of unit i, n_i = sqrt(||theta_i||^2 + 1e-12), and L the degree of homogeneity of its contribution to the output. The gradient
    is then homogeneous of degree L - 1 and the step of degree 1, so that the path of log n_i and of the unit's direction does not depend on the scale of
    the initial weights. With L = 2 it is plain gradient descent.
    """

    kind: Literal["per_neuron"] = "per_neuron"
    lr: LearningRate = 0.05
    degree: Annotated[int | None, Field(ge=1, le=100, description="L; null = of the model: k + 1 for sequential_mlp, 1 + that of the activation else")] = None

    def misfit(self, model: CompositionModel, task: GroupTask) -> str | None:
        if model.recurrent:
            return f"per_neuron needs hidden units with weights of their own, which {model.kind} does not have (W_mix); write kind: hybrid or adam"
        own = model.degree(task.k)
        if self.degree is None and own is None:
            return f"per_neuron needs the degree of homogeneity, which {model.label} does not have; write degree, or kind: adam"
        if self.degree is not None and self.degree == own:
            return f"per_neuron.degree is {own} for {model.kind} anyway; remove it"
        return None

    def warning(self, model: CompositionModel, task: GroupTask) -> str | None:
        return too_fast(self.kind, self.lr, 0.05)

    def build(self, network: CompositionNetwork, model: CompositionModel, task: GroupTask) -> Optimizer:
        from lal.composition.per_neuron import NeuronDescent

        degree = self.degree or model.degree(task.k)
        assert degree is not None
        return NeuronDescent(network.neurons(), lr=self.lr, exponent=2.0 - degree)


class Hybrid(CompositionOptim):
    """For quadratic_rnn: W_in, W_drive and W_out as `per_neuron`, by theta_i <- theta_i - neuron_lr n_i^scaling dloss/dtheta_i; W_mix by Adam."""

    kind: Literal["hybrid"] = "hybrid"
    lr: Annotated[float, Field(gt=0, le=1e3, description="of Adam, for W_mix")] = 1e-3
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    neuron_lr: Annotated[float, Field(gt=0, le=1e3, description="of the other matrices")] = 1.0
    scaling: Annotated[float, Field(ge=-10, le=10, description="exponent of a unit's norm")] = -2.0

    def misfit(self, model: CompositionModel, task: GroupTask) -> str | None:
        return None if isinstance(model, QuadraticRnn) else f"hybrid is for quadratic_rnn, whose W_mix it treats apart, but got {model.kind}; write per_neuron"

    def warning(self, model: CompositionModel, task: GroupTask) -> str | None:
        if model.init_scale >= EXPLODES_BELOW or self.scaling > EXPLODES_FROM:
            return None
        return f"hybrid with scaling {self.scaling:g} from small weights (init_scale {model.init_scale:g}) explodes within steps; 0.3 with -2 to -3 learns"

    def build(self, network: CompositionNetwork, model: CompositionModel, task: GroupTask) -> Optimizer:
        from lal.composition.per_neuron import HybridDescent
        from lal.composition.recurrent_network import QuadraticRnnNetwork

        assert isinstance(network, QuadraticRnnNetwork)
        return HybridDescent(network, lr=self.lr, betas=self.betas, neuron_lr=self.neuron_lr, exponent=self.scaling)


class Auto(CompositionOptim):
    """per_neuron where a hidden unit's contribution is homogeneous in its weights (sequential_mlp; two_layer but for gelu and tanh), else adam.

    The plan says which one it is.
    """

    kind: Literal["auto"] = "auto"
    lr: Annotated[float | None, Field(gt=0, le=1e3, description="null = the default of the one that is chosen")] = None

    def chosen(self, model: CompositionModel, task: GroupTask) -> Adam | PerNeuron:
        """The one that is meant."""
        member = Adam if model.degree(task.k) is None else PerNeuron
        return member(clip=self.clip) if self.lr is None else member(clip=self.clip, lr=self.lr)

    def misfit(self, model: CompositionModel, task: GroupTask) -> str | None:
        return None

    def warning(self, model: CompositionModel, task: GroupTask) -> str | None:
        chosen = self.chosen(model, task)
        said = f"optim auto is {chosen.kind} with lr {chosen.lr:g} for {model.kind}: {RULE}"
        wrong = chosen.warning(model, task)
        return f"{said}; {wrong}" if wrong else said

    def build(self, network: CompositionNetwork, model: CompositionModel, task: GroupTask) -> Optimizer:
        return self.chosen(model, task).build(network, model, task)


MEMBERS = members("lal.composition.optim", (Adam, PerNeuron, Hybrid, Auto))
