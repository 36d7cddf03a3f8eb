"""Accuracy where symmetry does not help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class MirrorClean(Metric):
    """`mirror_clean_acc`: accuracy over test rows a != b whose mirror (b, a) is not in train, with more operands over those of which no other order is;
    null where there is none.

    A memoriser that is merely symmetric answers right the test rows whose mirror is in train: 29 % of all test rows at p=113, train fraction 0.3.
    """

    name = "mirror_clean"

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("mirror_clean_acc",) if run.task.commutes else ()

    def values(self, probe: Probe) -> dict[str, Any]:
        clean = probe.data.mirror_clean
        known = clean is not None and len(clean) > 0
        return {"mirror_clean_acc": probe.rows.correct[clean].double().mean().item() if known else None}
