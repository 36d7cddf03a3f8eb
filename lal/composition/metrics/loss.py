"""How far outputs are from the codes of the right elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.composition.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.composition.probe import Probe
    from lal.runs.composition import Composition


class Loss(Metric):
    """`train_loss`, `test_loss`: mean squared error over tuples, outputs and entries. `reduction`, `train_reduction`: 1 - loss / loss at step 0.

    Of a table, `train_loss` is of all training tuples; online it is of the last batch, before its step, and at step 0 it is `test_loss`.
    """

    name = "loss"

    def columns(self, run: Composition) -> tuple[str, ...]:
        return ("train_loss", "test_loss", "reduction", *(("train_reduction",) if run.is_table else ()))

    def values(self, probe: Probe) -> dict[str, Any]:
        test = probe.loss("test")
        found = {"test_loss": test, "reduction": 1 - test / probe.initial.get("test", test)}
        if not probe.run.is_table:
            return {"train_loss": test if probe.batch_loss is None else probe.batch_loss, **found}
        train = probe.loss("train")
        return {"train_loss": train, **found, "train_reduction": 1 - train / probe.initial.get("train", train)}
