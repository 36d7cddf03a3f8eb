"""What the figures of one run are made of: panels of lines, bars or a heatmap. What they show is told here, how they look in `drawing`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.figures.theme import word
from analysis.frame import Frame
from analysis.goal_words import goal_words
from analysis.one_run import OneRun

Array = NDArray[np.float64]
NORMAL = 1.96  # standard errors that a 95 % interval has either side, of a mean of many


@dataclass(frozen=True)
class Curve:
    """One line. `spread`: half the height of its band, or None. `order`: of its colour. `seed`: of its run, where several runs share a label."""

    label: str
    steps: Array
    values: Array
    order: int = 0
    dash: str = "solid"
    spread: Array | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Lines:
    """Curves over steps. `log`: values on a log scale, where all are positive. `graded`: colours are in order, as of layers. `told`: the title has a legend,
    of those curves that have a label. `levels`: values that theory expects, drawn across. `x_label`: what they are over, where that is not steps."""

    title: str
    curves: tuple[Curve, ...]
    log: bool = False
    graded: bool = False
    low: float | None = None
    high: float | None = None
    height: int = 210
    told: bool = True
    levels: tuple[float, ...] = ()
    x_label: str = ""

    @property
    def is_log(self) -> bool:
        """Whether values are drawn on a log scale."""
        return self.log and all((each.values[np.isfinite(each.values)] > 0).all() for each in self.curves)


@dataclass(frozen=True)
class Bars:
    """`values` (K,) over `x` (K,); `chosen`: the x that are drawn in another colour; `high`: the end of their axis, where several have the same."""

    title: str
    x: Array
    values: Array
    x_label: str
    y_label: str
    chosen: frozenset[float] = frozenset()
    height: int = 210
    high: float | None = None


@dataclass(frozen=True)
class Box:
    """A frame around x from `left` to `right` and y from `low` to `high`. `order`: of its colour, of `of`; -1: grey."""

    left: float
    right: float
    low: float
    high: float
    order: int
    of: int


@dataclass(frozen=True)
class Heat:
    """`values` (R, C) over `x` (C,) and `y` (R,), NaN for none. `scale`: its name among the figure's. `square`: cells are, as on a table of pairs.
    `down`: rows go from top to bottom, as of a picture. `boxes`: frames around parts of it; `legend`: the word of each colour of theirs."""

    title: str
    values: NDArray[np.floating]
    x: Array
    y: Array
    x_label: str
    y_label: str
    scale: str
    square: bool = False
    height: int = 240
    down: bool = False
    boxes: tuple[Box, ...] = ()
    legend: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scale:
    """A colour scale: what it says, and its ends."""

    label: str
    low: float
    high: float


Panel = Lines | Bars | Heat


@dataclass(frozen=True)
class Info:
    """One figure of a run.

    Attributes:
        name: of its element and file.   n_columns, n_narrow: panels a row, on a wide page and a narrow one.
        scales: of the heatmaps, by name.   marks: steps that lines are marked at, with a word. Text is escaped.
        log_steps: whether lines have a log scale of steps.
    """

    name: str
    title: str
    panels: tuple[Panel, ...]
    caption: str
    n_columns: int = 2
    n_narrow: int = 1
    scales: Mapping[str, Scale] = field(default_factory=dict)
    marks: tuple[tuple[int, str], ...] = ()
    log_steps: bool = True


def curve(
    run: OneRun, column: str, order: int = 0, label: str | None = None, dash: str = "solid", spread: str | None = None, errors: float = NORMAL
) -> Curve | None:
    """A column after step 0, where steps have no logarithm; `errors` standard errors of column `spread` either side. None where it was never measured."""
    if not run.has(column):
        return None
    steps, values = (run.rows[name].to_numpy(float) for name in ("step", column))
    there = ~np.isnan(values) & (steps > 0)
    if not there.any():
        return None
    wide = errors * run.rows[spread].to_numpy(float)[there] if spread and run.has(spread) else None
    return Curve(label or word(column), steps[there], values[there], order, dash, wide)


def lines(
    title: str,
    curves: Iterable[Curve | None],
    log: bool = False,
    graded: bool = False,
    low: float | None = None,
    high: float | None = None,
    levels: tuple[float, ...] = (),
) -> list[Lines]:
    """One panel with those of `curves` that there are, or none."""
    there = tuple(each for each in curves if each is not None)
    return [Lines(title, there, log, graded, low, high, levels=levels)] if there else []


def marks(run: OneRun) -> tuple[tuple[int, str], ...]:
    """When the run memorised and generalised."""
    times = ((run.verdict.t_mem, "memorised"), (run.verdict.t_grok, goal_words(run.fit).past))
    return tuple((time.by, what) for time, what in times if time is not None and time.by > 0)


def span(values: Sequence[NDArray[np.floating]]) -> tuple[float, float]:
    """The least and the largest finite value of all; (0, 1) where there is none, and never twice the same."""
    low, high = inf, -inf
    for each in values:
        finite = each[np.isfinite(each)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low == inf:
        return 0.0, 1.0
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def table(info: Info) -> Frame:
    """The numbers behind a figure: ends of lines, all bars, ranges of heatmaps. One row a line, a bar or a heatmap."""
    rows = []
    for panel in info.panels:
        if isinstance(panel, Lines):
            for each in panel.curves:
                rows.append({"panel": panel.title, "of": each.label, **_summary(each.values), "first": each.values[0], "last": each.values[-1]})
        elif isinstance(panel, Bars):
            rows += [{"panel": panel.title, "of": f"{panel.x_label} {x:g}", "value": value} for x, value in zip(panel.x, panel.values, strict=True) if value]
        else:
            rows.append({"panel": panel.title or info.title, "of": info.scales[panel.scale].label, **_summary(panel.values)})
    return pd.DataFrame(rows)


def _summary(values: NDArray[np.floating]) -> dict[str, float]:
    finite = values[np.isfinite(values)].astype(float)
    if not finite.size:
        return {"lowest": float("nan"), "mean": float("nan"), "highest": float("nan")}
    return {"lowest": finite.min(), "mean": finite.mean(), "highest": finite.max()}
