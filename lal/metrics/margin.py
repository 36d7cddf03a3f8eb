"""By how much right answers win."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class Margin(Metric):
    """`train_margin`, `test_margin`: mean over rows of the target's logit less the largest other logit."""

    name = "margin"

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("train_margin", "test_margin")

    def values(self, probe: Probe) -> dict[str, Any]:
        margin, data = probe.rows.margin, probe.data
        return {"train_margin": margin[data.train].mean().item(), "test_margin": margin[data.test].mean().item()}
