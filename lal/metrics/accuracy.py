"""Task loss and accuracy on both sides of the split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class Accuracy(Metric):
    """`train_loss`, `test_loss`: mean task loss without penalties. `train_acc`, `test_acc`: share of rows answered right, in [0, 1]."""

    name = "accuracy"

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("train_loss", "test_loss", "train_acc", "test_acc")

    def values(self, probe: Probe) -> dict[str, Any]:
        rows, data = probe.rows, probe.data
        return {
            "train_loss": rows.loss[data.train].mean().item(),
            "test_loss": rows.loss[data.test].mean().item(),
            "train_acc": rows.correct[data.train].double().mean().item(),
            "test_acc": rows.correct[data.test].double().mean().item(),
        }
