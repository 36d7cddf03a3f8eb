"""Who has generalised by when: Kaplan-Meier, censored runs included."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.cells import curve
from analysis.collect import Tables
from analysis.figures.dimensions import layout, plain, split, spread
from analysis.figures.theme import shades, styled, top_margin, translucent
from analysis.frame import Frame
from analysis.statistics import Survival

TITLE = "Share of runs that have generalised, over training"
PX_PER_PANEL, PX_BETWEEN = 260, 64
MOST_PANELS, MOST_LINES, LEAST_LINES = 12, 120, 8  # of all panels; lines of a panel at least


@dataclass(frozen=True)
class Line:
    """One cell's curve. `label` is escaped, with n."""

    label: str
    order: int
    n_events: int
    curve: Survival


@dataclass(frozen=True)
class Info:
    """Panels by title; text is escaped."""

    panels: tuple[tuple[str, tuple[Line, ...]], ...]
    legend_title: str
    labels: tuple[str, ...]
    caption: str


def prepare(tables: Tables) -> Info | str:
    """1 - S(t) for every cell with a finished run."""
    done = tables.done
    if done.empty:
        return "no run has finished, so nothing is known of who generalises"
    where = layout(tables)
    facets = split(done, [*([where.y] if where.y.column else []), *where.rest])
    x = replace(where.x, values=spread(where.x.values, max(LEAST_LINES, MOST_LINES // min(MOST_PANELS, len(facets)))))
    words, panels = x.words(), []
    for title, part in facets[:MOST_PANELS]:
        lines = []
        for _, cell in part.groupby("cell", sort=True):
            value = plain(cell[x.column].iloc[0]) if x.column else None
            if value in x.values:
                order = x.index(value) if x.column else 0
                lines.append(Line(words[order], order, int(cell["event"].sum()), curve(cell)))
        panels.append((title, tuple(lines)))
    caption = (
        "Kaplan-Meier estimate with its pointwise 95 % band. A run generalises at the first evaluation that shows it, the right end "
        "of where its time may lie. Runs that used their budget are censored at their last evaluation below the goal: they count until then. "
        "Runs that diverged count as never generalising; failed runs are left out."
    )
    if len(x.values) < len(where.x.values):
        caption += f" Curves of {len(x.values)} of {len(where.x.values)} values of {x.label} are drawn, evenly over their order."
    if len(facets) > MOST_PANELS:
        caption += f" The first {MOST_PANELS} of {len(facets)} panels are drawn."
    return Info(tuple(panels), x.label, tuple(words) if x.column else (), caption)


def table(info: Info) -> Frame:
    """Every step of every curve, from the start."""
    rows = []
    for title, lines in info.panels:
        for line in lines:
            key = {"panel": title, info.legend_title or "cell": line.label, "runs": line.curve.n}
            steps = zip([0.0, *line.curve.times], *(_risen(curve)[:-1] for curve in (line.curve.share, line.curve.high, line.curve.low)), strict=True)
            rows += [{**key, "step": time, "share generalised": share, "low": low, "high": high} for time, share, low, high in steps]
    return pd.DataFrame(rows)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """A panel an arm."""
    n, columns = len(info.panels), 1 if narrow else min(len(info.panels), 3)
    rows = -(-n // columns)
    top = top_margin([info.legend_title, *info.labels], narrow, titles=n > 1)
    inner = rows * PX_PER_PANEL + (rows - 1) * PX_BETWEEN
    titles = [title for title, _ in info.panels] if n > 1 else None
    fig = make_subplots(rows, columns, subplot_titles=titles, vertical_spacing=PX_BETWEEN / inner if rows > 1 else 0.1, horizontal_spacing=0.08)
    colors, told = shades(max(1, len(info.labels))), set()
    for index, (_, lines) in enumerate(info.panels):
        for line in lines:
            place = {"row": index // columns + 1, "col": index % columns + 1}
            _draw_line(fig, line, colors[line.order], bool(info.labels) and line.label not in told, place)
            told.add(line.label)
    styled(fig, top + 58 + inner)
    fig.update_yaxes(range=[-0.02, 1.02], title={"text": "share generalised"})
    end = max(line.curve.last for _, lines in info.panels for line in lines)
    fig.update_xaxes(range=[0, end * 1.01 or 1], tickformat=",")
    for index in range(max(0, n - columns), n):
        fig.update_xaxes(title={"text": "training step", "standoff": 6}, row=index // columns + 1, col=index % columns + 1)
    return fig.update_layout(margin={"t": top, "b": 58}, legend={"title": {"text": f"{info.legend_title}  "}, "traceorder": "normal"})


def _draw_line(fig: go.Figure, line: Line, color: str, told: bool, place: dict[str, Any]) -> None:
    found = line.curve
    end = max(found.last, found.times[-1] if len(found.times) else 0)
    times = np.concatenate([[0.0], found.times, [end]])
    share, low, high = (_risen(curve) for curve in (found.share, found.high, found.low))
    band = {"line": {"width": 0, "shape": "hv"}, "mode": "lines", "hoverinfo": "skip", "showlegend": False, "legendgroup": line.label}
    fig.add_trace(go.Scatter(x=times, y=low, **band), **place)
    fig.add_trace(go.Scatter(x=times, y=high, fill="tonexty", fillcolor=translucent(color, 0.09), **band), **place)
    fig.add_trace(
        go.Scatter(
            x=times,
            y=share,
            mode="lines",
            line={"color": color, "width": 2.2, "shape": "hv"},
            name=line.label,
            legendgroup=line.label,
            legendrank=1000 + line.order,
            showlegend=told,
            hovertemplate=f"{line.label} ({line.n_events} of {found.n}): %{{y:.2f}} by step %{{x:,}}<extra></extra>",
        ),
        **place,
    )


def _risen(survival: np.ndarray) -> np.ndarray:
    """1 - S from time 0 to the end of looking."""
    risen = np.concatenate([[0.0], 1 - survival])
    return np.append(risen, risen[-1])
