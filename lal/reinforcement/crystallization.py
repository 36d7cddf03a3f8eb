"""Crystallization C: a number that rises with every improvement of the return. Its rule, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from lal.part import Part


class Crystallization(Part):
    """After episode e >= `window` (0-based), with r_e the mean of the last `window` returns: C <- clip(C + rate i_e, low, high).

    i_e = (r_e - r_{e-1}) / max(|r_{e-1}|, floor), and 0 the first time. While means keep their sign, are of at least `floor`, and change little at a
    time, C is close to start + rate ln(r_last / r_first) where they are positive, and to start - rate ln(r_last / r_first) where they are negative: it says how
    far the mean return has come, in units of `rate`. Below `floor` C is start + rate (r_last - r_first) / floor. A floor keeps returns near 0 from throwing
    C to its bounds; 1e-8 is as good as none.
    """

    start: Annotated[float, Field(gt=0, description="C before the first improvement")] = 0.5
    rate: Annotated[float, Field(gt=0, le=10, description="how much of an improvement is added; all changes of C are in proportion")] = 0.01
    window: Annotated[int, Field(ge=1, le=100_000, description="episodes whose mean return is compared")] = 10
    floor: Annotated[float, Field(gt=0, description="least absolute return that improvements are relative to")] = 1.0
    low: Annotated[float, Field(gt=0)] = 0.1
    high: Annotated[float, Field(gt=0)] = 2.0

    @model_validator(mode="after")
    def _between(self) -> Crystallization:
        if not self.low <= self.start <= self.high:
            raise ValueError(
                f"low <= start <= high must hold, but got low={self.low:g}, start={self.start:g}, high={self.high:g}; "
                "write a start within the bounds, or wider bounds"
            )
        return self


class Crystal:
    """Where C stands. `values`: C after each episode from number `window` on."""

    def __init__(self, rule: Crystallization):
        self.rule, self.values = rule, list[float]()
        self.mean: float | None = None

    @property
    def value(self) -> float:
        """C now."""
        return self.values[-1] if self.values else self.rule.start

    def see(self, returns: Sequence[float]) -> None:
        """Takes the `returns` of all episodes so far, the last one new."""
        rule = self.rule
        if len(returns) <= rule.window:
            return
        mean = sum(returns[-rule.window :]) / rule.window
        better = 0.0 if self.mean is None else (mean - self.mean) / max(abs(self.mean), rule.floor)
        self.values.append(min(max(self.value + rule.rate * better, rule.low), rule.high))
        self.mean = mean
