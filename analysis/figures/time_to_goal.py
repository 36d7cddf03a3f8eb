"""Time to generalise against the first axis, at one threshold or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, log10
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.cells import groups_of, times
from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, layout, split
from analysis.figures.room import PX_PLOTS, abreast, entry, top_margin
from analysis.figures.theme import GREY, OKABE_ITO, SYMBOLS, median_word, styled, traced, translucent, upper_word, word
from analysis.figures.ticks import log_axis
from analysis.frame import Frame
from analysis.goal_words import GENERALISED, GoalWords, words_of
from analysis.scaling import Scaling, scaling
from analysis.statistics import Interval, survival
from analysis.verdicts import at_threshold

TITLE = "Time to generalise"
MILDER = 0.9
NARROWEST = 0.8  # of the axis of times, in powers of ten
NOT_YET = "not by then"
FITTED = "Dotted: medians by the power law whose exponents stand under Statistics."


@dataclass(frozen=True)
class Point:
    """One cell: the Kaplan-Meier median, the steps at which its seeds generalised, where the others were left, and the median by the power law, if any."""

    column: int
    median: Interval
    times: tuple[float, ...]
    censored: tuple[float, ...]
    fitted: float | None = None


@dataclass(frozen=True)
class Info:
    """Panels (title, lines (label, points)). Text is escaped.

    Attributes:
        joined: whether medians are, since x is numbers; arms and names have no order.
        words: what it is called to reach the goal.   y_label: of times, where it is not as usual.
    """

    panels: tuple[tuple[str, tuple[tuple[str, tuple[Point, ...]], ...]], ...]
    x_label: str
    x_words: tuple[str, ...]
    caption: str
    joined: bool = True
    words: GoalWords = GENERALISED
    y_label: str = ""


def prepare(tables: Tables, thresholds: Sequence[float] | None = None, x: str | None = None) -> Info | str:
    """Times at each of `thresholds` of the goal over `x`; default: the verdicts' own, after a milder one of test accuracy; as the sweep says."""
    own = tables.thresholds.goal
    chosen = thresholds or ([MILDER, own] if tables.thresholds.goal_column == "test_acc" and own > MILDER else [own])
    if tables.done.empty:
        return "no run has finished, so there are no times yet"
    where, law = layout(tables, x), scaling(tables)
    medians = law.medians if isinstance(law, Scaling) else {}
    panels = []
    for threshold in chosen:
        judged = at_threshold(tables, threshold)
        lines = []
        for title, part in split(judged, [*([where.y] if where.y.column else []), *where.rest]):
            lines.append((title, tuple(_points(part, where.x, medians if threshold == own else {}))))
        panels.append(
            (
                f"{word(tables.thresholds.goal_column)} ≥ {threshold:g}"
                if tables.goal.direction == "max"
                else f"{word(tables.thresholds.goal_column)} ≤ {threshold:g}",
                tuple(lines),
            )
        )
    words = words_of(tables.manifest)
    caption = words.say(
        "Marker: Kaplan-Meier median over seeds with its 95 % interval, drawn up to the slowest seed where the interval has no upper limit, as with fewer than "
        "6 seeds. Dots: seeds that generalised, at the first evaluation that shows it; "
        "open triangles: seeds that had not, at the last evaluation not at the threshold. No marker: not reached by half of the seeds."
    )
    joined = where.x.numeric
    return Info(tuple(panels), where.x.label, tuple(where.x.words()), f"{caption}{f' {FITTED}' if medians else ''}", joined, words)


def _points(part: Frame, x: Dimension, fitted: Mapping[int, float]) -> list[Point]:
    """The cells of a line, in the order of `x`."""
    when, event = np.array(times(part), float), part["event"].to_numpy(bool)
    grok, horizon = (part[name].to_numpy(float) for name in ("t_grok", "horizon"))
    cells, values = part["cell"].to_numpy(), part[x.column].to_numpy() if x.column else None
    found = []
    for own in groups_of(cells):
        column, had, not_yet = x.index(values[own[0]]) if values is not None else 0, own[event[own]], own[~event[own]]
        median = survival(when[own], event[own]).median()
        found.append(Point(column, median, tuple(grok[had].tolist()), tuple(horizon[not_yet].tolist()), fitted.get(int(cells[own[0]]))))
    return sorted(found, key=lambda each: each.column)


def table(info: Info) -> Frame:
    """The medians with their intervals; inf is "not reached"."""
    rows = []
    fitted = any(each.fitted for _, lines in info.panels for _, points in lines for each in points)
    for panel, lines in info.panels:
        for label, points in lines:
            for point in points:
                key = {
                    "threshold": panel,
                    "line": label,
                    info.x_label: info.x_words[point.column],
                    info.words.past: len(point.times),
                    "not": len(point.censored),
                }
                high = upper_word(point.median.high, len(point.times) + len(point.censored))
                law = {"by the power law": point.fitted} if fitted else {}
                rows.append({**key, "median": point.median.value, "low": point.median.low, "high": high, **law})
    return pd.DataFrame(rows)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """A panel a threshold; lines are moved a little apart, so that they do not cover one another."""
    n, lines = len(info.panels), info.panels[0][1]
    rows, columns = (n, 1) if narrow else (1, n)
    words = [*([entry(label) for label, _ in lines] if len(lines) > 1 else []), *([NOT_YET] if any(_left(points) for _, points in lines) else [])]
    titles, lines_of_titles = abreast([title for title, _ in info.panels], PX_PLOTS[narrow] / columns)
    top = top_margin(words, narrow) + lines_of_titles
    fig = make_subplots(rows, columns, subplot_titles=titles, horizontal_spacing=0.08, vertical_spacing=min(0.2, 0.32 / rows), shared_yaxes=False)
    traces = list[dict[str, Any]]()
    for panel, (_, drawn) in enumerate(info.panels):
        axes = {f"{side}axis": f"{side}{panel + 1 if panel else ''}" for side in "xy"}
        for index, (label, points) in enumerate(drawn):
            shift = (index - (len(drawn) - 1) / 2) * min(0.16, 0.6 / len(drawn))
            traces += [each | axes for each in _traces(label, points, index, shift, info)]
    traced(fig, [*traces, *_legend(words, info.joined)])
    styled(fig, top + 60 + rows * 310)
    fig.update_xaxes(
        tickvals=list(range(len(info.x_words))),
        ticktext=list(info.x_words),
        range=[-0.5, len(info.x_words) - 0.5],
        title={"text": info.x_label, "standoff": 6},
        showgrid=False,
    )
    low, high = _limits(info)
    fig.update_yaxes(log_axis(low, high, ","), title={"text": ""})
    fig.update_yaxes(title={"text": info.y_label or f"steps to {info.words.base} (log)"}, col=1)  # panels side by side are on one scale
    return fig.update_layout(margin={"t": top, "b": 60})


def _limits(info: Info) -> tuple[float, float]:
    """Range of log10 steps over everything drawn, with some room."""
    drawn = [
        value
        for _, lines in info.panels
        for _, points in lines
        for point in points
        for value in (*point.times, *point.censored, point.median.value, point.fitted or 0)
        if 0 < value < inf
    ]
    low, high = log10(min(drawn, default=1)), log10(max(drawn, default=10))
    room = max(0.08, (NARROWEST - (high - low)) / 2)
    return low - room, high + room


def _traces(label: str, points: tuple[Point, ...], index: int, shift: float, info: Info) -> list[dict[str, Any]]:
    """Seeds, the power law where there is one, and medians of a line, as plain traces."""
    color, symbol = OKABE_ITO[index % len(OKABE_ITO)], SYMBOLS[index % len(SYMBOLS)]
    group, found = {"type": "scatter", "legendgroup": label, "showlegend": False}, list[dict[str, Any]]()
    for of, mark, size in ((lambda point: point.times, "circle", 5), (lambda point: point.censored, "triangle-up-open", 9)):
        xs = [point.column + shift + 0.05 for point in points for _ in of(point)]
        ys = [each for point in points for each in of(point)]
        what = f"{info.words.past} at" if mark == "circle" else f"had not {info.words.past} by"
        marker = {"color": translucent(color, 0.55), "size": size, "symbol": mark}
        marker |= {"color": color, "line": {"width": 1.8}} if mark.endswith("open") else {}
        found.append(
            {**group, "x": xs, "y": ys, "mode": "markers", "marker": marker, "hovertemplate": f"{label}: one seed {what} step %{{y:,}}<extra></extra>"}
        )
    lawful = [point for point in points if point.fitted is not None]
    if lawful:
        xs, ys = [point.column + shift for point in lawful], [point.fitted for point in lawful]
        dotted = {"color": color, "width": 1.5, "dash": "dot"}
        found.append({**group, "x": xs, "y": ys, "mode": "lines", "line": dotted, "hovertemplate": f"{label}: %{{y:,.0f}} by the power law<extra></extra>"})
    reached = [point for point in points if isfinite(point.median.value)]
    ups = [(point.median.high if isfinite(point.median.high) else max((*point.times, *point.censored))) - point.median.value for point in reached]
    downs = [point.median.value - point.median.low if isfinite(point.median.low) else 0.0 for point in reached]
    hover = [f"<b>{label}</b><br>median {median_word(each.median, len(each.times) + len(each.censored))}" for each in reached]
    medians = {"x": [point.column + shift for point in reached], "y": [point.median.value for point in reached]}
    bars = {"type": "data", "symmetric": False, "array": ups, "arrayminus": downs, "thickness": 1.2, "width": 4, "color": color}
    look = {"mode": _mode(info.joined), "line": {"color": color, "width": 1.5}, "marker": {"color": color, "symbol": symbol, "size": 11}}
    found.append({**group, **medians, **look, "error_y": bars, "name": label, "hovertext": hover, "hoverinfo": "text"})
    return found


def _left(points: Sequence[Point]) -> bool:
    """Whether any seed of these had not generalised."""
    return any(point.censored for point in points)


def _mode(joined: bool) -> str:
    return "lines+markers" if joined else "markers"


def _legend(words: Sequence[str], joined: bool) -> list[dict[str, Any]]:
    """Entries of their own: a line of which no median was reached has one too. The last may be of the open triangles."""
    found = []
    for index, name in enumerate(words):
        color, symbol = OKABE_ITO[index % len(OKABE_ITO)], SYMBOLS[index % len(SYMBOLS)]
        marker: dict[str, Any] = {"color": color, "symbol": symbol, "size": 11}
        if name == NOT_YET:
            marker = {"color": GREY, "symbol": "triangle-up-open", "size": 9, "line": {"width": 1.8}}
        look = {"mode": _mode(joined and name != NOT_YET), "marker": marker, "line": {"color": color, "width": 1.5}}
        found.append({"type": "scatter", "x": [None], "y": [None], "xaxis": "x", "yaxis": "y", **look, "name": name, "legendgroup": name, "showlegend": True})
    return found
