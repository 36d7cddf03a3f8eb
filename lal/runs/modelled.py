"""What kinds of run share in which a model learns a task. Torch-free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from lal.runs.measured import MeasuredRun


class ModelledRun(MeasuredRun):
    """A run with a `model` and a `task`, each of which has a label, one pass over one batch at a step."""

    if TYPE_CHECKING:
        model: Any
        task: Any

    @property
    @final
    def label(self) -> str:
        return f"{self.model.label}-{self.task.label}-s{self.seed}"

    @property
    @final
    def subject(self) -> str:
        return f"model {self.model.label} on task {self.task.label}"

    @final
    def passes_per_step(self) -> float:
        return 1.0

    @final
    def n_parameters(self) -> int:
        return self.model.n_parameters(self.task)

    def unevaluated(self) -> str | None:
        """That no row lies between the first and the last, for the plan."""
        if self.eval_every <= self.budget.steps:
            return None
        return f"nothing is evaluated between the first and the last of {self.budget.steps:,} steps: measure.eval_every is {self.eval_every:,}"
