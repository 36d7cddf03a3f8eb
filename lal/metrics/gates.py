"""How open the gates are. How many layers are needed is another question: see depth.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class GateState(Metric):
    """Of the L gates as used in evaluation, each in [0, 1]:

    `gate_values`: all of them; `effective_depth`: their sum; `open_gates`: how many exceed 0.5;
    `gate_entropy`: mean over gates of -g log g - (1-g) log(1-g), nats, in [0, log 2]. The sum is easily evaded: a network
    that shrinks its gates and grows its weights keeps all its layers.
    """

    name = "gates"

    def applies(self, run: Supervised) -> bool:
        return run.model.has_gates

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("gate_values", "effective_depth", "open_gates", "gate_entropy")

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        assert probe.gates is not None
        gates = probe.gates.double().mean(1)
        return {
            "gate_values": gates.tolist(),
            "effective_depth": gates.sum().item(),
            "open_gates": int((gates > 0.5).sum()),
            "gate_entropy": (torch.special.entr(gates) + torch.special.entr(1 - gates)).mean().item(),
        }
