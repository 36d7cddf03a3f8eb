"""How panels look: places, axes, colours, and legends that stand in the titles, each name in its line's colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, log10
from typing import Any

import numpy as np
import plotly.graph_objects as go

from analysis.figures.theme import AXIS, GREY, OKABE_ITO, SCALE, base_layout, paged, shades, translucent
from analysis.figures.ticks import log_axis
from analysis.run_figures.panels import Bars, Box, Curve, Heat, Info, Lines, Panel, span

GLYPHS = {"solid": "━", "dot": "┅", "dash": "╍"}
PX_WIDE = {True: 276, False: 940}  # the room for plots, narrow or not, as far as text is wrapped by it
PX_TITLE, PX_LINE, PX_BELOW, PX_CHARACTER = 24, 18, 50, 7.0
PX_BOLD, SEPARATOR = 7.6, " · "
X_BETWEEN = {True: 0.17, False: 0.085}  # of the plots' width, for the labels of the next column
PX_TOP = 8
FEW = 12


@dataclass(frozen=True)
class Row:
    """Panels side by side: the share of the plots' width that each has, and pixels of text above and of the plots."""

    panels: tuple[int, ...]
    share: float
    above: int
    height: int

    @property
    def whole(self) -> int:
        """Pixels, with the labels below."""
        return self.above + self.height + PX_BELOW


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """The figure in the theme. Wide and narrow have the same traces, and differ in layout alone.

    Traces and layout are gathered as plain data and checked once, at the end: that is ten times as fast as to update a figure panel by panel.
    """
    rows = _rows(info, narrow)
    total = sum(row.whole for row in rows)
    layout = base_layout(total + PX_TOP) | _scales(info, rows, not narrow) | {"annotations": [], "shapes": [], "showlegend": False}
    layout["margin"] = {"t": PX_TOP, "b": 0, "l": 70, "r": 24 if narrow or not info.scales else 92}
    traces, top = [], total
    for row in rows:
        top -= row.above
        for place, index in enumerate(row.panels):
            panel, suffix = info.panels[index], "" if index == 0 else str(index + 1)
            left = place * (row.share + X_BETWEEN[narrow])
            traces += [{**trace, "xaxis": f"x{suffix}", "yaxis": f"y{suffix}"} for trace in _traces(info, panel)]
            for side, axis in _axes(info, panel, place == 0).items():
                domain = [left, left + row.share] if side == "x" else [(top - row.height) / total, top / total]
                axis |= {"scaleanchor": f"x{suffix}"} if _square(panel) and side == "y" else {}
                own = {"domain": domain, "anchor": f"{'y' if side == 'x' else 'x'}{suffix}", "automargin": False, "tickfont": {"size": 11}}
                layout[f"{side}axis{suffix}"] = {**AXIS, **own, **axis}
            layout["annotations"] += _heading(_wrapped(info, index, row.share * PX_WIDE[narrow]), suffix)
            layout["shapes"] += _shapes(info, panel, suffix)
        top -= row.height + PX_BELOW
    return go.Figure({"data": paged(traces), "layout": layout})


def _rows(info: Info, narrow: bool) -> list[Row]:
    """Panels row by row, with the text and plots that are tallest in each. In a narrow figure only tables of pairs stand side by side."""
    most = min(len(info.panels), info.n_narrow if narrow else info.n_columns)
    found: list[list[int]] = []
    for index, panel in enumerate(info.panels):
        fits = found and len(found[-1]) < most
        if fits and (not narrow or (_square(panel) and _square(info.panels[found[-1][-1]]))):
            found[-1].append(index)
        else:
            found.append([index])
    return [_row(info, indices, most if not narrow or _square(info.panels[indices[0]]) else 1, narrow) for indices in found]


def _row(info: Info, indices: Sequence[int], columns: int, narrow: bool) -> Row:
    share = (1 - X_BETWEEN[narrow] * (columns - 1)) / columns
    width = share * PX_WIDE[narrow]
    above = max(PX_TITLE + PX_LINE * (len(_wrapped(info, index, width)) - 1) for index in indices)
    panels = [info.panels[index] for index in indices]
    height = max(min(each.height, ceil(width)) if _square(each) else each.height for each in panels)
    return Row(tuple(indices), share, above, height)


def _square(panel: Panel) -> bool:
    return isinstance(panel, Heat) and panel.square


def _colors(panel: Lines) -> list[str]:
    if panel.graded:
        return shades(max(2, max(each.order for each in panel.curves) + 1))
    return list(OKABE_ITO)


def _wrapped(info: Info, index: int, width: float) -> list[str]:
    """The title, and below it the legend in lines that fit; the first panel of lines says what the marks are, too."""
    panel = info.panels[index]
    log = " (log)" if isinstance(panel, Lines) and panel.is_log else ""
    head = [f"<b>{line}</b>" for line in _stacked(f"{panel.title}{log}", width)] if panel.title else []
    if isinstance(panel, Bars):
        return head
    words = _legend(panel) if isinstance(panel, Lines) else [(f"■ {word}", shades(len(panel.legend))[place]) for place, word in enumerate(panel.legend)]
    if index == _first_lines(info):
        words += [(f"┊ {text} at {step:,}", GREY) for step, text in info.marks]
    rows, used = list[str](), 0.0
    for word, color in words:
        text, need = f'<span style="color:{color}">{word}</span>', PX_CHARACTER * (len(word) + 3)
        if rows and used + need <= width:
            rows[-1], used = f"{rows[-1]}&nbsp;&nbsp;&nbsp;{text}", used + need
        else:
            rows, used = [*rows, text], need
    return [*head, *rows]


def _legend(panel: Lines) -> list[tuple[str, str]]:
    """The words of the curves that have one, with their colours."""
    colors, named = _colors(panel), [each for each in panel.curves if each.label]
    return [(f"{GLYPHS[each.dash]} {each.label}", colors[each.order % len(colors)]) for each in named] if panel.told and len(named) > 1 else []


def _stacked(title: str, width: float) -> list[str]:
    """`title` in lines that fit, broken between its parts."""
    found: list[str] = []
    for part in title.split(SEPARATOR):
        if found and PX_BOLD * len(found[-1] + SEPARATOR + part) <= width:
            found[-1] += SEPARATOR + part
        else:
            found.append(part)
    return found


def _first_lines(info: Info) -> int:
    """The first panel of lines over steps; -1 where there is none."""
    return next((index for index, panel in enumerate(info.panels) if over_steps(panel)), -1)


def over_steps(panel: Panel) -> bool:
    """Whether a panel is of lines over steps."""
    return isinstance(panel, Lines) and not panel.x_label


def _heading(text: list[str], suffix: str) -> list[dict[str, Any]]:
    """Title and legend above a panel, from its left edge."""
    place = {"xref": f"x{suffix} domain", "yref": f"y{suffix} domain", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "yshift": 3}
    return [{"text": "<br>".join(text), "showarrow": False, "align": "left", "font": {"size": 12.5}, **place}] if text else []


def _shapes(info: Info, panel: Panel, suffix: str) -> list[dict[str, Any]]:
    """What is drawn over or under a panel's traces: marks, levels, frames."""
    if isinstance(panel, Bars):
        return []
    if isinstance(panel, Heat):
        return [_frame(box, suffix) for box in panel.boxes]
    across = {"type": "line", "x0": 0, "x1": 1, "xref": f"x{suffix} domain", "yref": f"y{suffix}", "layer": "below"}
    levels = [{**across, "y0": level, "y1": level, "line": {"color": GREY, "width": 1, "dash": "dash"}} for level in panel.levels]
    return [*levels, *(_marks(info, suffix) if over_steps(panel) else [])]


def _frame(box: Box, suffix: str) -> dict[str, Any]:
    color = GREY if box.order < 0 else shades(box.of)[box.order]
    place = {"x0": box.left, "x1": box.right, "y0": box.low, "y1": box.high, "xref": f"x{suffix}", "yref": f"y{suffix}"}
    return {"type": "rect", "line": {"color": color, "width": 2}, **place}


def _marks(info: Info, suffix: str) -> list[dict[str, Any]]:
    """Upright lines at the marks."""
    line = {"color": GREY, "width": 1, "dash": "dot"}
    place = {"y0": 0, "y1": 1, "xref": f"x{suffix}", "yref": f"y{suffix} domain"}
    return [{"type": "line", "x0": step, "x1": step, "line": line, "layer": "below", **place} for step, _ in info.marks]


def _titled(text: str) -> dict[str, Any]:
    return {"text": text, "standoff": 4, "font": {"size": 12}}


def _axes(info: Info, panel: Panel, leftmost: bool) -> dict[str, dict[str, Any]]:
    """Both axes of a panel, but for where they are."""
    if isinstance(panel, Lines):
        own = {"title": _titled(panel.x_label), "nticks": 6, "tickformat": ","}
        return {"x": own if panel.x_label else _steps_axis(info), "y": _values_axis(panel)}
    x: dict[str, Any] = {"title": _titled(panel.x_label), "showgrid": False, "nticks": 5, "tickformat": ","}
    if isinstance(panel, Bars):
        return {"x": x, "y": {"title": _titled(panel.y_label), **({"rangemode": "tozero"} if panel.high is None else {"range": [0, panel.high]})}}
    y: dict[str, Any] = {"title": _titled(panel.y_label if leftmost or not panel.square else ""), "showgrid": False, "nticks": 5}
    y |= {"dtick": 1} if len(panel.y) <= FEW and (panel.y == panel.y.round()).all() else {}
    square = {"constrain": "domain"} if panel.square else {}
    down = {"autorange": "reversed"} if panel.down else {}
    plain = {} if panel.x_label else {"showticklabels": False, "ticks": "", "showline": False}  # a sheet of pictures
    return {"x": x | square | plain, "y": y | square | down | plain}


def _traces(info: Info, panel: Panel) -> list[dict[str, Any]]:
    """What a panel shows, as plain traces."""
    if isinstance(panel, Lines):
        colors = _colors(panel)
        where = f"{panel.x_label} %{{x:,}}" if panel.x_label else "step %{x:,}"
        return [trace for each in _alike(panel.curves) for trace in _curves(each, colors[each[0].order % len(colors)], panel.is_log, where)]
    if isinstance(panel, Bars):
        colors = [OKABE_ITO[1] if x in panel.chosen else OKABE_ITO[0] for x in panel.x.tolist()]
        hover = f"{panel.x_label} %{{x:.3g}}: %{{y:.3g}}<extra></extra>"
        return [{"type": "bar", "x": panel.x, "y": panel.values, "marker": {"color": colors, "line": {"width": 0}}, "hovertemplate": hover}]
    label = info.scales[panel.scale].label
    hover = f"{panel.x_label} %{{x:,}}, {panel.y_label} %{{y:,}}: {label} %{{z:.3g}}<extra></extra>"
    values = panel.values.astype(np.float32)  # as many bytes on the page as there must be
    return [
        {"type": "heatmap", "x": panel.x, "y": panel.y, "z": values, "coloraxis": _coloraxis(info, panel.scale), "hovertemplate": hover, "hoverongaps": False}
    ]


def _alike(curves: Sequence[Curve]) -> list[list[Curve]]:
    """Curves that differ in their seeds alone, together; each other by itself."""
    found: dict[Any, list[Curve]] = {}
    for number, each in enumerate(curves):
        found.setdefault(number if each.seed is None else (each.label, each.order, each.dash), []).append(each)
    return list(found.values())


def _curves(alike: Sequence[Curve], color: str, log: bool, where: str) -> list[dict[str, Any]]:
    """A line for each, all in one trace with gaps between them: to draw a trace takes longer than its points do."""
    if alike[0].seed is None:
        return _curve(alike[0], color, log, where)
    seeds = [seed for each in alike for seed in [each.seed] * (len(each.steps) + 1)]
    steps, values = (np.concatenate([np.append(getattr(each, name), np.nan) for each in alike]) for name in ("steps", "values"))
    (line,) = _curve(replace(alike[0], label=f"{alike[0].label}, seed %{{customdata}}", steps=steps, values=values), color, log, where)
    return [line | {"name": alike[0].label, "mode": _mode(alike), "customdata": np.array(seeds), "connectgaps": False}]


def _mode(curves: Sequence[Curve]) -> str:
    return "lines+markers" if max(len(each.steps) for each in curves) < FEW else "lines"


def _curve(each: Curve, color: str, log: bool, where: str) -> list[dict[str, Any]]:
    """A line, and behind it its band where it has one."""
    hover = f"{each.label}: %{{y:.4g}} at {where}<extra></extra>"
    style = {"line": {"color": color, "width": 2, "dash": each.dash}, "marker": {"size": 5, "color": color}}
    line = {"type": "scatter", "x": each.steps, "y": each.values, "mode": _mode([each]), "name": each.label, "hovertemplate": hover, **style}
    if each.spread is None:
        return [line]
    spread = np.nan_to_num(each.spread)
    lower = np.maximum(each.values - spread, each.values / 10) if log else each.values - spread  # 0 and below have no place on a log scale
    x, y = np.concatenate([each.steps, each.steps[::-1]]), np.concatenate([each.values + spread, lower[::-1]])
    band = {"type": "scatter", "x": x, "y": y, "mode": "lines", "line": {"width": 0}, "fill": "toself", "fillcolor": translucent(color, 0.2)}
    return [band | {"hoverinfo": "skip"}, line]


def _coloraxis(info: Info, scale: str) -> str:
    number = list(info.scales).index(scale)
    return f"coloraxis{number + 1 if number else ''}"


def _scales(info: Info, rows: Sequence[Row], shown: bool) -> dict[str, Any]:
    """Every colour scale, and beside the first row that has it, its bar."""
    total, found = sum(row.whole for row in rows), {}
    for name, scale in info.scales.items():
        first = next(number for number, row in enumerate(rows) if any(getattr(info.panels[index], "scale", None) == name for index in row.panels))
        top = 1 - (sum(row.whole for row in rows[:first]) + rows[first].above) / total
        place = {"x": 1.01, "xanchor": "left", "y": top, "yanchor": "top", "lenmode": "pixels", "len": max(110, rows[first].height), "thickness": 12}
        bar = {**place, "outlinewidth": 0, "title": {"text": scale.label, "side": "right", "font": {"size": 12}}, "nticks": 5, "tickfont": {"size": 11}}
        found[_coloraxis(info, name)] = {"colorscale": SCALE, "cmin": scale.low, "cmax": scale.high, "showscale": shown, "colorbar": bar}
    return found


def _steps_axis(info: Info) -> dict[str, Any]:
    """From the first step that any line has to the last."""
    curves = [each for panel in info.panels if isinstance(panel, Lines) and over_steps(panel) for each in panel.curves]
    ends = [end for each in curves for end in (each.steps[0], each.steps[-1])]
    low, high = (log10(end) if info.log_steps else float(end) for end in (min(ends, default=1), max(ends, default=1)))
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    if info.log_steps:
        return {**log_axis(low, high, ","), "title": _titled("step (log)")}
    return {"range": [low, high], "nticks": 6, "tickformat": ",", "title": _titled("step")}


def _values_axis(panel: Lines) -> dict[str, Any]:
    """The range of all that is drawn, with some room; given ends are kept."""
    drawn = [each.values for each in panel.curves]
    drawn += [each.values + sign * each.spread for each in panel.curves if each.spread is not None for sign in (-1, 1)]
    drawn.append(np.array([*panel.levels, *(end for end in (panel.low, panel.high) if end is not None)], float))
    low, high = span(drawn)
    if not panel.is_log:
        low, high = (0.0, 1.0) if (low, high) == span([np.zeros(1)]) else (low, high)  # of what is 0 throughout nothing is below 0
        room = 0.05 * (high - low or 1.0)
        return {"range": [low - room, high + room], "nticks": 6}
    lowest = min([*panel.levels, *(float(each.values[np.isfinite(each.values)].min(initial=np.inf)) for each in panel.curves)])
    ends = [log10(lowest) if np.isfinite(lowest) else -1.0, log10(max(high, 1e-300))]
    room = 0.06 * (ends[1] - ends[0] or 1.0)
    return log_axis(ends[0] - room, ends[1] + room)
