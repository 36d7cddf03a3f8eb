"""How good each of several outputs is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.composition.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.composition.probe import Probe
    from lal.runs.composition import Composition


class Steps(Metric):
    """`step_loss`: list, the mean squared error after 2, 3, ..., k elements, of networks with an answer after each.

    With `task.outputs: last` only the last is trained on; the others show what the state on the way would answer, and may be worse than 0.
    """

    name = "steps"

    def columns(self, run: Composition) -> tuple[str, ...]:
        return ("step_loss",) if run.model.recurrent and run.task.k > 2 else ()

    def values(self, probe: Probe) -> dict[str, Any]:
        losses = probe.test.losses
        return {"step_loss": [losses[place] for place in sorted(losses)]}
