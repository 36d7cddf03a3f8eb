"""The Pareto frontier of seed means, with P(on front), and the cells that have no place on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.collect import Tables, objective
from analysis.figures.dimensions import layout, plain
from analysis.figures.theme import GREY, OKABE_ITO, SYMBOLS, axis_word, number, percent, short_word, styled, top_margin, translucent, value_word, word
from analysis.frame import Frame
from analysis.pareto import Front, front

TITLE = "Pareto frontier"
MOST_LABELS = 8


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
class Info:
    """`front` is in costs (signs turned); `places`, by cell: arm number and label; `strip`: labels of cells with a run that lacks an objective."""

    x: Objective
    y: Objective
    front: Front
    arms: tuple[str, ...]
    places: tuple[tuple[int, str, int], ...]
    strip: tuple[str, ...]
    caption: str

    def values(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 2) costs as the objectives' own values."""
        return costs * np.array([self.x.sign, self.y.sign])


def prepare(tables: Tables) -> Info | str:
    """The front that the sweep's report asks for: its first minimised objective on x, its first maximised one on y; else its first two."""
    spec = tables.manifest["report"].get("pareto") or {}
    minimise = [Objective(column, when, 1) for column, when in (spec.get("minimise") or {}).items()]
    maximise = [Objective(column, when, -1) for column, when in (spec.get("maximise") or {}).items()]
    chosen = [*minimise[:1], *maximise[:1], *minimise[1:], *maximise[1:]][:2]
    if len(chosen) < 2:
        return "the sweep's report asks for no two objectives, so there is no Pareto frontier"
    values = [objective(tables, each.column, each.when) * each.sign for each in chosen]
    where, cells, places, strip = layout(tables, y="arm"), [], [], []
    for row in tables.cells.to_dict("records"):
        runs = tables.done.index[tables.done["cell"] == row["cell"]]
        costs = np.column_stack([each.loc[runs] for each in values])
        if len(runs) == 0:
            continue
        if np.isfinite(costs).all():
            cells.append(costs)
            places.append((where.y.index(row["arm"]), cell_label(tables, row), len(runs)))
        else:
            strip.append(cell_label(tables, row))
    if not cells:
        return f"no cell has {word(chosen[0].column)} and {word(chosen[1].column)} for all of its finished runs, so there is no Pareto frontier"
    found = front(cells)
    x, y = chosen
    return Info(x, y, found, tuple(where.y.words()), tuple(places), tuple(strip), _caption(tables, chosen, found, strip))


def cell_label(tables: Tables, row: dict) -> str:
    """A cell in words, escaped: arm and what varies."""
    varied = [path for path in tables.axes if tables.runs[path].nunique(dropna=False) > 1]
    parts = [value_word(row["arm"])] if len(tables.manifest["arms"]) > 1 else []
    words = short_word if sum(path.endswith(".weight") for path in varied) < 2 else axis_word
    parts += [f"{words(path)} = {value_word(plain(row[path]))}" for path in varied]
    return ", ".join(parts) or value_word(row["name"] or "all runs")


def _caption(tables: Tables, chosen: list[Objective], found: Front, strip: list[str]) -> str:
    reference = [number(value * each.sign) for value, each in zip(found.reference, chosen, strict=True)]
    low, high = found.hypervolume_interval
    text = (
        "Large: cells on the front of seed means, with bootstrap 95 % intervals; small: dominated cells. "
        "Number: the share of bootstrap draws over seeds in which the cell is on the front. "
        f"Shaded: 95 % band of the attained front. "
        f"Hypervolume {number(found.hypervolume)} [{number(low)}, {number(high)}], up to ({', '.join(reference)}), the worst of any run."
    )
    if strip:
        text += f" Without a place, because a run of theirs lacks an objective (it did not generalise, or has no such part): {'; '.join(strip)}."
    return text


def table(info: Info) -> Frame:
    """Every cell that has a place, with its share of draws on the front."""
    found = info.front
    means, ends = info.values(found.means), (info.values(found.low), info.values(found.high))
    low, high = np.minimum(*ends), np.maximum(*ends)
    columns: dict[str, Any] = {"cell": [label for _, label, _ in info.places], "seeds": [n for _, _, n in info.places]}
    for side, of in enumerate((info.x, info.y)):
        name = word(f"{of.column}@{of.when}")
        columns |= {name: means[:, side], f"{name}, low": low[:, side], f"{name}, high": high[:, side]}
    return pd.DataFrame({**columns, "on the front": found.on, "share of draws on it": found.probability})


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """Staircase, band, cells; one colour and symbol an arm."""
    found, fig = info.front, go.Figure()
    _draw_band(fig, info)
    corners = info.values(found.means[found.on][np.argsort(found.means[found.on][:, 0], kind="stable")])
    shape = "hv" if info.x.sign > 0 else "vh"
    fig.add_trace(
        go.Scatter(
            x=corners[:, 0],
            y=corners[:, 1],
            mode="lines",
            line={"color": GREY, "dash": "dot", "shape": shape, "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    for arm, name in enumerate(info.arms):
        for on in (False, True):
            _draw_cells(fig, info, arm, name, on)
        mark = {"color": OKABE_ITO[arm % len(OKABE_ITO)], "symbol": SYMBOLS[arm % len(SYMBOLS)], "size": 10}
        fig.add_trace(go.Scatter(x=[None], y=[None], mode="markers", marker=mark, name=name, legendgroup=name, hoverinfo="skip"))
    if not narrow and found.on.sum() <= MOST_LABELS:
        _label(fig, info)
    top = top_margin(info.arms, narrow, titles=False) if len(info.arms) > 1 else 24
    styled(fig, 430 + top)
    ends = info.values(np.stack([*found.means, *found.low, *found.high]))
    for side, (axis, of) in enumerate(((fig.update_xaxes, info.x), (fig.update_yaxes, info.y))):
        low, high = float(ends[:, side].min()), float(ends[:, side].max())
        room = (high - low or 1.0) * 0.09
        axis(title={"text": of.label}, range=[low - room, high + room])
    return fig.update_layout(margin={"t": top, "b": 60}, showlegend=len(info.arms) > 1)


def _label(fig: go.Figure, info: Info) -> None:
    """Names of the cells on the front, below and above in turn, since neighbours are close; twins share a place and a label."""
    labels: dict[tuple[float, float], list[str]] = {}
    for index in np.flatnonzero(info.front.on):
        place = info.values(info.front.means[index])
        labels.setdefault((float(place[0]), float(place[1])), []).append(f"{info.places[index][1]} ({percent(info.front.probability[index])})")
    for turn, ((x, y), names) in enumerate(sorted(labels.items())):
        where = {"yanchor": "top", "yshift": -6} if turn % 2 == 0 else {"yanchor": "bottom", "yshift": 6}
        fig.add_annotation(x=x, y=y, text="<br>".join(names), showarrow=False, xanchor="left", xshift=8, align="left", font={"size": 11}, **where)


def _draw_band(fig: go.Figure, info: Info) -> None:
    found = info.front
    known = np.isfinite(found.band_low) & np.isfinite(found.band_high)
    lower, upper = (info.values(np.column_stack([found.grid[known], each[known]])) for each in (found.band_low, found.band_high))
    line = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False}
    fig.add_trace(go.Scatter(x=lower[:, 0], y=lower[:, 1], **line))
    fig.add_trace(go.Scatter(x=upper[:, 0], y=upper[:, 1], fill="tonexty", fillcolor=translucent(GREY, 0.16), **line))


def _draw_cells(fig: go.Figure, info: Info, arm: int, name: str, on: bool) -> None:
    found, color, symbol = info.front, OKABE_ITO[arm % len(OKABE_ITO)], SYMBOLS[arm % len(SYMBOLS)]
    chosen = [index for index, (which, _, _) in enumerate(info.places) if which == arm and bool(found.on[index]) is on]
    if not chosen:
        return
    means, ends = info.values(found.means[chosen]), [info.values(found.low[chosen]), info.values(found.high[chosen])]
    low, high = np.minimum(*ends), np.maximum(*ends)
    bars = [
        {
            "type": "data",
            "symmetric": False,
            "array": high[:, side] - means[:, side],
            "arrayminus": means[:, side] - low[:, side],
            "thickness": 1.1,
            "width": 3,
            "color": color,
            "visible": on,
        }
        for side in (0, 1)
    ]
    hover = [
        f"<b>{info.places[index][1]}</b> (n = {info.places[index][2]})<br>"
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
            cliponaxis=False,
        )
    )
