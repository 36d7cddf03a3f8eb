"""How routers share out inputs."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class Routing(Metric):
    """Of the weights w (L layers, all N inputs at the S positions that matter, H heads), H(.) the entropy in nats, E the mean over inputs and positions:

    `routing_entropy`: mean over layers of E[H(w)], low = decisive; `routing_entropy_norm`: / log H, in [0, 1];
    `load_entropy`: mean over layers of H(E[w]), high = all heads are used; `specialisation`: load entropy less routing
    entropy, the mutual information of input and head; `effective_heads`: mean over layers of exp H(E[w]);
    `head_utilization`: E[w], L x H numbers, layer by layer.
    Of a task of several operations, `operation_specialisation`: mean over layers and positions s of I(head; operation | s) =
    H(E[w | s]) - E[H(E[w | s, operation])], nats, in [0, log of the number of operations]. 0 at positions before the operation is read
    (the first operand's, in a causal network), which are counted: of a transformer's layers but the last, read [a, op, b, =], at most 3/4 of that is reached.
    """

    name = "routing"

    def columns(self, run: Supervised) -> tuple[str, ...]:
        if not run.model.has_routing:
            return ()
        own = ("operation_specialisation",) if run.task.n_operations > 1 else ()
        return ("routing_entropy", "routing_entropy_norm", "load_entropy", "specialisation", "effective_heads", "head_utilization", *own)

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
            **({"operation_specialisation": by_operation(layers, probe)} if probe.run.task.n_operations > 1 else {}),
        }


def by_operation(layers: Sequence[Tensor], probe: Probe) -> float:
    """Mean over layers of `operation_specialisation`."""
    operations = probe.data.tokens[:, probe.run.task.n_operands]
    return sum(operation_specialisation(weights, operations).item() for weights in layers) / len(layers)


def operation_specialisation(weights: Tensor, operations: Tensor) -> Tensor:
    """A scalar: mean over positions of the mutual information, in nats, of head and operation; weights (S, N, H) in float64, operations (N,) from 0."""
    import torch

    of_operation = torch.nn.functional.one_hot(operations).to(weights)  # (N, O)
    n_rows = of_operation.sum(0)
    load = torch.einsum("snh,no->soh", weights, of_operation) / n_rows[:, None]
    given = torch.special.entr(load).sum(-1) @ (n_rows / len(operations))
    return (torch.special.entr(weights.mean(1)).sum(-1) - given).mean()
