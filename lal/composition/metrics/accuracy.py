"""Which element an output means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.composition.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.composition.probe import Probe
    from lal.runs.composition import Composition


class Accuracy(Metric):
    """`test_acc`, and of tables `train_acc`: share of tuples, in [0, 1], whose last output is nearer to the code of the right element than to any other."""

    name = "accuracy"

    def columns(self, run: Composition) -> tuple[str, ...]:
        return ("train_acc", "test_acc") if run.is_table else ("test_acc",)

    def values(self, probe: Probe) -> dict[str, Any]:
        return {column: getattr(probe, column.removesuffix("_acc")).accuracy for column in self.columns(probe.run)}
