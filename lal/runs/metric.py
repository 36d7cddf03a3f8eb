"""What every metric of every kind of run offers. Torch-free."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

RunT = TypeVar("RunT")
ProbeT = TypeVar("ProbeT")


class MetricOf(ABC, Generic[RunT, ProbeT]):
    """One or more columns of a row, read off a run of one kind (configured by RunT, reached through a ProbeT) at one step.

    Measuring leaves no trace: mode, gradients and random streams are as before.

    Attributes:
        name: what `measure.metrics` calls it.
        period: evaluations between two measurements, unless `measure.every` says otherwise.
        cost: training steps that a measurement takes besides the pass over all rows, as far as plans care (`make bench` measures).
        default: whether it is of the set that is measured unless `measure.metrics` says otherwise.
    """

    name: ClassVar[str]
    period: ClassVar[int] = 1
    default: ClassVar[bool] = True
    cost: ClassVar[float] = 0.0

    def applies(self, run: RunT) -> bool:
        """Whether `run` has what this metric looks at."""
        return bool(self.columns(run))

    @abstractmethod
    def columns(self, run: RunT) -> tuple[str, ...]:
        """The columns it fills, but for those named after single tensors (`<column>/<tensor>`); none where `run` has not what it looks at."""

    @abstractmethod
    def values(self, probe: ProbeT) -> dict[str, Any]:
        """A number, or a list of numbers, for each column."""


AnyMetric = MetricOf[Any, Any]
