"""Charges for how routers share out inputs. w: of each layer (S, B, H) weights of H heads, for B inputs at S token positions, summing to 1."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import TYPE_CHECKING, ClassVar, Literal

from lal.models.model import ModelPart
from lal.penalties.penalty import PenaltyPart
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    from torch import Tensor

    from lal.models.network import Network, Output
    from lal.tasks.task import Data


class RoutingPart(PenaltyPart):
    """A charge for routing.

    Attributes:
        of_each: whether each input's own weights are charged, rather than their average: hard weights are decisive anyway.
    """

    of_each: ClassVar[bool]

    def misfit(self, model: ModelPart, task: TaskPart) -> str | None:
        if not model.has_routing:
            return f"a routing penalty charges routers, but model {model.label} has none; use heads that are chosen, two or more, or remove the penalty"
        if self.of_each and model.hard_routing:
            kind = self.kind
            return f"{kind} charges inputs that take several heads, but with choice: hard none does; use load_balance or choice: soft, or remove the penalty"
        return None

    def share(self, step: int) -> float:
        return 1.0


class RoutingEntropy(RoutingPart):
    """mean over layers, positions and inputs of H(w) / log H, in [0, 1]; 0 = each input takes one head.

    The entropy of each input's own weights: that of the average weights would charge decisive, input-dependent routing in full.
    """

    of_each: ClassVar[bool] = True

    kind: Literal["entropy"] = "entropy"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        return mean_over_layers(output, lambda weights: entropy(weights).mean() / log(weights.shape[-1]))


class RoutingSparsity(RoutingPart):
    """mean over layers, positions and inputs of (1 - max_i w_i) H / (H - 1), in [0, 1]; 0 = one head.

    (An L1 norm of weights that sum to 1 is constant.)
    """

    of_each: ClassVar[bool] = True

    kind: Literal["sparsity"] = "sparsity"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        return mean_over_layers(output, lambda weights: (1 - weights.amax(-1)).mean() * weights.shape[-1] / (weights.shape[-1] - 1))


class RoutingGini(RoutingPart):
    """mean over layers, positions and inputs of 1 - G(w) H / (H - 1), in [0, 1]; G the Gini coefficient, largest (H-1)/H for one head.

    G(w) = sum_i (2 i - H - 1) w_(i) / H for weights in ascending order that sum to 1.
    """

    of_each: ClassVar[bool] = True

    kind: Literal["gini"] = "gini"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        return mean_over_layers(output, lambda weights: (1 - gini(weights) * weights.shape[-1] / (weights.shape[-1] - 1)).mean())


class RoutingLoadBalance(RoutingPart):
    """mean over layers of (H sum_i m_i^2 - 1) / (H - 1), m the layer's weights averaged over inputs and positions, in [0, 1]; 0 = heads are used alike.

    The importance loss of mixtures of experts (Shazeer et al. 2017, arXiv 1701.06538), a squared coefficient of variation, over its maximum.
    With hard weights m is the share of inputs that take a head, and its slope that of the soft weights (as in Fedus et al. 2021, arXiv 2101.03961).
    """

    of_each: ClassVar[bool] = False

    kind: Literal["load_balance"] = "load_balance"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        return mean_over_layers(output, lambda weights: (weights.shape[-1] * weights.mean((0, 1)).square().sum() - 1) / (weights.shape[-1] - 1))


def mean_over_layers(output: Output, charge: Callable[[Tensor], Tensor]) -> Tensor:
    """The mean of `charge` over the layers of a pass through a network that has routers."""
    assert output.routing is not None
    return sum(charge(weights) for weights in output.routing) / len(output.routing)  # type: ignore[return-value]


def gini(weights: Tensor) -> Tensor:
    """The Gini coefficient over the last axis, of weights that sum to 1."""
    heads = weights.shape[-1]
    ranks = weights.new_tensor(range(1, heads + 1))
    return (weights.sort(-1).values * (2 * ranks - heads - 1)).sum(-1) / heads


def entropy(weights: Tensor) -> Tensor:
    """Entropy in nats over the last axis; 0 log 0 = 0.

    A weight that has underflowed to 0 has no slope: the true one is infinite, and would make NaN of every gradient.
    """
    import torch

    return torch.special.entr(weights.clamp_min(torch.finfo(weights.dtype).tiny)).sum(-1)
