"""How a Pareto frontier is drawn: cells with their intervals, stairs, band, knee, and what has no place beside."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures.pareto_planes import MOST_LABELS, Info, Plane
from analysis.figures.room import top_margin
from analysis.figures.theme import GREY, OKABE_ITO, SYMBOLS, number, percent, styled, translucent, word

PX_PER_PLANE, PX_BETWEEN = 370, 80


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """Staircase, band, cells, side by side for each plane; one colour and symbol an arm."""
    n = len(info.planes)
    columns = 1 if narrow else min(n, 2)
    rows = -(-n // columns)
    top = top_margin(info.arms, narrow, titles=False) if len(info.arms) > 1 else 24
    height = top + rows * PX_PER_PLANE + (rows - 1) * PX_BETWEEN + 60
    spacing = PX_BETWEEN / (height - top - 60) if rows > 1 else 0.1
    fig = make_subplots(rows, columns, vertical_spacing=spacing, horizontal_spacing=0.11)
    styled(fig, height)
    for index, each in enumerate(info.planes):
        _draw_plane(fig, info, each, index == 0, not narrow and each.front.on.sum() <= MOST_LABELS, {"row": index // columns + 1, "col": index % columns + 1})
    return fig.update_layout(margin={"t": top, "b": 60}, showlegend=len(info.arms) > 1)


def _draw_plane(fig: go.Figure, info: Info, each: Plane, first: bool, labelled: bool, where: dict[str, Any]) -> None:
    _draw_band(fig, each, where)
    corners = each.values(each.front.means[each.front.on][np.argsort(each.front.means[each.front.on][:, 0], kind="stable")])
    # In order of cost, which is from right to left where x is maximised, y is attained up to the next corner: so is the band.
    stairs = {"mode": "lines", "line": {"color": GREY, "dash": "dot", "shape": "hv", "width": 1.5}, "hoverinfo": "skip", "showlegend": False}
    fig.add_trace(go.Scatter(x=corners[:, 0], y=corners[:, 1], **stairs), **where)
    for arm, name in enumerate(info.arms):
        for on in (False, True):
            _draw_cells(fig, each, arm, name, on, where)
        if first:
            mark = {"color": OKABE_ITO[arm % len(OKABE_ITO)], "symbol": SYMBOLS[arm % len(SYMBOLS)], "size": 10}
            fig.add_trace(go.Scatter(x=[None], y=[None], mode="markers", marker=mark, name=name, legendgroup=name, hoverinfo="skip"), **where)
    if each.front.knee is not None:
        x, y = each.values(each.front.means[each.front.knee])
        ring = {"symbol": "circle-open", "size": 22, "color": GREY, "line": {"width": 2}}
        fig.add_trace(go.Scatter(x=[x], y=[y], mode="markers", marker=ring, hoverinfo="skip", showlegend=False), **where)
    if labelled:
        _label(fig, each, where)
    ends = each.values(np.stack([*each.front.means, *each.front.low, *each.front.high]))  # NaN where a cell has one seed
    for side, (axis, of) in enumerate(((fig.update_xaxes, each.x), (fig.update_yaxes, each.y))):
        low, high = float(np.nanmin(ends[:, side])), float(np.nanmax(ends[:, side]))
        room = (high - low or 1.0) * 0.09
        limits = [low - room, high + room]
        if side == 0 and each.aside:
            limits[1] = high + 3 * room
            fig.add_vrect(high + 1.4 * room, limits[1], fillcolor=translucent(GREY, 0.12), line_width=0, layer="below", **where)
            _draw_aside(fig, each, high + 2.2 * room, (float(np.nanmin(ends[:, 1])), float(np.nanmax(ends[:, 1]))), where)
        axis(title={"text": of.label}, range=limits, **where)


def _draw_aside(fig: go.Figure, each: Plane, x: float, limits: tuple[float, float], where: dict[str, Any]) -> None:
    """Cells without a place, in their strip."""
    heights = [limits[0] if isnan(one.height) else min(max(one.height, limits[0]), limits[1]) for one in each.aside]
    told = [f"<b>{one.label}</b><br>{one.why}<br>{word(each.y.column)} {number(one.height)}" for one in each.aside]
    marker = {"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": [OKABE_ITO[one.arm % len(OKABE_ITO)] for one in each.aside]}}
    cells = [one.cell for one in each.aside]
    fig.add_trace(
        go.Scatter(
            x=[x] * len(cells), y=heights, mode="markers", marker=marker, hovertext=told, hoverinfo="text", customdata=cells, showlegend=False, cliponaxis=False
        ),
        **where,
    )


def _label(fig: go.Figure, info: Plane, where: dict[str, Any]) -> None:
    """Names of the cells on the front, below and above in turn, since neighbours are close; twins share a place and a label."""
    labels: dict[tuple[float, float], list[str]] = {}
    across = info.values(np.stack([*info.front.means, *info.front.low, *info.front.high]))[:, 0]
    middle = (np.nanmin(across) + np.nanmax(across)) / 2
    for index in np.flatnonzero(info.front.on):
        place = info.values(info.front.means[index])
        labels.setdefault((float(place[0]), float(place[1])), []).append(_name(info, int(index)))
    for turn, ((x, y), names) in enumerate(sorted(labels.items())):
        side = {"yanchor": "top", "yshift": -6} if turn % 2 == 0 else {"yanchor": "bottom", "yshift": 6}
        beside = {"xanchor": "right", "xshift": -8, "align": "right"} if x > middle else {"xanchor": "left", "xshift": 8, "align": "left"}
        place = {**beside, **side, **where}
        fig.add_annotation(x=x, y=y, text="<br>".join(names), showarrow=False, font={"size": 11}, **place)


def _name(info: Plane, index: int) -> str:
    place = info.places[index]
    share = "one seed" if place.n == 1 else percent(info.front.probability[index])
    return f"{place.label} ({share}{'' if place.n == place.of else f'; {place.seeds}'})"


def _sure(probability: float) -> str:
    """How sure a place on the front is, where more than one seed says."""
    return "" if isnan(probability) else f"<br>on the front in {percent(probability)} of draws"


def _draw_band(fig: go.Figure, info: Plane, where: dict[str, Any]) -> None:
    found = info.front
    known = np.isfinite(found.band_low) & np.isfinite(found.band_high)
    lower, upper = (info.values(np.column_stack([found.grid[known], each[known]])) for each in (found.band_low, found.band_high))
    line = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False}
    fig.add_trace(go.Scatter(x=lower[:, 0], y=lower[:, 1], **line), **where)
    fig.add_trace(go.Scatter(x=upper[:, 0], y=upper[:, 1], fill="tonexty", fillcolor=translucent(GREY, 0.16), **line), **where)


def _bars(info: Plane, chosen: list[int], style: dict[str, Any]) -> list[dict[str, Any]]:
    """Error bars of x and of y, for cells `chosen`."""
    found = info.front
    means, ends = info.values(found.means[chosen]), [info.values(found.low[chosen]), info.values(found.high[chosen])]
    above, below = np.maximum(*ends) - means, means - np.minimum(*ends)
    shared = {"type": "data", "symmetric": False, "thickness": 1.1, "width": 3, **style}
    return [{**shared, "array": above[:, side], "arrayminus": below[:, side]} for side in (0, 1)]


def _draw_cells(fig: go.Figure, info: Plane, arm: int, name: str, on: bool, where: dict[str, Any]) -> None:
    found, color, symbol = info.front, OKABE_ITO[arm % len(OKABE_ITO)], SYMBOLS[arm % len(SYMBOLS)]
    chosen = [index for index, place in enumerate(info.places) if place.arm == arm and bool(found.on[index]) is on]
    if not chosen:
        return
    means = info.values(found.means[chosen])
    bars = _bars(info, chosen, {"color": color, "visible": on})
    hover = [
        f"<b>{info.places[index].label}</b> ({info.places[index].seeds})<br>"
        f"{word(info.x.column)} {number(mean[0])}, {word(info.y.column)} {number(mean[1])}{_sure(found.probability[index])}"
        for index, mean in zip(chosen, means, strict=True)
    ]
    marker = {
        "color": color if on else translucent(color, 0.4),
        "symbol": symbol,
        "size": 13 if on else 8,
        "line": {"width": 1 if on else 0, "color": "#ffffff"},
    }
    fig.add_trace(
        go.Scatter(
            x=means[:, 0],
            y=means[:, 1],
            error_x=bars[0],
            error_y=bars[1],
            mode="markers",
            marker=marker,
            showlegend=False,
            legendgroup=name,
            hovertext=hover,
            hoverinfo="text",
            customdata=[info.places[index].cell for index in chosen],
            cliponaxis=False,
        ),
        **where,
    )
