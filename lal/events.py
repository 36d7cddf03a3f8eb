"""What happened in a run, from its columns and explicit thresholds. Torch-free: stopping, launch and analysis all read it.

A time is bracketed: an event that was first seen at one evaluation lies after the evaluation before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from lal.columns import can_have, range_word
from lal.errors import Refused

STEPS_TO_GOAL = "t_grok"  # as a column of an objective: not measured at any step, but when the run generalised
Phase = Literal["comprehension", "grokking", "memorisation", "confusion", "censored", "diverged", "pruned", "ungrokked", "failed"]


@dataclass(frozen=True)
class Goal:
    """What a run aims at: `column` at or over `at_least` (or, with `direction` min, at or under it)."""

    column: str
    at_least: float
    direction: Literal["max", "min"] = "max"

    def met(self, value: float | None) -> bool:
        """Whether `value` reaches the goal; a missing value or NaN does not."""
        if value is None:
            return False
        return value >= self.at_least if self.direction == "max" else value <= self.at_least

    def possible(self, at_least: float) -> bool:
        """Whether `at_least` can be asked of the column, which must be able to have it; every run has an accuracy of 0."""
        return can_have(self.column, at_least) and not (at_least == 0 and self.column.endswith("_acc"))

    @property
    def range_word(self) -> str:
        """What can be asked of the column, in words."""
        return "in (0, 1]" if self.column.endswith("_acc") else f"a value that it can have, {range_word(self.column)}"

    def better(self, value: float | None, than: float | None) -> bool:
        """Whether `value` is strictly better; NaN never is."""
        if value is None or value != value:
            return False
        return than is None or (value > than if self.direction == "max" else value < than)


@dataclass(frozen=True)
class Thresholds:
    """The verdicts' numbers. Those of the two columns must be what these can have.

    Attributes:
        fit: train accuracy that counts as memorised.
        goal: test accuracy that counts as generalised.
        window: consecutive evaluations for which `goal` must hold.
        gap: steps between the two that separate comprehension from grokking (Liu et al. 2022, arXiv 2205.10343).
        tau: decay time, sum of lr_t * weight_decay, before which a memoriser is only censored: over all published
            set-ups seen, networks that generalise at all do so at 1 to 11.
        fit_column, goal_column: where they are read; another kind of run names its own.
        direction, fit_direction: whether the goal column, and the fit column, are to be at or over their thresholds (max), or at or under them (min).
    """

    fit: float = 0.99
    goal: float = 0.95
    window: int = 5
    gap: int = 1000
    tau: float = 30.0
    fit_column: str = "train_acc"
    goal_column: str = "test_acc"
    direction: Literal["max", "min"] = "max"
    fit_direction: Literal["max", "min"] = "max"

    def __post_init__(self) -> None:
        for column, value in ((self.goal_column, self.goal), (self.fit_column, self.fit)):
            if not can_have(column, value):
                raise Refused(f"a threshold of {column} must be a value that it can have, {range_word(column)}, but got {value}; write such a value, or none")
        for name, value, least in (("window", self.window, 1), ("gap", self.gap, 0), ("tau", self.tau, 0)):
            if not least <= value < inf:
                raise Refused(f"{name} of a verdict must be a finite number of at least {least}, but got {value}; write such a number, or leave it out")
        if not {self.direction, self.fit_direction} <= {"max", "min"}:
            raise Refused(f"the direction of a threshold must be max or min, but got {self.direction!r} and {self.fit_direction!r}; write one of them")

    def reached(self, goal: float) -> bool:
        """Whether a value of the goal column reaches its threshold; NaN does not."""
        return goal >= self.goal if self.direction == "max" else goal <= self.goal

    def fitted(self, fit: float) -> bool:
        """Whether a value of the fit column reaches its threshold; NaN does not."""
        return fit >= self.fit if self.fit_direction == "max" else fit <= self.fit


def thresholds_of(goal: Goal, fit: Goal | None) -> Thresholds:
    """The usual verdicts on runs with this `goal` and `fit`: 0.95 of an accuracy, or a milder target; of any other column the target."""
    at_least = min(Thresholds.goal, goal.at_least) if goal.column == Thresholds.goal_column else goal.at_least
    named = {} if fit is None else {"fit": fit.at_least, "fit_column": fit.column, "fit_direction": fit.direction}
    return Thresholds(goal=at_least, goal_column=goal.column, direction=goal.direction, **named)


@dataclass(frozen=True)
class Time:
    """An event between two evaluations: not yet at `after` (None: at the first evaluation already), seen at `by`."""

    after: int | None
    by: int


def sustained(steps: Sequence[int], met: Sequence[bool], window: int) -> Time | None:
    """The first evaluation from which `met` holds for `window` consecutive evaluations; None where it never does."""
    run = 0
    for index, ok in enumerate(met):
        run = run + 1 if ok else 0
        if run == window:
            first = index - window + 1
            return Time(after=steps[first - 1] if first else None, by=steps[first])
    return None


def memorised(steps: Sequence[int], fit: Sequence[float], thresholds: Thresholds) -> Time | None:
    """T_mem: the first evaluation at which `fit` reaches its threshold."""
    return sustained(steps, [thresholds.fitted(value) for value in fit], 1)


def generalised(steps: Sequence[int], goal: Sequence[float], thresholds: Thresholds) -> Time | None:
    """T_grok: the first evaluation from which `goal` holds for `window` consecutive evaluations."""
    return sustained(steps, [thresholds.reached(value) for value in goal], thresholds.window)


def stability(steps: Sequence[int], goal: Sequence[float], since: int, thresholds: Thresholds) -> float:
    """Share in [0, 1] of the evaluations after step `since` at which `goal` is still held; 1 when there is none."""
    later = [thresholds.reached(value) for step, value in zip(steps, goal, strict=True) if step > since]
    return sum(later) / len(later) if later else 1.0


@dataclass(frozen=True)
class Verdict:
    """What one run's columns mean under given thresholds.

    Attributes:
        t_mem, t_grok: bracketed times, or None.
        stability: share of evaluations after T_grok that keep the goal; None without T_grok.
        ungrokked: generalised, but the last evaluation is below the goal.
        phase: one word; see `phase_of`.
        horizon: the last step that was looked at: the censoring time of a run that did not generalise.
    """

    t_mem: Time | None
    t_grok: Time | None
    stability: float | None
    ungrokked: bool
    phase: Phase
    horizon: int


def verdict(steps: Sequence[int], fit: Sequence[float], goal: Sequence[float], outcome: str, thresholds: Thresholds, tau: float | None = None) -> Verdict:
    """The verdict on a run that ended with `outcome` at decay time `tau`; the columns are of equal length, in ascending steps."""
    t_mem, t_grok = memorised(steps, fit, thresholds), generalised(steps, goal, thresholds)
    held = stability(steps, goal, t_grok.by, thresholds) if t_grok else None
    ungrokked = t_grok is not None and not thresholds.reached(goal[-1])
    phase = "ungrokked" if ungrokked else phase_of(t_mem, t_grok, outcome, thresholds, tau)
    return Verdict(t_mem, t_grok, held, ungrokked, phase, steps[-1] if steps else 0)


def phase_of(t_mem: Time | None, t_grok: Time | None, outcome: str, thresholds: Thresholds, tau: float | None) -> Phase:
    """Liu et al.'s four phases, and what a run can be besides.

    comprehension  generalised at most `gap` steps after memorising, or before;
    grokking       generalised later than that;
    memorisation   the training set only, up to a decay time at which more budget is unlikely to help;
    confusion      neither, up to such a decay time;
    censored       either of these two up to an earlier one, or where nothing decays: the budget was too small to say;
    diverged, pruned  as the run ended, where it had not generalised.
    Besides, `verdict` says ungrokked of a run that generalised and fell back, and tables say failed of one without a record.
    """
    if t_grok is not None:
        return "comprehension" if t_mem is None or t_grok.by - t_mem.by <= thresholds.gap else "grokking"
    if outcome in ("diverged", "pruned"):
        return outcome  # type: ignore[return-value]
    if tau is None or tau < thresholds.tau:
        return "censored"
    return "confusion" if t_mem is None else "memorisation"
