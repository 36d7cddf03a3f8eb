"""How a person looks at curves: from which step to which, how smooth, on which scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from analysis.figures.series import few
from analysis.run_figures.panels import Curve, Info, Lines, Panel

Scale = Literal["usual", "log", "linear"]
SCALES: tuple[Scale, ...] = get_args(Scale)
MOST_POINTS = 300
ON_LOG = "Steps are on a log scale and begin after 0. "


@dataclass(frozen=True)
class Look:
    """What is asked of every figure of curves.

    Attributes:
        first, last: steps that are drawn; None: from the beginning, to the end.
        smoothing: in [0, 1): weight of what was before in a running mean over evaluations; 0 draws what was measured.
        log_steps: whether steps have a log scale.   values: the scale of values: as is usual for each panel, or one for all.
        median: one curve an experiment, the median over its seeds, instead of one a run.
    """

    first: int | None = None
    last: int | None = None
    smoothing: float = 0.0
    log_steps: bool = True
    values: Scale = "usual"
    median: bool = False


def looked_at(info: Info, look: Look) -> Info | None:
    """`info` as `look` asks; None where nothing of it is left."""
    panels = [panel for each in info.panels if (panel := _panel(each, look)) is not None]
    marks = tuple((step, word) for step, word in info.marks if _within(step, look))
    scales = {name: scale for name, scale in info.scales.items() if any(getattr(panel, "scale", None) == name for panel in panels)}
    caption = info.caption if look.log_steps else info.caption.replace(ON_LOG, "")
    return replace(info, panels=tuple(panels), marks=marks, scales=scales, log_steps=look.log_steps, caption=caption) if panels else None


def _within(step: float, look: Look) -> bool:
    return (look.first is None or step >= look.first) and (look.last is None or step <= look.last)


def _panel(panel: Panel, look: Look) -> Panel | None:
    """Of panels of curves, those steps and that scale; others are of one step, or of all, and stay."""
    if not isinstance(panel, Lines):
        return panel
    curves = tuple(each for curve in panel.curves if len((each := _curve(curve, look)).steps))
    log = panel.log if look.values == "usual" else look.values == "log"
    ends = {"low": None, "high": None} if log else {}
    return replace(panel, curves=curves, log=log, **ends) if curves else None


def _curve(curve: Curve, look: Look) -> Curve:
    kept = np.array([_within(step, look) for step in curve.steps], bool)
    steps, values = curve.steps[kept], smoothed(curve.values[kept], look.smoothing)
    spread = None if curve.spread is None or look.smoothing else curve.spread[kept]
    if len(steps) > MOST_POINTS:
        thin, values = few((steps, values), MOST_POINTS)
        spread = None if spread is None else spread[np.searchsorted(steps, thin)]
        steps = thin
    return replace(curve, steps=steps, values=values, spread=spread)


def smoothed(values: Sequence[float] | np.ndarray, weight: float) -> np.ndarray:
    """The exponentially weighted mean of `values` (K,) so far, unbiased at the start; where one is missing, what it was before."""
    whole = np.asarray(values, float)
    return whole if not weight else pd.Series(whole).ewm(alpha=1 - weight, adjust=True).mean().to_numpy()
