"""All axes and outcomes of every cell at once: a line a cell, from axis to axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.boundaries import position, scale_of
from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, dimensions
from analysis.figures.pareto_planes import cell_label
from analysis.figures.room import PX_PLOTS, wrapped
from analysis.figures.theme import GREY, arranged, number, shades, styled, traced, value_word
from analysis.figures.ticks import log_ticks
from analysis.frame import Frame, Series
from analysis.outcomes import outcomes

TITLE = "Parallel coordinates"
MOST_WORDS = 12  # ticks of an axis
BINS = 12  # of colours: a line has one colour


@dataclass(frozen=True)
class Axis:
    """One upright axis. `places`: (N,) of each cell, in [0, 1], NaN where it has none; `ticks`: place and word, escaped."""

    label: str
    places: NDArray[np.float64]
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Info:
    """`labels`: of the cells, escaped; `color`: (N,) in [0, 1], of the first outcome."""

    axes: tuple[Axis, ...]
    labels: tuple[str, ...]
    cells: tuple[int, ...]
    color: NDArray[np.float64]
    color_label: str
    caption: str


def prepare(tables: Tables) -> Info | str:
    """Axes that vary, then the means of outcomes over the seeds of each cell."""
    varied = dimensions(tables)
    if len(varied) < 2:
        return "fewer than two axes vary, so there are no parallel coordinates"
    known = tables.cells[list(dict.fromkeys(["cell", "n", "arm", "name", *tables.axes]))]
    rows = known[known["n"] > 0].to_dict("records")
    if not rows:
        return "no run has finished, so there are no parallel coordinates yet"
    axes = [_setting(each, rows) for each in varied]
    numbers = [row["cell"] for row in rows]
    means = [(each.label, _means(tables, each.values, numbers)) for each in outcomes(tables)]
    axes += [_measured(label, values, unit=index == 0) for index, (label, values) in enumerate(means)]
    caption = (
        f"A line a cell; its colour is the {means[0][0]}, from blue for none to red for all. Settings first; then means "
        "over seeds. A line ends where its cell has no value, as of an objective that no seed has."
    )
    return Info(tuple(axes), tuple(cell_label(tables, row) for row in rows), tuple(numbers), means[0][1], means[0][0], caption)


def _means(tables: Tables, values: NDArray[np.float64], cells: Sequence[int]) -> NDArray[np.float64]:
    means: Series = pd.Series(values).groupby(tables.runs["cell"].to_numpy()).mean()
    return means.reindex(cells).to_numpy(float)


def _setting(of: Dimension, rows: Sequence[dict]) -> Axis:
    """A setting: few values or words stand evenly, in order; many numbers as far apart as they are, on a log scale where they span that."""
    words = of.words()
    if len(of.values) <= MOST_WORDS or not all(isinstance(value, int | float) for value in of.values):
        step = 1 / max(1, len(words) - 1)
        every = max(1, -(-len(words) // MOST_WORDS))
        ticks = tuple((index * step, word) for index, word in enumerate(words) if index % every == 0)
        return Axis(of.label, np.array([of.index(row[of.column]) * step for row in rows]), ticks)
    scale = scale_of(of.values)
    low, high = (position(value, of.values, scale) for value in (of.values[0], of.values[-1]))
    values = np.array([position(row[of.column], of.values, scale) for row in rows])
    marks = [np.log10(tick) for tick in log_ticks(low, high)] if scale == "log" else np.linspace(low, high, 5)
    ticks = tuple((float((mark - low) / (high - low)), value_word(float(f"{10**mark if scale == 'log' else mark:.3g}"))) for mark in marks)
    return Axis(of.label, (values - low) / (high - low), ticks)


def _measured(label: str, values: NDArray[np.float64], unit: bool) -> Axis:
    known = values[np.isfinite(values)]
    low, high = (0.0, 1.0) if unit else (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    room = high - low or 1.0
    ticks = tuple((float((mark - low) / room), number(float(mark))) for mark in np.linspace(low, high if high > low else low + 1, 5 if high > low else 1))
    return Axis(label, (values - low) / room, ticks)


def table(info: Info) -> Frame:
    """A row a cell; heights on the axes, 0 at the foot."""
    return pd.DataFrame({"cell": info.labels, **{f"{axis.label} (height)": axis.places for axis in info.axes}})


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """Lines by colour, then a mark where each meets an axis, which tells the cell. Side by side in a narrow figure too, with smaller words."""
    fig = styled(go.Figure(), 470)
    heights = np.stack([axis.places for axis in info.axes], axis=1)
    across = range(len(info.axes))
    bins = np.clip((np.nan_to_num(info.color) * BINS).astype(int), 0, BINS - 1)
    colors = shades(BINS)  # all of them are seen on dark and on light
    traces = [_lines(heights[bins == each], colors[each]) for each in np.unique(bins)]
    marker = {"size": 6, "color": [colors[each] for each in bins]}
    marks = {"type": "scatter", "mode": "markers", "marker": marker, "showlegend": False, "hovertext": list(info.labels), "hoverinfo": "text"}
    traces += [{**marks, "x": [index] * len(heights), "y": heights[:, index], "customdata": list(info.cells)} for index in across]
    shapes = [{"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": {"color": GREY, "width": 1.2}, "layer": "below"} for at in across]
    room = PX_PLOTS[narrow] / len(info.axes)
    words = [word for at, axis in enumerate(info.axes) for word in (*_ticks(at, axis, 9 if narrow else 11, room), _head(at, axis, narrow, room))]
    axes = {"xaxis": {"visible": False, "range": [-0.55, len(across) - 0.7]}, "yaxis": {"visible": False, "range": [-0.04, 1.06]}}
    traced(fig, traces)
    return arranged(fig, {**axes, "annotations": words, "shapes": shapes, "margin": {"l": 30, "r": 30, "t": 128 if narrow else 84, "b": 20}})


def _lines(heights: NDArray[np.float64], color: str) -> dict[str, Any]:
    """A line for each row of `heights` (N, A), all in one trace."""
    xs = np.tile(np.append(np.arange(heights.shape[1]), np.nan), len(heights)).astype(np.float32)
    ys = np.pad(heights, ((0, 0), (0, 1)), constant_values=np.nan).ravel().astype(np.float32)
    look = {"mode": "lines", "line": {"color": color, "width": 1.6}, "opacity": 0.75, "hoverinfo": "skip", "showlegend": False}
    return {"type": "scatter", "x": xs, "y": ys, **look}


def _ticks(at: int, axis: Axis, size: int, room: float) -> list[dict]:
    """Words left of the axis at `at`, as much of each as there is `room` for in pixels; the table has all of it."""
    letters = max(4, int(room / (0.6 * size)))
    same = {"x": at, "xanchor": "right", "xshift": -6, "showarrow": False, "font": {"size": size}, "bgcolor": "rgba(138,138,138,0.18)"}
    return [{**same, "y": place, "text": shortened(text, letters)} for place, text in axis.ticks]


def _head(at: int, axis: Axis, narrow: bool, room: float) -> dict:
    """What the axis at `at` is, over it; in a narrow figure every other one stands higher, with the room of two."""
    size, shift = (10, 4 + 52 * (at % 2)) if narrow else (12, 4)
    text = wrapped(axis.label, int((2 if narrow else 1) * room / (0.6 * size)))
    return {"x": at, "y": 1, "yref": "paper", "yshift": shift, "text": text, "showarrow": False, "yanchor": "bottom", "font": {"size": size}}


def shortened(text: str, letters: int) -> str:
    """`text`, escaped, or as much of its end, which tells names apart, as so many letters hold."""
    plain = unescape(text)
    return text if len(plain) <= letters else f"…{escape(plain[1 - letters :], quote=False)}"
