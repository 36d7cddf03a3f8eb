"""What is left when routers may not mix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.models.network import Choosing
    from lal.runs.supervised import Supervised


class HardRouting(Metric):
    """`hard_acc`: test accuracy, in [0, 1], when each input takes its heaviest head alone, in every layer. A pass of its own over the test rows."""

    name = "hard_routing"
    period = 5
    cost = 0.8

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("hard_acc",) if run.model.has_routing else ()

    def values(self, probe: Probe) -> dict[str, Any]:
        from lal.metrics.probe import CHUNK_ROWS

        network: Choosing = probe.network  # type: ignore[assignment]
        data = probe.data
        right = (network.forward_hard(data.tokens[rows]).logits.argmax(1) == data.targets[rows] for rows in data.test.split(CHUNK_ROWS))
        return {"hard_acc": sum(int(each.sum()) for each in right) / len(data.test)}
