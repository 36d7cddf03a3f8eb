"""Which axes matter: how much of each outcome's variance they explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, dimensions
from analysis.figures.theme import GREY, OKABE_ITO, styled
from analysis.frame import Frame
from analysis.importance import Explained, explained, grouped
from analysis.outcomes import outcomes

TITLE = "Which axes matter"
TOGETHER = "all together"
PX_PER_BAR, PX_AROUND, PX_BETWEEN = 30, 96, 70


@dataclass(frozen=True)
class Info:
    """A panel for each outcome (label, shares). `axes`: labels, escaped."""

    panels: tuple[tuple[str, Explained], ...]
    axes: tuple[str, ...]
    caption: str


def prepare(tables: Tables) -> Info | str:
    """Shares of the variance of each outcome."""
    axes = dimensions(tables)
    if len(axes) < 2:
        return "fewer than two axes vary, so there is nothing to weigh them against"
    numbers = {each.column: np.array([each.index(value) for value in tables.runs[each.column]]) for each in axes}
    cells = tables.runs["cell"].to_numpy(int)
    panels = []
    for outcome in outcomes(tables):
        there = np.isfinite(outcome.values)
        found = explained([_levels(each, numbers[each.column][there]) for each in axes], cells[there], outcome.values[there])
        if found is not None:
            panels.append((outcome.label, found))
    if not panels:
        return "no outcome differs between finished runs, so no axis can explain it"
    caption = (
        "Share of an outcome’s variance over runs that an axis explains alone (epsilon squared), with a 95 % bootstrap interval over seeds; all together: with "
        "whatever they do jointly; the rest is between seeds. On a whole grid with as many seeds everywhere these are main effects, and what all together has "
        "beyond their sum is interaction; on any other design axes that went together share what they explain. Axes of many values are cut into six groups."
    )
    return Info(tuple(panels), tuple(each.label for each in axes), caption)


def _levels(of: Dimension, numbers: np.ndarray) -> np.ndarray:
    ordered = of.numeric
    return grouped(numbers.astype(float)) if ordered else numbers


def table(info: Info) -> Frame:
    """A row for each outcome and axis."""
    rows = []
    for label, found in info.panels:
        for axis, share in zip([*info.axes, TOGETHER], [*found.alone, found.all], strict=True):
            rows.append({"outcome": label, "axis": axis, "share of variance": share.value, "low": share.low, "high": share.high, "runs": found.n})
    return pd.DataFrame(rows)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """Bars, a panel for each outcome."""
    columns = 1 if narrow else min(2, len(info.panels))
    rows = -(-len(info.panels) // columns)
    each = PX_PER_BAR * (len(info.axes) + 1)
    inner = rows * each + (rows - 1) * PX_BETWEEN
    titles = [label for label, _ in info.panels]
    fig = make_subplots(rows, columns, subplot_titles=titles, vertical_spacing=PX_BETWEEN / inner if rows > 1 else 0.1, horizontal_spacing=0.2)
    names = [*info.axes, TOGETHER]
    for index, (_, found) in enumerate(info.panels):
        shares = [*found.alone, found.all]
        bars = {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, share.high - share.value) if share.high == share.high else 0.0 for share in shares],
            "arrayminus": [max(0.0, share.value - share.low) if share.low == share.low else 0.0 for share in shares],
            "color": GREY,
            "thickness": 1.2,
        }
        colors = [OKABE_ITO[0]] * len(info.axes) + [GREY]
        hover = "%{y}: %{x:.1%}<extra></extra>"
        trace = go.Bar(
            x=[share.value for share in shares], y=names, orientation="h", error_x=bars, marker={"color": colors}, showlegend=False, hovertemplate=hover
        )
        fig.add_trace(trace, row=index // columns + 1, col=index % columns + 1)
    styled(fig, PX_AROUND + inner)
    fig.update_xaxes(range=[0, 1.02], tickformat=".0%")
    fig.update_yaxes(autorange="reversed", showgrid=False)
    return fig.update_layout(margin={"t": 44, "b": 52}, bargap=0.35)
