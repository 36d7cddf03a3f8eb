"""The Pareto frontier of seed means, with P(on front), and the cells that have no place on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import isnan, nan
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from analysis.collect import Tables, objective
from analysis.depth_bound import told_of
from analysis.figures.dimensions import layout, plain
from analysis.figures.room import top_margin
from analysis.figures.theme import GREY, OKABE_ITO, SYMBOLS, axis_word, number, percent, short_word, styled, translucent, value_word, word
from analysis.frame import Frame
from analysis.pareto import Front, front

TITLE = "Pareto frontier"
MOST_LABELS = 8
PX_PER_PLANE, PX_BETWEEN = 370, 80
READING = (
    "Large: cells on the front of seed means, with bootstrap 95 % intervals; small: dominated cells. "
    "Number: the share of bootstrap draws over seeds in which the cell is on the front. Shaded: 95 % band of the attained front. "
)
STRIP = "Crossed, in the strip beside: cells without a place, as high as the mean of their seeds is, or at the edge where it lies beyond. "
THREE = 3
COSTS = ("effective_depth", "functional_depth", "routing_entropy", "routing_entropy_norm", "effective_heads")


@dataclass(frozen=True)
class Objective:
    """A column, when it is read, and +1 if less is better, -1 if more is."""

    column: str
    when: str | int
    sign: int

    @property
    def label(self) -> str:
        """In words, with the better direction along the axis, which is read from left to right, or upwards."""
        return f"{word(f'{self.column}@{self.when}')} ({'← better' if self.sign > 0 else 'better →'})"


@dataclass(frozen=True)
class Place:
    """One cell on the front's plane: its number, that of its arm, its label, how many of its finished runs count, and of how many."""

    cell: int
    arm: int
    label: str
    n: int
    of: int

    @property
    def seeds(self) -> str:
        """How many of how many."""
        return f"{self.n} of {self.of} seeds"


@dataclass(frozen=True)
class Aside:
    """A cell without a place on the plane. `height`: mean of y over its finished runs that have it, NaN where none has; `why`: in words."""

    cell: int
    arm: int
    label: str
    height: float
    why: str


@dataclass(frozen=True)
class Plane:
    """Two objectives. `front` is in costs (signs turned).

    Labels of cells without a place: `strip` with a run that lacks an objective, `broken` off the goal; `aside` has both.
    """

    x: Objective
    y: Objective
    front: Front
    places: tuple[Place, ...]
    strip: tuple[str, ...]
    broken: tuple[str, ...]
    aside: tuple[Aside, ...] = ()

    def values(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 2) costs as the objectives' own values."""
        return costs * np.array([self.x.sign, self.y.sign])


@dataclass(frozen=True)
class Info:
    """A plane for each pair of objectives that has a front. Text is escaped."""

    planes: tuple[Plane, ...]
    arms: tuple[str, ...]
    caption: str


def prepare(tables: Tables) -> Info | str:
    """The fronts that the sweep's report asks for: each minimised objective, on x, against each maximised one, on y; of one kind alone, or of three, all pairs.

    Where one of them is what the computation costs, a run counts only if it was at the goal when that was read, and a cell only if half
    of its runs were: a broken network may seem to need nothing.
    """
    wanted = pairs(tables.manifest["report"].get("pareto") or {})
    if not wanted:
        return "the sweep's report asks for no two objectives, so there is no Pareto frontier"
    found = [plane(tables, x, y) for x, y in wanted]
    planes = tuple(each for each in found if isinstance(each, Plane))
    lacking = [each for each in found if isinstance(each, str)]
    if not planes:
        return f"{'; '.join(lacking)}, so there is no Pareto frontier"
    volumes = [_hypervolume(each, len(planes) > 1) + _knee(each) + _without(tables, each) for each in planes]
    caption = READING + (STRIP if any(each.aside for each in planes) else "") + " ".join(volumes) + "".join(f" Left out: {reason}." for reason in lacking)
    caption += told_of(tables) if any(of.column == "functional_depth" for each in planes for of in (each.x, each.y)) else ""
    return Info(planes, tuple(layout(tables, y="arm").y.words()), caption)


def pairs(spec: Mapping[str, Any]) -> list[tuple[Objective, Objective]]:
    """The pairs of objectives that a report's `pareto` asks for, x first: all of three; of more, each minimised one with each maximised one."""
    minimise = [Objective(column, when, 1) for column, when in (spec.get("minimise") or {}).items()]
    maximise = [Objective(column, when, -1) for column, when in (spec.get("maximise") or {}).items()]
    every = [*minimise, *maximise]
    return list(product(minimise, maximise)) if minimise and maximise and len(every) != THREE else list(combinations(every, 2))


def plane(tables: Tables, x: Objective, y: Objective) -> Plane | str:
    """The front of two objectives, or why there is none."""
    chosen = [x, y]
    values = np.column_stack([objective(tables, each.column, each.when) * each.sign for each in chosen])
    counted, where = standing(tables, chosen), layout(tables, y="arm")
    cells, places, strip, broken, aside = [], [], [], [], list[Aside]()
    for row in tables.cells[["cell", "arm", "name", *tables.axes]].to_dict("records"):
        done = tables.done_of.get(row["cell"], ())
        if len(done) == 0:
            continue
        runs = done[counted[done]]
        place = Place(row["cell"], where.y.index(row["arm"]), cell_label(tables, row), len(runs), len(done))
        if 2 * len(runs) < len(done):
            broken.append(place.label)
            aside.append(_aside(place, values[done, 1] * y.sign, f"{place.n} of {place.of} seeds are at the goal"))
        elif np.isfinite(values[runs]).all():
            cells.append(values[runs])
            places.append(place)
        else:
            strip.append(place.label)
            lacking = " and ".join(word(of.column) for of, ok in zip(chosen, [bool(np.isfinite(side).all()) for side in values[runs].T], strict=True) if not ok)
            aside.append(_aside(place, values[done, 1] * y.sign, f"a seed lacks {lacking}"))
    if not cells:
        return f"no cell has {word(x.column)} and {word(y.column)} of half of its runs at the goal"
    return Plane(x, y, front(cells), tuple(places), tuple(strip), tuple(broken), tuple(aside))


def _aside(place: Place, heights: NDArray[np.float64], why: str) -> Aside:
    known = heights[np.isfinite(heights)]
    return Aside(place.cell, place.arm, place.label, float(known.mean()) if len(known) else nan, why)


def standing(tables: Tables, chosen: Sequence[Objective]) -> NDArray[np.bool_]:
    """(N,) for every row of runs, whether it was at the goal when each cost among `chosen` was read; when it generalised, it was, or it has no reading."""
    counted = np.ones(len(tables.runs), bool)
    for each in chosen:
        if each.column in COSTS and each.when != "grok":
            reached = objective(tables, tables.thresholds.goal_column, each.when).map(tables.thresholds.reached)
            counted &= reached.to_numpy(bool)
    return counted


def _without(tables: Tables, each: Plane) -> str:
    """Who has no place, and why; how many seeds those that have one are of."""
    whole = standing(tables, [each.x, each.y])[tables.done.index].all()
    text = "" if whole else " Only seeds at the goal are counted, and said as n of N: a broken network may seem to need nothing."
    if each.broken:
        text += f" Without a place, because fewer than half of their seeds are at the goal: {_few(each.broken)}."
    if each.strip:
        text += f" Without a place, because a run of theirs lacks an objective (it did not generalise, or has no such part): {_few(each.strip)}."
    return text


def _few(labels: Sequence[str]) -> str:
    """Not more of them than are read."""
    return "; ".join(labels[:MOST_LABELS]) + (f" and {len(labels) - MOST_LABELS} more" if len(labels) > MOST_LABELS else "")


def cell_label(tables: Tables, row: dict) -> str:
    """A cell in words, escaped: arm and what varies."""
    varied = tables.varied
    parts = [value_word(row["arm"])] if len(tables.manifest["arms"]) > 1 else []
    words = short_word if sum(path.endswith(".weight") for path in varied) < 2 else axis_word
    parts += [f"{words(path)} = {value_word(plain(row[path]))}" for path in varied]
    return ", ".join(parts) or value_word(row["name"] or "all runs")


def _hypervolume(each: Plane, several: bool) -> str:
    worst = ", ".join(number(value * of.sign) for value, of in zip(each.front.reference, (each.x, each.y), strict=True))
    low, high = each.front.hypervolume_interval
    which = f" of {word(each.x.column)} and {word(each.y.column)}" if several else ""
    return f"Hypervolume{which} {number(each.front.hypervolume)} [{number(low)}, {number(high)}], up to ({worst}), the worst of any run that counts."


def _knee(each: Plane) -> str:
    """Where more of one objective begins to cost much of the other."""
    at = each.front.knee
    if at is None:
        return ""
    sure = percent(float(each.front.at_knee[at]))
    return f" Knee (ringed; farthest from the line between the front’s ends, both scaled to it): {each.places[at].label}, in {sure} of draws."


def table(info: Info) -> Frame:
    """Every cell that has a place, with its share of draws on the front; a block of rows for each plane."""
    return pd.concat([_rows(each) for each in info.planes], ignore_index=True)


def _rows(each: Plane) -> Frame:
    found = each.front
    means, ends = each.values(found.means), (each.values(found.low), each.values(found.high))
    low, high = np.minimum(*ends), np.maximum(*ends)
    columns: dict[str, Any] = {"cell": [place.label for place in each.places], "seeds": [place.seeds for place in each.places]}
    for side, of in enumerate((each.x, each.y)):
        name = word(f"{of.column}@{of.when}")
        columns |= {name: means[:, side], f"{name}, low": low[:, side], f"{name}, high": high[:, side]}
    return pd.DataFrame({**columns, "on the front": found.on, "share of draws on it": found.probability, "share at the knee": found.at_knee})


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
    ends = each.values(np.stack([*each.front.means, *each.front.low, *each.front.high]))
    for side, (axis, of) in enumerate(((fig.update_xaxes, each.x), (fig.update_yaxes, each.y))):
        low, high = float(ends[:, side].min()), float(ends[:, side].max())
        room = (high - low or 1.0) * 0.09
        limits = [low - room, high + room]
        if side == 0 and each.aside:
            limits[1] = high + 3 * room
            fig.add_vrect(high + 1.4 * room, limits[1], fillcolor=translucent(GREY, 0.12), line_width=0, layer="below", **where)
            _draw_aside(fig, each, high + 2.2 * room, (float(ends[:, 1].min()), float(ends[:, 1].max())), where)
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
    middle = (across.min() + across.max()) / 2
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
    return f"{place.label} ({percent(info.front.probability[index])}{'' if place.n == place.of else f'; {place.seeds}'})"


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
        f"{word(info.x.column)} {number(mean[0])}, {word(info.y.column)} {number(mean[1])}<br>on the front in {percent(found.probability[index])} of draws"
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
