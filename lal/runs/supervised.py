"""Supervised training on a task whose inputs can all be listed."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from lal import models, optim, penalties, snapshots, tasks
from lal.errors import nearest
from lal.events import Goal
from lal.metrics import METRICS
from lal.models.gated import Gated
from lal.models.mlp import Mlp
from lal.models.model import ROLES
from lal.models.routed import Routed
from lal.models.transformer import Transformer
from lal.optim import AdamW, OptimPart
from lal.part import Part, trimmed, union
from lal.penalties.penalty import PenaltyPart
from lal.runs.run import Run, RunPart
from lal.tasks.modular import Modular

if TYPE_CHECKING:  # what a checker may know; at run time the unions hold what installed packages offer, too
    AnyTask = Modular
    AnyModel = Mlp | Gated | Routed | Transformer
    AnyOptim = OptimPart
    AnyRouting = PenaltyPart
    AnyCompute = PenaltyPart
    AnySpectral = PenaltyPart
else:
    AnyTask, AnyModel, AnyOptim = union(tasks.MEMBERS), union(models.MEMBERS), union(optim.MEMBERS)
    AnyRouting, AnyCompute, AnySpectral = union(penalties.ROUTING), union(penalties.COMPUTE), union(penalties.SPECTRAL)


GROUPS = frozenset({"default", "all"})
KEPT = {"snapshot_every": "snapshots", "save_every": "checkpoints"}


class Penalties(Part):
    """What is charged besides the task loss; null = nothing."""

    routing: Annotated[AnyRouting | None, Field(description="charge for how routers share out inputs")] = None
    compute: Annotated[AnyCompute | None, Field(description="charge for open gates")] = None
    spectral: Annotated[AnySpectral | None, Field(description="charge for rough functions")] = None

    def charged(self) -> dict[str, PenaltyPart]:
        """The penalties with a weight, by slot."""
        slots = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: penalty for name, penalty in slots.items() if penalty is not None and penalty.weight > 0}


class Measure(Part):
    """What is looked at on the way. Never changes a run; more than a record holds means training it again."""

    eval_every: Annotated[int, Field(ge=1, le=10**9, description="steps between evaluations; the first is at step 0, the last at the end")] = 100
    metrics: Annotated[tuple[str, ...], Field(description="names; `default` and `all` stand for those sets, as far as they apply")] = ("default",)
    every: Annotated[dict[str, int], Field(description="steps between measurements of a slow metric, a multiple of eval_every; always on the last row")] = {}
    snapshot_every: Annotated[
        int | None, Field(ge=1, le=10**9, description="steps between snapshots of arrays (routing, gates, spectra); null = at the end alone")
    ] = None
    save_every: Annotated[int | None, Field(ge=1, le=10**9, description="steps between checkpoints that are kept for `lal measure`; null = the last alone")] = (
        None
    )

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in METRICS and name not in GROUPS:
                raise ValueError(f"metrics must name known metrics, but got {name!r}; {nearest(name, (*GROUPS, *METRICS))}")
        return tuple(sorted(set(names)))

    @model_validator(mode="after")
    def _cadences(self) -> Measure:
        for name, steps in self.every.items():
            if name not in METRICS:
                raise ValueError(f"every must name known metrics, but got {name!r}; {nearest(name, tuple(METRICS))}")
            if steps < 1 or steps % self.eval_every:
                raise ValueError(f"every.{name} must be a positive multiple of eval_every={self.eval_every}, but got {steps}")
        for field in ("snapshot_every", "save_every"):
            steps = getattr(self, field)
            if steps is not None and steps % self.eval_every:
                raise ValueError(f"{field} must be a multiple of eval_every={self.eval_every}, but got {steps}")
        return self

    def names(self) -> set[str]:
        """The metrics that are asked for, whether they apply or not."""
        asked = {name for name, metric in METRICS.items() if "all" in self.metrics or ("default" in self.metrics and metric.default)}
        return asked | ({*self.metrics} - GROUPS)

    def cadence(self, name: str) -> int:
        """Steps between two measurements of metric `name`."""
        return self.every.get(name, self.eval_every * METRICS[name].period)


class Supervised(RunPart):
    """Task loss plus weighted penalties, minimised over the training rows of a task; measured on all of its rows."""

    kind: Literal["supervised"] = "supervised"
    task: AnyTask = Modular()
    model: AnyModel = Mlp()
    loss: Annotated[Literal["cross_entropy", "mse"], Field(description="task loss; mse is against the one-hot answer, averaged over classes")] = "cross_entropy"
    penalties: Penalties = Penalties()
    optim: AnyOptim = AdamW()
    dtype: Annotated[Literal["float32", "float64"], Field(description="precision of parameters and arithmetic")] = "float32"
    measure: Measure = Measure()

    @model_validator(mode="after")
    def _everything_acts(self) -> Supervised:
        misfit = self.model.misfit(self.task)
        if misfit:
            raise ValueError(f"model: {misfit}")
        self._penalties_fit()
        self._roles_exist()
        self._metrics_apply()
        batch = self.optim.batch_size
        if batch is not None and batch >= self.task.n_train:
            raise ValueError(f"optim.batch_size must be below the {self.task.n_train} training rows, but got {batch}; write null for the full batch")
        if self.model.grows and self.optim.roles.gate.lr_scale == 0:
            raise ValueError("optim.roles.gate.lr_scale must be above 0 where depth grows, but got 0: the factor of an added layer would stay at its start, 0")
        if self.budget.futility.max_tau is not None and self.optim.decay_rate == 0:
            raise ValueError("budget.futility.max_tau would have no effect: weights do not decay, so their decay time stays 0; remove it")
        if self.budget.stop and not 0 < self.budget.stop.at_least <= 1:
            raise ValueError(f"budget.stop.at_least is a test accuracy and must be in (0, 1], but got {self.budget.stop.at_least:g}")
        return self

    def _penalties_fit(self) -> None:
        for slot, penalty in self.penalties.charged().items():
            misfit = penalty.misfit(self.model, self.task)
            if misfit:
                raise ValueError(f"penalties.{slot}: {misfit}")

    def _roles_exist(self) -> None:
        default = type(self.optim.roles)()
        for role in ROLES:
            if role not in self.model.roles and self.optim.roles.of(role) != default.of(role):
                has = ", ".join(each for each in ROLES if each in self.model.roles)
                raise ValueError(f"optim.roles.{role} would have no effect: model {self.model.label} has only the roles {has}; remove it")

    def _metrics_apply(self) -> None:
        for name in {*self.measure.metrics, *self.measure.every} - GROUPS:
            if not METRICS[name].applies(self):
                raise ValueError(f"measure: metric {name} does not apply to model {self.model.label} on task {self.task.label}; remove it")
        measured, unread = self.metrics(), sorted({*self.measure.every} - {*self.metrics()})
        if unread:
            raise ValueError(f"measure.every.{unread[0]} would have no effect: measure.metrics leaves {unread[0]} out; remove it")
        if "accuracy" not in measured or self.measure.cadence("accuracy") != self.measure.eval_every:
            remedy = "add accuracy to measure.metrics and remove measure.every.accuracy"
            raise ValueError(f"measure must read accuracy at every evaluation, since a run ends by it; {remedy}")

    @property
    def label(self) -> str:
        return f"{self.model.label}-{self.task.label}-s{self.seed}"

    @property
    def goal(self) -> Goal:
        return Goal("test_acc", self.budget.stop.at_least if self.budget.stop else 0.99)

    @property
    def fit(self) -> Goal:
        return Goal("train_acc", 0.99)

    @property
    def eval_every(self) -> int:
        return self.measure.eval_every

    @property
    def snapshot_every(self) -> int | None:
        return self.measure.snapshot_every

    @property
    def save_every(self) -> int | None:
        return self.measure.save_every

    def snapshot_bytes(self) -> int:
        return snapshots.size(self)

    def measurable(self) -> tuple[str, ...]:
        return tuple(name for name, metric in METRICS.items() if metric.applies(self))

    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that are measured, in a fixed order."""
        asked = self.measure.names()
        return tuple(name for name in self.measurable() if name in asked)

    def trajectory(self) -> dict[str, Any]:
        kept = trimmed(self)
        for name in ("measure", "budget", "penalties"):
            kept.pop(name, None)
        charged = {slot: trimmed(penalty) for slot, penalty in self.penalties.charged().items()}
        return kept | ({"penalties": charged} if charged else {})

    def whole_measure(self) -> dict[str, Any]:
        return self.measure.model_copy(update={"metrics": self.metrics()}).model_dump(mode="json")

    def lacks(self, stored: Mapping[str, Any]) -> str | None:
        other = measure_of(stored)
        if other is None:
            return "metrics under names that are known today"
        if self.measure.eval_every % other.eval_every:
            return f"rows every {self.measure.eval_every} steps (stored: {other.eval_every})"
        missing = self.unmeasured(stored)
        if missing:
            return f"metrics {', '.join(missing)}"
        kept = [field for field in KEPT if not serves(getattr(other, field), getattr(self.measure, field))]
        return " and ".join(f"{KEPT[field]} every {getattr(self.measure, field)} steps" for field in kept) or None

    def unmeasured(self, stored: Mapping[str, Any]) -> tuple[str, ...]:
        other = measure_of(stored)
        held = self.model_copy(update={"measure": other}).metrics() if other else ()
        return tuple(name for name in self.metrics() if other is None or name not in held or self.measure.cadence(name) % other.cadence(name))

    def both(self, stored: Mapping[str, Any]) -> Supervised:
        mine, other = self.measure, measure_of(stored)
        if other is None:
            return self
        metrics = tuple({*mine.metrics, *other.metrics})
        cadences = {name: gcd(mine.cadence(name), other.cadence(name)) for name in {*mine.every, *other.every}}
        kept = {field: gcd(getattr(mine, field) or 0, getattr(other, field) or 0) or None for field in KEPT}
        measure = Measure(eval_every=gcd(mine.eval_every, other.eval_every), metrics=metrics, every=cadences, **kept)
        return self.model_copy(update={"measure": measure})

    def flops_per_step(self) -> float:
        return 3 * self.model.flops(self.task, self.optim.batch_size or self.task.n_train)

    def n_parameters(self) -> int:
        return self.model.n_parameters(self.task)

    def columns(self) -> tuple[str, ...]:
        return ("step", "seconds", "lr", "tau", *(column for name in self.metrics() for column in METRICS[name].columns(self)))

    def warnings(self) -> list[str]:
        return [text for text in (*self._data_warnings(), *self._optimizer_warnings()) if text]

    def _data_warnings(self) -> list[str | None]:
        scale = self.task.data_scale
        need = self.task.n_train / scale if scale else float("inf")
        n_test = self.task.n_rows - self.task.n_train
        return [
            f"{self.task.n_train} training rows of {self.task.label} are {need:.1f} p ln p; under 4 seldom generalises" if need < 4 else None,
            f"the test set of {n_test} rows is small: one row is {1 / n_test:.1%}" if n_test < 200 else None,
            f"nothing is evaluated between the first and the last of {self.budget.steps:,} steps: measure.eval_every is {self.eval_every:,}"
            if self.eval_every > self.budget.steps
            else None,
        ]

    def _optimizer_warnings(self) -> list[str | None]:
        roles, decay = self.optim.roles, self.optim.weight_decay
        tau = self.optim.tau(self.budget.steps)
        own = {"gate": roles.gate.weight_decay, "router": roles.router.weight_decay}
        decayed = [role for role, value in own.items() if role in self.model.roles and value]
        return [
            "adam adds weight decay to the loss (L2); grokking studies mean adamw, which decouples it" if self.optim.kind == "adam" and decay else None,
            f"{' and '.join(decayed)} parameters decay: a pressure of its own besides the penalty" if decayed else None,
            "weight decay 0 with softmax: logits grow without bound and float32 may collapse"
            if self.optim.decay_rate == 0 and self.loss == "cross_entropy"
            else None,
            f"decay time lr x wd x steps is {tau:.2g} at most; networks generalise at 1 to 11, mostly near 3" if 0 < tau < 3 else None,
        ]

    def start(self, device: str = "cpu") -> Run:
        from lal.runs.supervised_loop import SupervisedRun

        return SupervisedRun(self, device)


def measure_of(stored: Mapping[str, Any]) -> Measure | None:
    """What a record was measured under; None where that names metrics which are no longer known."""
    try:
        return Measure.model_validate(stored)
    except ValidationError:
        return None


def serves(stored: int | None, asked: int | None) -> bool:
    """Whether what was kept every `stored` steps holds what is asked for every `asked`; None is the end alone, which is always kept."""
    return asked is None or (stored is not None and asked % stored == 0)
