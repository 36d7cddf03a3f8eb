"""Charges for how routers share out inputs. w: (L, B, H) weights of H heads for B inputs in L layers, each summing to 1."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Literal

from lal.models.model import ModelPart
from lal.penalties.penalty import PenaltyPart
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    from torch import Tensor

    from lal.models.network import Network, Output
    from lal.tasks.task import Data


class RoutingPart(PenaltyPart):
    """A charge for routing."""

    def misfit(self, model: ModelPart, task: TaskPart) -> str | None:
        if model.has_routing:
            return None
        return f"a routing penalty charges routers, but model {model.label} has none; use kind: routed with heads >= 2 or remove the penalty"

    def share(self, step: int) -> float:
        return 1.0


class RoutingEntropy(RoutingPart):
    """mean over layers and inputs of H(w) / log H, in [0, 1]; 0 = each input takes one head.

    The entropy of each input's own weights: that of the average weights would charge decisive, input-dependent routing in full.
    """

    kind: Literal["entropy"] = "entropy"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        weights = routing_of(output)
        return entropy(weights).mean() / log(weights.shape[-1])


class RoutingSparsity(RoutingPart):
    """mean over layers and inputs of (1 - max_i w_i) H / (H - 1), in [0, 1]; 0 = one head.

    (An L1 norm of weights that sum to 1 is constant.)
    """

    kind: Literal["sparsity"] = "sparsity"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        weights = routing_of(output)
        heads = weights.shape[-1]
        return (1 - weights.amax(-1)).mean() * heads / (heads - 1)


class RoutingGini(RoutingPart):
    """mean over layers and inputs of 1 - G(w) H / (H - 1), in [0, 1]; G the Gini coefficient, largest (H-1)/H for one head.

    G(w) = sum_i (2 i - H - 1) w_(i) / H for weights in ascending order that sum to 1.
    """

    kind: Literal["gini"] = "gini"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        weights = routing_of(output)
        heads = weights.shape[-1]
        ranks = weights.new_tensor(range(1, heads + 1))
        gini = (weights.sort(-1).values * (2 * ranks - heads - 1)).sum(-1) / heads
        return (1 - gini * heads / (heads - 1)).mean()


class RoutingLoadBalance(RoutingPart):
    """mean over layers of (H sum_i m_i^2 - 1) / (H - 1), m the weights averaged over inputs, in [0, 1]; 0 = heads are used alike.

    The importance loss of mixtures of experts (Shazeer et al. 2017, arXiv 1701.06538), a squared coefficient of variation, over its maximum.
    """

    kind: Literal["load_balance"] = "load_balance"

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        weights = routing_of(output)
        heads = weights.shape[-1]
        return (heads * weights.mean(1).square().sum(-1) - 1).mean() / (heads - 1)


def routing_of(output: Output) -> Tensor:
    """(L, B, H) the weights of a pass through a network that has routers."""
    assert output.routing is not None
    return output.routing


def entropy(weights: Tensor) -> Tensor:
    """Entropy in nats over the last axis; 0 log 0 = 0.

    A weight that has underflowed to 0 has no slope: the true one is infinite, and would make NaN of every gradient.
    """
    import torch

    return torch.special.entr(weights.clamp_min(torch.finfo(weights.dtype).tiny)).sum(-1)
