"""How routers share out inputs."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class Routing(Metric):
    """Of the weights w (L layers, all N inputs at the S positions that matter, H heads), H(.) the entropy in nats, E the mean over inputs and positions:

    `routing_entropy`: mean over layers of E[H(w)], low = decisive; `routing_entropy_norm`: / log H, in [0, 1];
    `load_entropy`: mean over layers of H(E[w]), high = all heads are used; `specialisation`: load entropy less routing
    entropy, the mutual information of input and head; `effective_heads`: mean over layers of exp H(E[w]);
    `head_utilization`: E[w], L x H numbers, layer by layer.
    """

    name = "routing"

    def applies(self, run: Supervised) -> bool:
        return run.model.has_routing

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("routing_entropy", "routing_entropy_norm", "load_entropy", "specialisation", "effective_heads", "head_utilization")

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        assert probe.rows.routing is not None
        layers = [weights.double() for weights in probe.rows.routing]
        own = torch.stack([torch.special.entr(weights).sum(-1).mean() for weights in layers])
        load = torch.stack([weights.mean((0, 1)) for weights in layers])
        shared = torch.special.entr(load).sum(-1)
        return {
            "routing_entropy": own.mean().item(),
            "routing_entropy_norm": own.mean().item() / log(load.shape[-1]),
            "load_entropy": shared.mean().item(),
            "specialisation": (shared - own).mean().item(),
            "effective_heads": shared.exp().mean().item(),
            "head_utilization": load.flatten().tolist(),
        }
