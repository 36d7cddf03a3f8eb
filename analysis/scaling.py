"""How the time to generalise scales with the settings that a sweep varies: exponents with intervals, beside those of a literature survey."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isnan, log, nan

import numpy as np
import pandas as pd

from analysis.collect import Tables
from analysis.figures.dimensions import plain, tells
from analysis.figures.theme import axis_word
from analysis.frame import Frame
from analysis.once import once
from analysis.pooled import poolable, pruned_cells
from analysis.statistics import Fit, Interval, best_fit, fit, likelihood_ratio_p

# From the literature survey that this project began with, of other networks that generalise late on modular tasks; not derived again here. For
# comparison alone, and with test accuracies alone.
SURVEYED_GOAL = "test_acc"
# Theories of decaying norms say -1 of learning rate and weight decay (arXiv 2603.13331).
PUBLISHED = {"optim.lr": -0.50, "optim.weight_decay": -0.64, "task.train_frac": -2.04, "model.width": -0.27}
NO_SETTING = ("budget.", "measure.")


@dataclass(frozen=True)
class Exponent:
    """T goes as `path` to the `value`, all else alike. `label` is escaped; `surveyed` is NaN where nothing is."""

    path: str
    label: str
    value: Interval
    surveyed: float


@dataclass(frozen=True)
class Scaling:
    """A power law of times.

    Attributes:
        law: of a run's time about it, the one with the least AIC.   scale: the spread of log T, s of `analysis.statistics.Fit`.
        n, n_grokked, n_diverged: runs that it is of.   n_groups: arms and values of other axes that each have a level of their own.
        left_out: cells that pruning hid.   bend_p: of the test that the law is straight in logs; NaN where no setting has three values.
        medians: by cell number, the fitted median time.
    """

    law: str
    scale: float
    exponents: tuple[Exponent, ...]
    n: int
    n_grokked: int
    n_diverged: int
    n_groups: int
    left_out: int
    bend_p: float
    medians: dict[int, float]


@once
def scaling(tables: Tables) -> Scaling | str | None:
    """The fit over all numeric axes that are positive throughout; why there is none in words; None where no such axis varies.

    Every arm and every value of another axis has a level of its own. A run that diverged is censored at its last evaluation before: what is
    fitted is when runs generalise that are still training (the cause-specific time), and how many break is told beside it. Times are
    known to lie between two evaluations. Cells with pruned runs are left out, as are groups in which none generalised, which bear on no exponent.
    """
    runs = poolable(tables)
    paths = log_axes(tables, runs)
    if not paths:
        return None
    others = [column for column in ("arm", "name", *tables.axes) if column not in paths]
    group = runs[others].map(plain).apply(lambda row: repr(tuple(row)), axis=1)
    alive = group.isin(set(group[runs["event"]]))
    runs, group = runs[alive], group[alive]
    if runs.empty:
        return "no run generalised"
    levels = pd.get_dummies(group).to_numpy(float)
    logs = np.log(runs[paths].astype(float).to_numpy())
    centred = logs - logs.mean(axis=0)
    lower, upper = bounds(runs)
    design = np.column_stack([levels, centred])
    found = best_fit(design, lower, upper)
    if isinstance(found, str):
        return found
    n_levels = levels.shape[1]
    published = PUBLISHED if tables.goal.column == SURVEYED_GOAL else {}
    exponents = tuple(
        Exponent(path, axis_word(path), value, published.get(path, nan)) for path, value in zip(paths, found.coefficients[n_levels:], strict=True)
    )
    n_diverged = int(((runs["outcome"] == "diverged") & ~runs["event"]).sum())
    bend = _bend_p(found, design, centred, lower, upper)
    return Scaling(
        found.law, found.scale, exponents, found.n, found.n_events, n_diverged, n_levels, len(pruned_cells(tables)), bend, _medians(found, design, runs)
    )


def log_axes(tables: Tables, runs: Frame) -> list[str]:
    """Axes with several values, all of them numbers over 0, that no earlier one of them tells, alone or with the arm."""
    kept: list[str] = []
    for path in tables.axes:
        values = {plain(value) for value in runs[path]}
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) and value > 0 for value in values)
        if numbers and len(values) > 1 and not path.startswith(NO_SETTING) and not any(tells(tables.cells, {one, "arm"}, path) for one in kept):
            kept.append(path)
    return kept


def bounds(runs: Frame) -> tuple[list[float], list[float]]:
    """Between which steps each run's time lies; infinite above where it had not generalised."""
    columns = (runs[name] for name in ("event", "t_grok_after", "t_grok", "horizon"))
    rows = list(zip(*columns, strict=True))
    lower = [(0.0 if isnan(after) else float(after)) if event else float(last) for event, after, _, last in rows]
    return lower, [max(float(by), 1.0) if event else inf for event, _, by, _ in rows]


def _bend_p(found: Fit, design: np.ndarray, centred: np.ndarray, lower: list[float], upper: list[float]) -> float:
    """P value against a law that bends: squares of those logs that have three values or more."""
    bent = [column for column in centred.T if len(np.unique(column.round(9))) > 2]
    larger = fit(np.column_stack([design, *(column**2 for column in bent)]), lower, upper, found.law) if bent else "no setting has three values"
    return nan if isinstance(larger, str) else likelihood_ratio_p(found, larger)


def _medians(found: Fit, design: np.ndarray, runs: Frame) -> dict[int, float]:
    """The fitted median of each cell: of a Weibull law the error's is log log 2, of the others 0."""
    middle = found.scale * log(log(2)) if found.law == "weibull" else 0.0
    centre = design @ np.array([each.value for each in found.coefficients])
    return {int(cell): exp(value + middle) for cell, value in zip(runs["cell"], centre, strict=True)}


def table(found: Scaling) -> Frame:
    """One row an exponent; text is escaped."""
    rows = [
        {"setting": each.label, "exponent": each.value.value, "low": each.value.low, "high": each.value.high, "surveyed": each.surveyed}
        for each in found.exponents
    ]
    return pd.DataFrame(rows)
