"""What curves over steps share: small multiples, one line a cell, its seeds faint behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from analysis.collect import Tables
from analysis.figures.dimensions import layout, plain, split
from analysis.figures.theme import shades, styled, top_margin, translucent, value_word

Points = tuple[NDArray[np.float64], NDArray[np.float64]]
MOST_PANELS, MOST_FAINT, MOST_POINTS = 18, 120, 160
PX_PER_PANEL, PX_BETWEEN = 210, 62


@dataclass(frozen=True)
class Line:
    """One cell. `order`: where its colour stands on the scale. `points`: median over seeds; `seeds`: each of them."""

    label: str
    order: int
    dash: str
    points: Points
    seeds: tuple[Points, ...]


@dataclass(frozen=True)
class Panel:
    title: str
    y_label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Info:
    """Panels row by row, `n_columns` a row on a wide page. Text is escaped."""

    panels: tuple[Panel, ...]
    n_columns: int
    legend_title: str
    labels: tuple[str, ...]
    log_steps: bool
    caption: str


def prepare(tables: Tables, rows: Sequence[tuple[str, Mapping[str, str]]], caption: str, log_steps: bool = True) -> Info | str:
    """Small multiples: a row of panels for each of `rows`, (y label, {column: dash}); a panel for each arm (and whatever else varies besides x).

    Steps are drawn from the first one after 0. The median over seeds goes as far as more than half of them were trained.
    """
    if tables.history.empty:
        return "no run has finished, so there are no curves yet"
    where = layout(tables)
    facets = split(tables.history, [*([where.y] if where.y.column else []), *where.rest])
    n_shown = max(1, MOST_PANELS // len(rows))
    if len(facets) > n_shown:
        caption += f" The first {n_shown} of {len(facets)} panels are drawn; all numbers are in the tables."
    labels, faint = where.x.words(), tables.history["run_id"].nunique() <= MOST_FAINT
    panels = []
    for y_label, columns in rows:
        for title, part in facets[:n_shown]:
            cells = [(where.x.index(cell[where.x.column].iloc[0]) if where.x.column else 0, cell) for _, cell in part.groupby("cell", sort=True)]
            lines = [_line(cell, column, dash, labels[order], order, faint) for order, cell in cells for column, dash in columns.items() if column in cell]
            panels.append(Panel(title, y_label, tuple(line for line in lines if len(line.points[0]))))
    if not any(panel.lines for panel in panels):
        return f"no run has measured {' or '.join(column for _, columns in rows for column in columns)}"
    return Info(tuple(panels), min(len(facets), 3), where.x.label, tuple(labels) if where.x.column else (), log_steps, caption)


def _line(cell: pd.DataFrame, column: str, dash: str, label: str, order: int, faint: bool) -> Line:
    seeds = []
    for _, rows in cell[cell[column].notna() & (cell["step"] > 0)].groupby("run_id", sort=True):
        seeds.append((rows["step"].to_numpy(float), rows[column].to_numpy(float)))
    return Line(label, order, dash, few(median(seeds)), tuple(map(few, seeds)) if faint else ())


def median(seeds: Sequence[Points]) -> Points:
    """Median over seeds at every step that more than half of them have."""
    if not seeds:
        return np.empty(0), np.empty(0)
    steps, values = (np.concatenate(each) for each in zip(*seeds, strict=True))
    table = pd.DataFrame({"step": steps, "value": values}).groupby("step")["value"].agg(["median", "size"])
    kept = table[table["size"] * 2 > len(seeds)]
    return kept.index.to_numpy(float), kept["median"].to_numpy(float)


def few(points: Points) -> Points:
    """At most about MOST_POINTS of `points`, close to evenly spaced in log step, the last one among them."""
    steps, values = points
    if len(steps) <= MOST_POINTS:
        return points
    wanted = np.searchsorted(steps, np.geomspace(steps[0], steps[-1], MOST_POINTS))
    even = np.linspace(0, len(steps) - 1, MOST_POINTS // 2)
    kept = np.unique(np.concatenate([wanted, even.astype(int), [len(steps) - 1]]).clip(0, len(steps) - 1))
    return steps[kept], values[kept]


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """Small multiples; a click on the legend hides a value everywhere."""
    n, columns = len(info.panels), 1 if narrow else info.n_columns
    rows = -(-n // columns)
    top = top_margin([info.legend_title, *info.labels], narrow)
    height = top + 56 + rows * PX_PER_PANEL + (rows - 1) * PX_BETWEEN
    inner = height - top - 56
    fig = make_subplots(
        rows,
        columns,
        subplot_titles=[panel.title for panel in info.panels],
        vertical_spacing=PX_BETWEEN / inner if rows > 1 else 0.1,
        horizontal_spacing=0.08 if columns < 3 else 0.065,
    )
    colors, told = shades(max(1, len(info.labels))), set()
    for index, panel in enumerate(info.panels):
        row, column = index // columns + 1, index % columns + 1
        for line in panel.lines:
            new = bool(info.labels) and line.label not in told
            told.add(line.label)
            _draw_line(fig, line, colors[line.order], new, row, column)
        fig.update_yaxes(title={"text": panel.y_label}, row=row, col=column)
    styled(fig, height)
    fig.update_xaxes(type="log" if info.log_steps else "linear", dtick=1 if info.log_steps else None)
    for index in range(max(0, n - columns), n):
        fig.update_xaxes(title={"text": "training step", "standoff": 6}, row=index // columns + 1, col=index % columns + 1)
    return fig.update_layout(margin={"t": top, "b": 56}, legend={"title": {"text": f"{info.legend_title}  "}, "traceorder": "normal"})


def _draw_line(fig: go.Figure, line: Line, color: str, told: bool, row: int, column: int) -> None:
    for steps, values in line.seeds if len(line.seeds) > 1 else ():
        faint = {"color": translucent(color, 0.22), "width": 1, "dash": line.dash}
        fig.add_trace(go.Scatter(x=steps, y=values, mode="lines", line=faint, hoverinfo="skip", showlegend=False, legendgroup=line.label), row, column)
    steps, values = line.points
    style = {"color": color, "width": 2.2, "dash": line.dash}
    hover = f"{value_word(line.label)}: %{{y:.3g}} at step %{{x:,}}<extra></extra>"
    fig.add_trace(
        go.Scatter(
            x=steps,
            y=values,
            mode="lines",
            line=style,
            name=line.label,
            legendgroup=line.label,
            legendrank=1000 + line.order,
            showlegend=False,
            hovertemplate=hover,
        ),
        row,
        column,
    )
    if told:  # an entry of its own, so that the legend shows a solid line whatever was drawn first
        fig.add_trace(
            go.Scatter(
                x=[None], y=[None], mode="lines", line={"color": color, "width": 2.2}, name=line.label, legendgroup=line.label, legendrank=1000 + line.order
            ),
            row,
            column,
        )
