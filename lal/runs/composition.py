"""Sequential group composition; see `lal/composition/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from lal.composition import models, optim, snapshot
from lal.composition.metrics import METRICS
from lal.composition.models.model import CompositionModel
from lal.composition.models.quadratic_rnn import QuadraticRnn
from lal.composition.optim import Auto, CompositionOptim
from lal.composition.task import GroupTask, Table
from lal.errors import Refused
from lal.events import Goal
from lal.part import trimmed, union
from lal.runs.measure import Measure
from lal.runs.modelled import ModelledRun
from lal.runs.run import Run

if TYPE_CHECKING:  # what a checker may know; at run time the unions hold what installed packages offer, too
    AnyModel = CompositionModel
    AnyOptim = CompositionOptim
else:
    AnyModel, AnyOptim = union(models.MEMBERS), union(optim.MEMBERS)

REDUCTION = 0.99  # of the loss, which counts as learned
MAX_STEP_BYTES = 4 * 2**30  # of what one step keeps for its gradient
FEW_UNITS = {2: 6, 3: 16}  # hidden units that one mode took in feed-forward networks, by k; a recurrent one took 8


class CompositionMeasure(Measure):
    """Of composition runs."""

    known: ClassVar = METRICS


class Composition(ModelledRun):
    """Mean squared error between a network's output and the code of the product of k group elements.

    The goal is the column `reduction`: 1 - test_loss / L_0, with L_0 the first level of theory's staircase (the template's mean square).
    """

    kind: Literal["composition"] = "composition"
    task: GroupTask = GroupTask()
    model: AnyModel = QuadraticRnn()
    optim: AnyOptim = Auto()
    dtype: Annotated[Literal["float32", "float64"], Field(description="precision of parameters and arithmetic")] = "float32"
    measure: CompositionMeasure = CompositionMeasure()

    @model_validator(mode="after")
    def _everything_acts(self) -> Composition:
        misfit = self.optim.misfit(self.model, self.task)
        if misfit:
            raise ValueError(f"optim: {misfit}")
        if self.task.outputs == "every" and not self.model.recurrent:
            raise ValueError(f"task.outputs: every needs a model with an answer after each element, but {self.model.kind} has one at the end; write last")
        self.refuse_idle_metrics("loss")
        self._step_fits()
        stop, futility = self.budget.stop, self.budget.futility
        if stop and not 0 < stop.at_least < 1:
            raise ValueError(f"budget.stop.at_least is a reduction of the loss and must be in (0, 1), but got {stop.at_least:g}")
        if futility.max_tau is not None:
            raise ValueError("budget.futility.max_tau would have no effect: composition runs have no decoupled decay, so their decay time stays 0; remove it")
        if futility.memorise_by is not None and not self.is_table:
            raise ValueError("budget.futility.memorise_by would have no effect: online there is no training set to memorise; remove it")
        return self

    def _step_fits(self) -> None:
        task, number = self.task, 4 if self.dtype == "float32" else 8
        answers = sum(task.rows) if task.outputs == "every" else task.rows[-1]
        need = number * 3 * (task.order * answers + self.model.width * sum(task.rows))
        if need > MAX_STEP_BYTES:
            contract = f"a step must fit in {MAX_STEP_BYTES / 2**30:g} GiB, but its {task.batch:,} tuples take about {need / 2**30:.1f} GiB"
            online = ", or sampling: {kind: online}" if self.is_table else ""
            raise ValueError(f"task.sampling: {contract}; write a smaller sampling.batch_size, or a smaller width{online}")

    @property
    def is_table(self) -> bool:
        """Whether there is a training set."""
        return isinstance(self.task.sampling, Table)

    @property
    def goal(self) -> Goal:
        return Goal("reduction", self.budget.stop.at_least if self.budget.stop else REDUCTION)

    @property
    def fit(self) -> Goal | None:
        return Goal("train_reduction", REDUCTION) if self.is_table else None

    def snapshot_bytes(self) -> int:
        return snapshot.size(self)

    def trajectory(self) -> dict[str, Any]:
        return {name: value for name, value in trimmed(self).items() if name not in ("measure", "budget")}

    def flops_per_step(self) -> float:
        return 3 * self.model.flops(self.task, min(self.task.batch, self.task.n_tuples))

    def columns(self) -> tuple[str, ...]:
        return ("step", "seconds", *self.metric_columns())

    def warnings(self) -> list[str]:
        found = (
            self.optim.warning(self.model, self.task),
            self.unevaluated(),
            self._narrow(),
            "all tuples are trained on: test columns repeat those of training, and say nothing of generalisation" if self.task.trains_on_all else None,
            self._undrawable(),
        )
        return [text for text in found if text]

    def _undrawable(self) -> str | None:
        """Why no run could begin on this machine; another one may have what is missing."""
        try:
            self.task.encoding()
        except Refused as error:
            return f"on this machine {error}"
        except ValueError as error:  # what is drawn may be constant, by chance of the seed
            return f"no run can begin: {error}"
        return None

    def _narrow(self) -> str | None:
        each = 8 if self.model.recurrent else FEW_UNITS.get(self.task.k, FEW_UNITS[3])
        n_modes = self.model.width // each
        return None if n_modes else f"{self.model.width} hidden units may be too few for a single mode: {each} were enough with k = {self.task.k}"

    def start(self, device: str = "cpu") -> Run:
        from lal.runs.composition_loop import CompositionRun

        return CompositionRun(self, device)
