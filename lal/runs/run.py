"""What every kind of run offers: its configuration (`RunPart`, torch-free) and its loop (`Run`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from lal.budget import Budget
from lal.events import Goal
from lal.part import Part

if TYPE_CHECKING:
    import numpy as np

    from lal.stopping import Stopper

Row = dict[str, Any]


def is_pulse(row: Mapping[str, Any]) -> bool:
    """Whether a row holds no measurement."""
    return row.keys() <= {"step", "seconds"}


class RunPart(Part):
    """A run's whole configuration. Fields besides `measure` and `budget` are its trajectory: they make its identity."""

    kind: str
    seed: Annotated[int, Field(ge=0, lt=2**63, description="of initialisation and batches, through separate streams")] = 0
    budget: Budget = Budget()

    @property
    @abstractmethod
    def label(self) -> str:
        """The readable part of the run id."""

    @property
    @abstractmethod
    def goal(self) -> Goal:
        """What success means."""

    @property
    @abstractmethod
    def fit(self) -> Goal | None:
        """What it means to have learned the training data, where there are any."""

    @property
    @abstractmethod
    def eval_every(self) -> int:
        """Steps between rows."""

    @property
    @abstractmethod
    def snapshot_every(self) -> int | None:
        """Steps between snapshots of arrays, a multiple of `eval_every`; None = the last row alone, which always has one."""

    @property
    @abstractmethod
    def save_every(self) -> int | None:
        """Steps between checkpoints that are kept, a multiple of `eval_every`; None = the last alone, which always is."""

    @abstractmethod
    def snapshot_bytes(self) -> int:
        """Bytes of one snapshot on disk, about."""

    @abstractmethod
    def measurable(self) -> tuple[str, ...]:
        """Names of the metrics that can be read off its saved states, whether they are asked for or not."""

    @abstractmethod
    def columns_of(self, metric: str) -> tuple[str, ...]:
        """The columns that `metric`, one of those, fills; but for those named after single tensors."""

    @abstractmethod
    def trajectory(self) -> dict[str, Any]:
        """All that the run computes, as plain data; only what differs from the defaults."""

    def whole_trajectory(self) -> dict[str, Any]:
        """The same with all values, defaults included: what records keep, so that a default that changes is noticed."""
        return self.model_dump(mode="json", exclude={"measure", "budget"})

    @abstractmethod
    def whole_measure(self) -> dict[str, Any]:
        """What is looked at, as plain data with all values, defaults spelled out: what records keep."""

    @abstractmethod
    def lacks(self, stored: Mapping[str, Any]) -> str | None:
        """What a record measured under `stored` does not hold of what this run asks, or None."""

    @abstractmethod
    def unmeasured(self, stored: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the metrics that a record measured under `stored` does not hold as often, or with all the columns, as this run asks."""

    @abstractmethod
    def both(self, stored: Mapping[str, Any]) -> RunPart:
        """This run, measured so that it serves `stored`'s askers too."""

    @abstractmethod
    def flops_per_step(self) -> float:
        """Floating-point operations of one step, forward and backward, for estimates of time."""

    @abstractmethod
    def passes_per_step(self) -> float:
        """Forward-and-backward passes of one step, for the same: each takes time however small it is."""

    @abstractmethod
    def n_parameters(self) -> int:
        """Numbers that are trained."""

    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns of its rows, but for those named after single tensors (`<column>/<tensor>`)."""

    @abstractmethod
    def warnings(self) -> list[str]:
        """What looks wrong with this run, for the plan. Never a refusal."""

    @abstractmethod
    def start(self, device: str = "cpu") -> Run:
        """The run at step 0."""


class Run(ABC):
    """A loop that yields rows. It writes nothing and knows no cluster.

    Between two rows its state can be saved; a run that loads it goes on bit for bit as the first would have on the same device.
    """

    @abstractmethod
    def rows(self, stopper: Stopper) -> Iterator[Row]:
        """Trains, and yields a row at every evaluation, until `stopper` has seen the last one.

        Every row has `step` and `seconds` (spent in this loop, saved time included). A row with nothing else is a
        pulse: no measurement, but a moment at which to save or to stop. At least one a second is yielded.
        """

    @abstractmethod
    def measured(self, names: Sequence[str]) -> dict[str, Row]:
        """The columns of each of the metrics `names`, of those that are `measurable`, in the present state. Changes nothing."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """A snapshot of the present state, by name, for pictures; no objects. Changes nothing."""

    @abstractmethod
    def weights(self) -> dict[str, Any]:
        """A copy of the trained tensors alone, by name: what `best.pt` holds."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on after the last row: tensors, numbers and text only."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes back to where `state` was taken. The next row is the one after it."""
