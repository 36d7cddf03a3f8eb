"""When a run is over, and why: a pure function of its rows, so that a resumed run, the plan and the analysis all agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from lal.budget import Budget
from lal.events import Goal

Row = Mapping[str, Any]
LOSS = "train_loss"  # the column by which divergence is seen, in kinds of run that have it
BLOWN_UP = 1e6  # times its first value; of runs that passed it none was seen to halve its first loss after all (docs/findings.md, Group composition)


@dataclass(frozen=True)
class End:
    """Why a run is over at `step`: outcome `target_reached`, `budget` or `diverged`, and the reason in words."""

    outcome: str
    reason: str
    step: int


class Stopper:
    """Sees the rows of one run in order and says when it is over.

    Success: the goal held at every evaluation for `sustain` steps, then a tail of max(min_steps, factor x first step of
    that stretch), in which falling back below the goal no longer matters (it is what the tail is there to show).

    Divergence: the loss is no number, or infinite, or more than `BLOWN_UP` times what it was first.

    Only rows at multiples of `every` steps count, and the budget's last: whoever else had the run measured more finely,
    or let it end in between, it ends where it would have ended had nobody else asked.
    """

    def __init__(self, budget: Budget, goal: Goal, fit: Goal | None, every: int = 1):
        self.budget, self.goal, self.fit, self.every = budget, goal, fit, every
        self.end: End | None = None
        self._held_since: int | None = None
        self._ends_at: int | None = None
        self._memorised = False
        self._first_loss: float | None = None

    def see(self, row: Row) -> End | None:
        """The end, if `row` is the run's last; else None. Rows without the goal column (pulses) never end a run."""
        if self.end is None and self._counts(row):
            step = int(row["step"])
            self._watch(step, row)
            self.end = self._diverged(step, row) or self._success(step) or self._futile(step, row) or self._out_of_budget(step)
        return self.end

    def _counts(self, row: Row) -> bool:
        step = int(row["step"])
        return self.goal.column in row and (step % self.every == 0 or step == self.budget.steps)

    def _watch(self, step: int, row: Row) -> None:
        self._memorised = self._memorised or self.fit is None or self.fit.met(row.get(self.fit.column))
        if self._ends_at is not None or self.budget.stop is None:
            return
        if not self.goal.met(row[self.goal.column]):
            self._held_since = None
            return
        self._held_since = step if self._held_since is None else self._held_since
        if step - self._held_since >= self.budget.stop.sustain:
            tail = self.budget.stop.tail
            self._ends_at = step + max(tail.min_steps, round(tail.factor * self._held_since))

    def _diverged(self, step: int, row: Row) -> End | None:
        value = row.get(LOSS)
        if value is None:
            return None
        if not isfinite(value):
            return End("diverged", f"{LOSS} is {value} at step {step}", step)
        first = self._first_loss = value if self._first_loss is None else self._first_loss
        if not 0 < BLOWN_UP * first < value:
            return None
        return End("diverged", f"{LOSS} is {value:.3g} at step {step}, more than {BLOWN_UP:g} times its first, {first:.3g}", step)

    def _success(self, step: int) -> End | None:
        if self._ends_at is None or step < self._ends_at:
            return None
        return End("target_reached", f"{self.goal.column} reached {self.goal.at_least:g} and its tail ended at step {step}", step)

    def _futile(self, step: int, row: Row) -> End | None:
        futility = self.budget.futility
        if futility.memorise_by is not None and not self._memorised and step >= futility.memorise_by:
            return End("budget", f"not memorised by step {futility.memorise_by}", step)
        if futility.max_tau is not None and row.get("tau", 0.0) >= futility.max_tau:
            return End("budget", f"decay time {row['tau']:.3g} reached its cap {futility.max_tau:g}", step)
        return None

    def _out_of_budget(self, step: int) -> End | None:
        return End("budget", f"budget of {self.budget.steps:,} steps used", step) if step >= self.budget.steps else None


def end_of(rows: Iterable[Row], stopper: Stopper) -> End | None:
    """The end that `stopper` would have called while these rows were written, or None if it would have gone on."""
    return next((end for end in map(stopper.see, rows) if end), None)
