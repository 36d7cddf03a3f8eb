"""Charges for open gates g_1 ... g_L in [0, 1]; of a layer with several gates, its charge is their mean.

The formulas are those of the experiment plan of Least Action Learning. Where layers are added (`grow`), what multiplies such a layer is its gate times a
learned factor; g is the gate alone. A layer is thus charged in full from the step it is added, while its factor is still 0: it must earn its price.
An absent layer costs nothing, for its gate counts as 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from lal.models.model import ModelPart
from lal.penalties.penalty import PenaltyPart
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    from torch import Tensor

    from lal.models.network import Layered, Network, Output
    from lal.tasks.task import Data


class ComputePart(PenaltyPart):
    """A charge for gates."""

    charges_indecision: ClassVar[bool] = False

    def misfit(self, model: ModelPart, task: TaskPart) -> str | None:
        if not model.has_gates:
            return f"a compute penalty charges for gates, but model {model.kind} has none; use kind: gated or remove the penalty"
        if self.charges_indecision and model.hard_gates:
            return f"{self.kind} charges undecided gates, but gates of {model.label} are always 0 or 1; use kind: sum or flops, or another gate"
        return None

    def share(self, step: int) -> float:
        return 1.0


class ComputeSum(ComputePart):
    """sum_l g_l, in [0, L]: the price of one fully open layer is one."""

    kind: Literal["sum"] = "sum"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        return gates_of(output).mean(1).sum()


class ComputeFlops(ComputePart):
    """sum_l g_l F_l / mean(F), in [0, L]; F_l the multiply-adds of layer l.

    Equal to `sum` where all layers are alike; heavier layers cost more where they are not.
    """

    kind: Literal["flops"] = "flops"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        gates = gates_of(output).mean(1)
        layered: Layered = network  # type: ignore[assignment]
        flops = gates.new_tensor(layered.layer_flops())
        return (gates * (flops / flops.mean())).sum()


class ComputeEntropy(ComputePart):
    """sum_l h(g_l) / log 2, h(g) = -g log g - (1-g) log(1-g), in [0, L]: charges indecision, not depth."""

    charges_indecision: ClassVar[bool] = True

    kind: Literal["entropy"] = "entropy"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        return indecision(gates_of(output)).mean(1).sum()


class ComputeSumEntropy(ComputePart):
    """sum_l [g_l + h(g_l) / log 2], in [0, L log2 3], highest at g = 2/3: charges depth and indecision alike."""

    charges_indecision: ClassVar[bool] = True

    kind: Literal["sum_entropy"] = "sum_entropy"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        gates = gates_of(output)
        return (gates + indecision(gates)).mean(1).sum()


def gates_of(output: Output) -> Tensor:
    """(L, G) the gates of a pass through a network that has gates."""
    assert output.gates is not None
    return output.gates


def indecision(gates: Tensor) -> Tensor:
    """(L, G) binary entropy in bits, in [0, 1]; its slope is finite at 0 and 1, where the true one is not."""
    eps = 1e-6
    g = gates.clamp(eps, 1 - eps)
    return -(g * g.log2() + (1 - g) * (1 - g).log2())
