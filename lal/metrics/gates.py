"""How open the gates are. How many layers are needed is another question: see depth.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from lal.metrics.probe import Probe
    from lal.models.network import Layered
    from lal.runs.supervised import Supervised

BY_INPUT = ("effective_depth_sd", "effective_depth_right", "effective_depth_wrong")


class GateState(Metric):
    """Of the gates as used in evaluation, each in [0, 1], G of them in each of L layers (one, one a unit, or one for each of all N inputs):

    `gate_values`: the mean gate of every layer; `effective_depth`: their sum; `open_gates`: the share of a layer's gates that exceed
    0.5, summed over layers; `gate_entropy`: mean over gates of -g log g - (1-g) log(1-g), nats, in [0, log 2]. The sum is easily
    evaded: a network that shrinks its gates and grows its weights keeps all its layers. An absent layer counts as gate 0. Of a layer that
    was added (`grow`) these are the gates alone, as charged, not their product with the layer's factor: it may be near 0 behind an open gate.

    Where each input has its own gates, their sum over layers is that input's depth: `effective_depth_sd` is its standard deviation over
    all inputs, `effective_depth_right` and `effective_depth_wrong` its mean over the test rows that are answered so, null where none is.
    Where layers are added, `layers_present` counts them.
    """

    name = "gates"

    def columns(self, run: Supervised) -> tuple[str, ...]:
        if not run.model.has_gates:
            return ()
        own = (*(BY_INPUT if run.model.gates_by_input else ()), *(("layers_present",) if run.model.grows else ()))
        return ("gate_values", "effective_depth", "open_gates", "gate_entropy", *own)

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        assert probe.gates is not None
        network: Layered = probe.network  # type: ignore[assignment]
        gates = probe.gates.double()
        return {
            "gate_values": gates.mean(1).tolist(),
            "effective_depth": gates.mean(1).sum().item(),
            "open_gates": (gates > 0.5).double().mean(1).sum().item(),
            "gate_entropy": (torch.special.entr(gates) + torch.special.entr(1 - gates)).mean().item(),
            **(of_inputs(gates.sum(0), probe) if probe.run.model.gates_by_input else {}),
            **({"layers_present": network.growth.present} if network.growth else {}),
        }


def of_inputs(depth: Tensor, probe: Probe) -> dict[str, float | None]:
    """The columns that tell inputs apart; `depth` (N,) is the sum of each input's gates."""
    right = probe.rows.correct[probe.data.test]
    sides = [depth[probe.data.test][side] for side in (right, ~right)]
    values = [depth.std(correction=0).item(), *(side.mean().item() if len(side) else None for side in sides)]
    return dict(zip(BY_INPUT, values, strict=True))
