"""Supervised training on a task whose inputs can all be listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from lal import models, optim, penalties, snapshots, tasks
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
from lal.runs.measure import Measure
from lal.runs.modelled import ModelledRun
from lal.runs.run import Run
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


class Penalties(Part):
    """What is charged besides the task loss; null = nothing."""

    routing: Annotated[AnyRouting | None, Field(description="charge for how routers share out inputs")] = None
    compute: Annotated[AnyCompute | None, Field(description="charge for open gates")] = None
    spectral: Annotated[AnySpectral | None, Field(description="charge for rough functions")] = None

    def charged(self) -> dict[str, PenaltyPart]:
        """The penalties with a weight, by slot."""
        slots = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: penalty for name, penalty in slots.items() if penalty is not None and penalty.weight > 0}


class SupervisedMeasure(Measure):
    """Of supervised runs."""

    known: ClassVar = METRICS


class Supervised(ModelledRun):
    """Task loss plus weighted penalties, minimised over the training rows of a task; measured on all of its rows."""

    kind: Literal["supervised"] = "supervised"
    task: AnyTask = Modular()
    model: AnyModel = Mlp()
    loss: Annotated[Literal["cross_entropy", "mse"], Field(description="task loss; mse is against the one-hot answer, averaged over classes")] = "cross_entropy"
    penalties: Penalties = Penalties()
    optim: AnyOptim = AdamW()
    dtype: Annotated[Literal["float32", "float64"], Field(description="precision of parameters and arithmetic")] = "float32"
    measure: SupervisedMeasure = SupervisedMeasure()

    @model_validator(mode="after")
    def _everything_acts(self) -> Supervised:
        misfit = self.model.misfit(self.task)
        if misfit:
            raise ValueError(f"model: {misfit}")
        self._penalties_fit()
        self._roles_exist()
        self.refuse_idle_metrics("accuracy")
        batch = self.optim.batch_size
        if batch is not None and batch >= self.task.n_train:
            raise ValueError(f"optim.batch_size must be below the {self.task.n_train} training rows, but got {batch}; write null for the full batch")
        if self.model.grows:
            self._growth_works()
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

    def _growth_works(self) -> None:
        """A layer that is added must be able to learn, and losses that are compared must be of the same rows and charges."""
        if self.optim.roles.gate.lr_scale == 0:
            raise ValueError("optim.roles.gate.lr_scale must be above 0 where depth grows, but got 0: the factor of an added layer would stay at its start, 0")
        judged = "where depth grows, which is judged by the lowest loss of many steps"
        if self.optim.batch_size is not None:
            raise ValueError(f"optim.batch_size must be null {judged}, but got {self.optim.batch_size}: the luckiest batch would decide; remove it")
        for slot, penalty in self.penalties.charged().items():
            if any(penalty.share(step) != 1 for step in (0, 1)):
                raise ValueError(f"penalties.{slot} must be charged at every step {judged}: the steps without it would decide; remove penalties.{slot}.every")

    def _roles_exist(self) -> None:
        default = type(self.optim.roles)()
        for role in ROLES:
            if role not in self.model.roles and self.optim.roles.of(role) != default.of(role):
                has = ", ".join(each for each in ROLES if each in self.model.roles)
                raise ValueError(f"optim.roles.{role} would have no effect: model {self.model.label} has only the roles {has}; remove it")

    @property
    def goal(self) -> Goal:
        return Goal("test_acc", self.budget.stop.at_least if self.budget.stop else 0.99)

    @property
    def fit(self) -> Goal:
        return Goal("train_acc", 0.99)

    def snapshot_bytes(self) -> int:
        return snapshots.size(self)

    def trajectory(self) -> dict[str, Any]:
        kept = trimmed(self)
        for name in ("measure", "budget", "penalties"):
            kept.pop(name, None)
        charged = {slot: trimmed(penalty) for slot, penalty in self.penalties.charged().items()}
        return kept | ({"penalties": charged} if charged else {})

    def flops_per_step(self) -> float:
        return 3 * self.model.flops(self.task, self.optim.batch_size or self.task.n_train)

    def columns(self) -> tuple[str, ...]:
        return ("step", "seconds", "lr", "tau", *self.metric_columns())

    def warnings(self) -> list[str]:
        return [text for text in (*self._data_warnings(), *self._optimizer_warnings()) if text]

    def _data_warnings(self) -> list[str | None]:
        scale = self.task.data_scale
        need = self.task.n_train / scale if scale else float("inf")
        n_test = self.task.n_rows - self.task.n_train
        return [
            f"{self.task.n_train} training rows of {self.task.label} are {need:.1f} p ln p; under 4 seldom generalises" if need < 4 else None,
            f"the test set of {n_test} rows is small: one row is {1 / n_test:.1%}" if n_test < 200 else None,
            self.unevaluated(),
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
