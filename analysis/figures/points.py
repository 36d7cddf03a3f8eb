"""Where a search looked, and what it found there: a mark a point, where axes are continuous and no two points share a cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.boundaries import Scale, scale_of
from analysis.collect import Tables
from analysis.figures.dimensions import MOST_VALUES, Dimension, layout, position, scattered, split
from analysis.figures.phase_cells import cell_of
from analysis.figures.theme import GREY, SCALE, styled
from analysis.figures.ticks import log_axis
from analysis.frame import Frame
from analysis.goal_words import words_of

TITLE = "Points that were tried"
PX_PER_PANEL, PX_BETWEEN = 320, 76
STATES = {"value": "circle", "censored": "circle-open", "failed": "x-thin-open", "missing": "circle-open-dot"}


@dataclass(frozen=True)
class Point:
    """One cell. `x`, `y`: values, or places among values of an axis without an order.   state: of the phase diagram's cells; `share` that generalised."""

    cell: int
    x: float
    y: float
    state: str
    share: float
    hover: str


@dataclass(frozen=True)
class Info:
    """Panels (title, points). `x_scale`, `y_scale`: "rank" stands for places among values. Text is escaped."""

    panels: tuple[tuple[str, tuple[Point, ...]], ...]
    x: Dimension
    y: Dimension
    x_scale: Scale
    y_scale: Scale
    caption: str


def continuous(tables: Tables) -> bool:
    """Whether cells are so few among the values of the first two dimensions that points, and no cells, are what can be drawn."""
    x, y = ends(tables)
    return bool(y.column) and (scattered(tables, x, y) or scattered(tables, y, x))


def ends(tables: Tables) -> tuple[Dimension, Dimension]:
    """What is on x and on y if nobody says: also what has too many values for rows."""
    where = layout(tables)
    found = [each for each in (where.x, where.y, *where.implied, *where.rest) if each.column]
    return found[0] if found else where.x, next((each for each in found[1:] if ordered(each)), where.y)


def ordered(of: Dimension) -> bool:
    """Whether all values are numbers, or none."""
    return bool(of.column) and of.numeric


def prepare(tables: Tables, x: str | None = None, y: str | None = None) -> Info | str:
    """All points of a sweep whose points were searched for."""
    if not (tables.manifest.get("search") or x or y or continuous(tables)):
        return "points were not searched for, so the phase diagram shows them all"
    first, second = ends(tables)
    where = layout(tables, x or first.column or None, y or (second.column if second.column != x else None) or None)
    scales: list[Scale] = [scale_of(each.values) if ordered(each) and None not in each.values else "rank" for each in (where.x, where.y)]
    facets = [each for each in where.rest if len(each.values) <= MOST_VALUES]
    panels = []
    for title, part in split(tables.cells, facets):
        points = []
        for row in part.to_dict("records"):
            cell = cell_of(tables, row, where, "time")
            x_at, y_at = _place(row, where.x, scales[0]), _place(row, where.y, scales[1])
            points.append(Point(row["cell"], x_at, y_at, cell.state, float(row["p"]), cell.hover))
        panels.append((title, tuple(points)))
    caption = (
        "A mark a point, coloured by the share of its seeds that generalise; open: fewer than half do within the budget; crossed: all failed; dotted: not run. "
        "A search looks more often where it found something: how dense the points are says nothing of how often networks generalise."
    )
    return Info(tuple(panels), where.x, where.y, scales[0], scales[1], words_of(tables.manifest).say(caption))


def _place(row: Mapping[str, Any], of: Dimension, scale: Scale) -> float:
    return float(position(row, of)) if scale == "rank" else float(row[of.column])


def table(info: Info) -> Frame:
    """A row a point."""
    rows = []
    for title, points in info.panels:
        for each in points:
            ends = {info.x.label or "x": each.x, info.y.label or "y": each.y}
            rows.append({"panel": title, **ends, "state": each.state, "share that generalises": each.share})
    return pd.DataFrame(rows)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """A scatter a panel, on scales as wide as what was tried."""
    columns = 1 if narrow else min(2, len(info.panels))
    rows = -(-len(info.panels) // columns)
    inner = rows * PX_PER_PANEL + (rows - 1) * PX_BETWEEN
    titles = [title for title, _ in info.panels] if len(info.panels) > 1 else None
    fig = make_subplots(rows, columns, subplot_titles=titles, vertical_spacing=PX_BETWEEN / inner if rows > 1 else 0.1, horizontal_spacing=0.12)
    styled(fig, inner + 112)
    for index, (_, points) in enumerate(info.panels):
        place: dict[str, Any] = {"row": index // columns + 1, "col": index % columns + 1}
        for state, symbol in STATES.items():
            own = [each for each in points if each.state == state]
            if own:
                _draw_points(fig, own, symbol, place)
        fig.update_xaxes(**_axis(info.x, info.x_scale), title={"text": info.x.label, "standoff": 6}, **place)
        fig.update_yaxes(**_axis(info.y, info.y_scale), title={"text": info.y.label}, **place)
    bar = {"title": {"text": "share"}, "thickness": 12, "outlinewidth": 0, "tickvals": [0, 0.5, 1]}
    return fig.update_layout(coloraxis={"colorscale": SCALE, "cmin": 0, "cmax": 1, "colorbar": bar, "showscale": not narrow}, showlegend=False)


def _draw_points(fig: go.Figure, own: list[Point], symbol: str, place: dict[str, Any]) -> None:
    shares = [each.share if isfinite(each.share) else 0.0 for each in own]
    known = {"color": shares, "coloraxis": "coloraxis"} if symbol.startswith("circle") and not symbol.endswith("dot") else {"color": GREY}
    marker = {**known, "symbol": symbol, "size": 12, "line": {"width": 1.8 if "open" in symbol else 0.8}}
    told = {"hovertext": [each.hover for each in own], "hoverinfo": "text", "customdata": [each.cell for each in own]}
    fig.add_trace(go.Scatter(x=[each.x for each in own], y=[each.y for each in own], mode="markers", marker=marker, cliponaxis=False, **told), **place)


def _axis(of: Dimension, scale: Scale) -> dict[str, Any]:
    if scale == "rank":
        words = of.words()
        return {"tickvals": list(range(len(words))), "ticktext": words, "range": [-0.5, len(words) - 0.5]}
    values = [float(value) for value in of.values]
    if scale == "log":
        low, high = np.log10(values[0]), np.log10(values[-1])
        room = (high - low or 1.0) * 0.05
        return log_axis(float(low - room), float(high + room))
    room = (values[-1] - values[0] or 1.0) * 0.06
    return {"range": [values[0] - room, values[-1] + room]}
