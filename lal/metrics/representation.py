"""How large the last hidden representation is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class RepresentationNorm(Metric):
    """`representation_norm`: mean over all rows of the Euclidean norm of what the logits are read from (before a final normalisation)."""

    name = "representation"

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("representation_norm",)

    def values(self, probe: Probe) -> dict[str, Any]:
        return {"representation_norm": probe.rows.hidden_norm.double().mean().item()}
