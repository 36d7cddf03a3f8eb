"""How curves over steps are drawn: panels of shared ranges, a colour a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures.room import PX_PLOTS, abreast, top_margin
from analysis.figures.series import Info, Line, Points
from analysis.figures.theme import GREY, arranged, shades, styled, traced, translucent
from analysis.figures.ticks import FEWEST, MOST, log_axis, whole_ticks

PX_PER_PANEL, PX_BETWEEN = 210, 62


def joined(seeds: Sequence[Points]) -> Points:
    """All seeds as one line, with a gap after each."""
    steps, values = zip(*((np.append(each[0], np.nan), np.append(each[1], np.nan)) for each in seeds), strict=True)
    return np.concatenate(steps), np.concatenate(values)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """Small multiples; a click on the legend hides a value everywhere."""
    places = list(info.panels if narrow else info.places)
    columns = 1 if narrow else info.n_columns
    rows = -(-len(places) // columns)
    titles, lines = abreast([panel.title for panel in info.panels], PX_PLOTS[narrow] / columns)
    top, between = top_margin(info.labels, narrow, heading=info.legend_title) + lines, PX_BETWEEN + lines
    height = top + 56 + rows * PX_PER_PANEL + (rows - 1) * between
    inner = height - top - 56
    fig = make_subplots(
        rows,
        columns,
        specs=[[{} if places[row * columns + column] else None for column in range(columns)] for row in range(rows)],
        subplot_titles=titles,
        vertical_spacing=between / inner if rows > 1 else 0.1,
        horizontal_spacing=0.08 if columns < 3 else 0.05,
    )
    styled(fig, height)
    colors, told, traces = shades(max(1, len(info.labels))), set(), list[dict[str, Any]]()
    low, high = _step_range(info)
    steps = log_axis(low, high, ",", most=MOST if columns < 3 else FEWEST + 1) if info.log_steps else {"range": [low, high], "tickformat": ","}
    steps_title = {"text": f"{info.words.step}{' (log)' if info.log_steps else ''}", "standoff": 6, "font": {"size": 13}}
    own: dict[str, Any] = {"margin": {"t": top, "b": 56}, "legend": {"title": {"text": info.legend_title}, "traceorder": "normal"}}
    across = []
    first = {index // columns: index for index, panel in reversed(list(enumerate(places))) if panel and panel.lines}
    for index, panel in enumerate(places):
        if panel is None:
            continue
        n_before = sum(each is not None for each in places[:index])  # axes are numbered row by row, empty places left out
        axes = {f"{side}axis": f"{side}{n_before + 1 if n_before else ''}" for side in "xy"}
        for place, line in enumerate(panel.lines):
            new = bool(info.labels) and line.label not in told
            told.add(line.label)
            traces += [each | axes for each in _traces(line, colors[line.order], new, panel.dodge * place)]
        dashed = {"type": "line", "x0": 0, "x1": 1, "xref": f"{axes['xaxis']} domain", "yref": axes["yaxis"], "layer": "below"}
        across += [{**dashed, "y0": level, "y1": level, "line": {"color": GREY, "width": 1, "dash": "dash"}} for level in panel.levels]
        label = f"{panel.y_label} (log)" if panel.log else panel.y_label
        leads = first.get(index // columns, index) == index  # a row has one measure, and one range
        title = {"text": label if leads else "", "font": {"size": 13}}
        ticks = log_axis(*panel.y_range) if panel.log else whole_ticks(*panel.y_range) if panel.whole else {}
        lowest = index + columns >= len(places) or places[index + columns] is None
        own[f"yaxis{axes['yaxis'][1:]}"] = {"range": panel.y_range, **ticks, "title": title, "showticklabels": leads}
        own[f"xaxis{axes['xaxis'][1:]}"] = {**steps, **({"title": steps_title} if lowest else {})}
    traced(fig, traces)
    return arranged(fig, own | ({"shapes": across} if across else {}))


def _step_range(info: Info) -> list[float]:
    """The same for all panels: from the first step drawn to the last."""
    ends = [end for panel in info.panels for line in panel.lines for end in (line.points[0][0], line.points[0][-1])]
    return [float(np.log10(each)) if info.log_steps else float(each) for each in (min(ends), max(ends))]


def _traces(line: Line, color: str, told: bool, shift: float) -> list[dict[str, Any]]:
    """What a line shows, as plain traces, in single precision: a page has thousands. `shift`: how much higher it is drawn than it is."""
    group = {"type": "scatter", "mode": "lines", "legendgroup": line.label}
    found = []
    if line.seeds:
        steps, values = joined(line.seeds)
        thin = {"color": translucent(color, 0.16), "width": 0.8}
        found.append({**group, "x": np.float32(steps), "y": np.float32(values + shift), "line": thin, "hoverinfo": "skip", "showlegend": False})
    steps, values = line.points
    own, hover = ({"customdata": np.float32(values)}, "customdata") if shift else ({}, "y")
    thick = {"x": np.float32(steps), "y": np.float32(values + shift), "line": {"color": color, "width": 2.2, "dash": line.dash}, **own}
    legend = {"name": line.label, "legendrank": 1000 + line.order}
    found.append({**group, **legend, **thick, "showlegend": False, "hovertemplate": f"{line.label}: %{{{hover}:.3g}} at step %{{x:,}}<extra></extra>"})
    if told:  # an entry of its own, so that the legend shows a solid line whatever was drawn first
        found.append({**group, **legend, "x": [None], "y": [None], "line": {"color": color, "width": 2.2}})
    return found
