"""What is charged, and what it adds up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised

COLUMN = {"compute": "compute_cost", "routing": "routing_penalty", "spectral": "spectral_penalty"}


class Price(Metric):
    """`total_loss`: train_loss + sum of weight x penalty. A column of unweighted values for each penalty that is charged.

    `compute_cost` is there for every gated network: where no compute penalty is charged, the sum over layers of their mean gate on training rows.
    """

    name = "price"

    def columns(self, run: Supervised) -> tuple[str, ...]:
        slots = [*run.penalties.charged(), *(["compute"] if run.model.has_gates else [])]
        return ("total_loss", *dict.fromkeys(COLUMN[slot] for slot in slots))

    def values(self, probe: Probe) -> dict[str, Any]:
        charged, output = probe.run.penalties.charged(), probe.charged_output()
        prices = {slot: penalty.value(probe.network, output, probe.data).item() for slot, penalty in charged.items()}
        total = probe.rows.loss[probe.data.train].mean().item() + sum(charged[slot].weight * price for slot, price in prices.items())
        unpaid = {"compute_cost": output.gates.mean(1).sum().item()} if output.gates is not None else {}
        return {"total_loss": total, **unpaid, **{COLUMN[slot]: price for slot, price in prices.items()}}
