"""How far outputs are from the codes of the right elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.composition.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.composition.probe import Probe
    from lal.runs.composition import Composition


class Loss(Metric):
    """`train_loss`, `test_loss`: mean squared error over tuples, outputs and entries. `reduction`, `train_reduction`: 1 - loss / L_0, where L_0 is
    the first level of theory's staircase: the template's mean square, the loss of answering 0. From small weights a run starts there; whatever it starts at, 0
    is no better than saying nothing.

    Of a table, `train_loss` is of all training tuples; online it is of the last batch, before its step, and at step 0 it is `test_loss`.
    """

    name = "loss"

    def columns(self, run: Composition) -> tuple[str, ...]:
        return ("train_loss", "test_loss", "reduction", *(("train_reduction",) if run.is_table else ()))

    def values(self, probe: Probe) -> dict[str, Any]:
        test, start = probe.loss("test"), float(probe.reader.template.staircase.levels[0])
        found = {"test_loss": test, "reduction": 1 - test / start}
        if not probe.run.is_table:
            return {"train_loss": test if probe.batch_loss is None else probe.batch_loss, **found}
        train = probe.loss("train")
        return {"train_loss": train, **found, "train_reduction": 1 - train / start}
