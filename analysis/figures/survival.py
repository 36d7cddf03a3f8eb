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
from analysis.figures.room import PX_PLOTS, abreast, top_margin
from analysis.figures.theme import arranged, shades, styled, traced, translucent
from analysis.frame import Frame
from analysis.goal_words import GENERALISED, GoalWords, words_of
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
    words: GoalWords = GENERALISED


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
        "of where its time may lie. Runs that used their budget are censored at their last evaluation not at the goal: they count until then. "
        "Runs that diverged count as never generalising; failed runs are left out."
    )
    if len(x.values) < len(where.x.values):
        caption += f" Curves of {len(x.values)} of {len(where.x.values)} values of {x.label} are drawn, evenly over their order."
    if len(facets) > MOST_PANELS:
        caption += f" The first {MOST_PANELS} of {len(facets)} panels are drawn."
    told = words_of(tables.manifest)
    return Info(tuple(panels), x.label, tuple(words) if x.column else (), told.say(caption), told)


def table(info: Info) -> Frame:
    """Every step of every curve, from the start."""
    rows = []
    for title, lines in info.panels:
        for line in lines:
            key = {"panel": title, info.legend_title or "cell": line.label, "runs": line.curve.n}
            steps = zip([0.0, *line.curve.times], *(_risen(curve)[:-1] for curve in (line.curve.share, line.curve.high, line.curve.low)), strict=True)
            rows += [{**key, "step": time, f"share {info.words.past}": share, "low": low, "high": high} for time, share, low, high in steps]
    return pd.DataFrame(rows)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """A panel an arm."""
    n, columns = len(info.panels), 1 if narrow else min(len(info.panels), 3)
    rows = -(-n // columns)
    top = top_margin(info.labels, narrow, titles=n > 1, heading=info.legend_title)
    titles, lines = abreast([title for title, _ in info.panels] if n > 1 else [], PX_PLOTS[narrow] / columns)
    top, between = top + lines, PX_BETWEEN + lines
    inner = rows * PX_PER_PANEL + (rows - 1) * between
    fig = make_subplots(rows, columns, subplot_titles=titles or None, vertical_spacing=between / inner if rows > 1 else 0.1, horizontal_spacing=0.08)
    styled(fig, top + 58 + inner)
    colors, told, traces = shades(max(1, len(info.labels))), set(), list[dict[str, Any]]()
    own: dict[str, Any] = {"margin": {"t": top, "b": 58}, "legend": {"title": {"text": info.legend_title}, "traceorder": "normal"}}
    end = max(line.curve.last for _, lines in info.panels for line in lines)
    for index, (_, lines) in enumerate(info.panels):
        number = index + 1 if index else ""
        axes = {f"{side}axis": f"{side}{number}" for side in "xy"}
        for line in lines:
            traces += [each | axes for each in _traces(line, colors[line.order], bool(info.labels) and line.label not in told)]
            told.add(line.label)
        title = {"title": {"text": info.words.step, "standoff": 6}} if index >= n - columns else {}
        own[f"xaxis{number}"] = {"range": [0, end * 1.01 or 1], "tickformat": ",", **title}
        own[f"yaxis{number}"] = {"range": [-0.02, 1.02], "title": {"text": f"share that {info.words.past}" if index % columns == 0 else ""}}
    traced(fig, traces)
    return arranged(fig, own)


def _traces(line: Line, color: str, told: bool) -> list[dict[str, Any]]:
    """The band and the curve, as plain traces."""
    found = line.curve
    end = max(found.last, found.times[-1] if len(found.times) else 0)
    times = np.concatenate([[0.0], found.times, [end]])
    share, low, high = (_risen(curve) for curve in (found.share, found.high, found.low))
    shared = {"type": "scatter", "x": times, "mode": "lines", "legendgroup": line.label}
    band = {**shared, "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False}
    hover = f"{line.label} ({line.n_events} of {found.n}): %{{y:.2f}} by step %{{x:,}}<extra></extra>"
    legend = {"name": line.label, "legendrank": 1000 + line.order, "showlegend": told}
    curve = {**shared, **legend, "y": share, "line": {"color": color, "width": 2.2, "shape": "hv"}, "hovertemplate": hover}
    return [{**band, "y": low}, {**band, "y": high, "fill": "tonexty", "fillcolor": translucent(color, 0.09)}, curve]


def _risen(survival: np.ndarray) -> np.ndarray:
    """1 - S from time 0 to the end of looking."""
    risen = np.concatenate([[0.0], 1 - survival])
    return np.append(risen, risen[-1])
