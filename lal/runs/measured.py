"""What kinds of run share whose rows are made of metrics of their kind's own. Torch-free."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from lal.runs.measure import GROUPS, WholeMeasure, lacking, merged, stored_measure, unheld, whole
from lal.runs.run import Row, RunPart

if TYPE_CHECKING:
    from lal.runs.measure import Measure
    from lal.runs.metric import AnyMetric
    from lal.stopping import Stopper


class MeasuredRun(RunPart):
    """A run that looks at `measure`: the metrics of its kind (`measure.known`) that apply to it, each as often as is asked."""

    if TYPE_CHECKING:
        measure: Measure

    @property
    @abstractmethod
    def subject(self) -> str:
        """What metrics apply to, in words, for refusals."""

    @property
    def eval_every(self) -> int:
        return self.measure.eval_every

    @property
    def snapshot_every(self) -> int | None:
        return self.measure.snapshot_every

    @property
    def save_every(self) -> int | None:
        return self.measure.save_every

    def measurable(self) -> tuple[str, ...]:
        return tuple(name for name, metric in self.measure.known.items() if metric.applies(self))

    def columns_of(self, metric: str) -> tuple[str, ...]:
        return self.measure.known[metric].columns(self)

    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that are measured, in the order of those of its kind."""
        return tuple(name for name in self.measure.names() if self.measure.known[name].applies(self))

    def metric_columns(self) -> tuple[str, ...]:
        """What all of those fill, but for columns named after single tensors."""
        return tuple(column for name in self.metrics() for column in self.columns_of(name))

    def looks(self) -> WholeMeasure:
        """All that is measured, nothing left to defaults."""
        return whole(self.measure, {name: self.columns_of(name) for name in self.metrics()})

    def whole_measure(self) -> dict[str, Any]:
        return self.looks().model_dump(mode="json")

    def lacks(self, stored: Mapping[str, Any]) -> str | None:
        return lacking(stored_measure(stored, self.measure.known), self.looks())

    def unmeasured(self, stored: Mapping[str, Any]) -> tuple[str, ...]:
        return unheld(stored_measure(stored, self.measure.known), self.looks())

    def both(self, stored: Mapping[str, Any]) -> Self:
        other = stored_measure(stored, self.measure.known)
        return self if other is None else self.model_copy(update={"measure": merged(self.looks(), other, type(self.measure))})

    def refuse_idle_metrics(self, read: str) -> None:
        """Refuses metrics that do not apply, cadences that nothing has, and that metric `read`, by which a run ends, is not read at every evaluation.

        Raises:
            ValueError: one of these.
        """
        known = self.measure.known
        for name in {*self.measure.metrics, *self.measure.every} - GROUPS:
            if not known[name].applies(self):
                raise ValueError(f"measure: metric {name} does not apply to {self.subject}; remove it")
        measured = self.metrics()
        unread = sorted({*self.measure.every} - {*measured})
        if unread:
            raise ValueError(f"measure.every.{unread[0]} would have no effect: measure.metrics leaves {unread[0]} out; remove it")
        if read not in measured or self.measure.cadence(read) != self.measure.eval_every:
            remedy = f"add {read} to measure.metrics and remove measure.every.{read}"
            raise ValueError(f"measure must read {read} at every evaluation, since a run ends by it; {remedy}")


def measured_row(config: MeasuredRun, row: Row, probe: Any, stopper: Stopper) -> Row:
    """`row` with the columns of every metric that is due at its step; of all of them if `stopper` sees in it the run's last."""
    names, known = config.metrics(), config.measure.known
    last = row["step"] == config.budget.steps  # which need not be a multiple of any cadence
    due = [name for name in names if last or row["step"] % config.measure.cadence(name) == 0]
    row = row | values_of(known, due, probe)
    return row | values_of(known, [name for name in names if name not in due], probe) if stopper.see(row) else row


def values_of(known: Mapping[str, AnyMetric], names: Iterable[str], probe: Any) -> Row:
    """The columns of the metrics called `names`."""
    return {column: value for name in names for column, value in known[name].values(probe).items()}
