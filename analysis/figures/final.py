"""Where runs end up: final accuracy against what the computation costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.collect import Tables
from analysis.figures.dimensions import layout
from analysis.figures.theme import SYMBOLS, shades, styled, top_margin, translucent, word
from analysis.frame import Frame
from analysis.statistics import Interval

TITLE = "Final accuracy against final cost"
COSTS = ("effective_depth", "functional_depth", "routing_entropy_norm")


@dataclass(frozen=True)
class Group:
    """One cell on one panel. `runs`: (cost, accuracy) of each seed; `x`, `y`: means with intervals."""

    arm: int
    order: int
    label: str
    runs: tuple[tuple[float, float], ...]
    x: Interval
    y: Interval


@dataclass(frozen=True)
class Info:
    """A panel for each measure of cost. Text is escaped."""

    panels: tuple[tuple[str, tuple[Group, ...]], ...]
    arms: tuple[str, ...]
    legend_title: str
    labels: tuple[str, ...]
    y_label: str
    caption: str


def prepare(tables: Tables) -> Info | str:
    """Final values of every done run, and their means by cell."""
    goal = f"{tables.thresholds.goal_column}@end"
    costs = [f"{name}@end" for name in COSTS if f"{name}@end" in tables.runs and tables.runs[f"{name}@end"].notna().any()]
    if not costs:
        return "no run has gates or routers, so there is no cost to set against accuracy"
    where = layout(tables, y="arm")
    arms, labels = where.y.words(), where.x.words()
    panels = []
    for cost in costs:
        groups = []
        for row in tables.cells.to_dict("records"):
            runs = tables.done[tables.done["cell"] == row["cell"]]
            points = [(x, y) for x, y in zip(runs[cost].astype(float), runs[goal].astype(float), strict=True) if x == x and y == y]
            if points:
                order = where.x.index(row[where.x.column]) if where.x.column else 0
                means = [Interval(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in (cost, goal)]
                groups.append(
                    Group(where.y.index(row["arm"]), order, f"{arms[where.y.index(row['arm'])]}, {where.x.label} {labels[order]}", tuple(points), *means)
                )
        panels.append((word(cost), tuple(groups)))
    caption = (
        "Large: mean over seeds with its 95 % interval; small: each seed. Colour is the strength of the charge, the symbol is the arm. "
        "Upper left is better: more accuracy for less. Whole numbers are drawn a little apart."
    )
    return Info(tuple(panels), tuple(arms), where.x.label, tuple(labels) if where.x.column else (), word(goal), caption)


def table(info: Info) -> Frame:
    """The means with their intervals."""
    rows = []
    for cost, groups in info.panels:
        for group in groups:
            key = {"cost": cost, "cell": group.label, "seeds": len(group.runs)}
            x, y = group.x, group.y
            rows.append(
                {
                    **key,
                    "mean cost": x.value,
                    "low": x.low,
                    "high": x.high,
                    info.y_label: y.value,
                    f"{info.y_label}, low": y.low,
                    f"{info.y_label}, high": y.high,
                }
            )
    return pd.DataFrame(rows)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """One scatter a measure of cost, side by side."""
    n = len(info.panels)
    rows, columns = (n, 1) if narrow else (1, n)
    words = [info.legend_title, *info.labels, *(info.arms if len(info.arms) > 1 else ())]
    top = top_margin(words, narrow, titles=False)
    fig = make_subplots(rows, columns, horizontal_spacing=0.08, vertical_spacing=0.16)
    colors = shades(max(1, len(info.labels)))
    for index, (x_label, groups) in enumerate(info.panels):
        place: dict[str, Any] = {"row": index + 1, "col": 1} if narrow else {"row": 1, "col": index + 1}
        costs = [cost for group in groups for cost, _ in group.runs]
        room = 0.05 * (max(costs, default=0.0) or 1.0)
        whole = all(cost == round(cost) for cost in costs)
        for number, group in enumerate(groups):
            _draw_group(fig, group, colors[group.order], ((number + 0.5) / len(groups) - 0.5) * room * (1.4 if whole else 0), place)
        fig.update_xaxes(title={"text": x_label, "standoff": 6}, range=[min(0.0, *costs) - 1.4 * room, max(costs, default=1.0) + 1.4 * room], **place)
        ends = [end for group in groups for end in (*(accuracy for _, accuracy in group.runs), group.y.low, group.y.high) if end == end]
        above = 0.07 * (max(ends, default=1.0) - min(ends, default=0.0) or 0.5)
        y_range = [min(ends, default=0.0) - above, max(ends, default=1.0) + above]
        fig.update_yaxes(title={"text": info.y_label if index == 0 or narrow else ""}, range=y_range, **place)
    _draw_legend(fig, info, colors)
    styled(fig, top + 60 + (330 * rows))
    return fig.update_layout(margin={"t": top, "b": 60}, legend={"title": {"text": f"{info.legend_title}  "}, "traceorder": "normal"})


def _draw_group(fig: go.Figure, group: Group, color: str, shift: float, place: dict[str, Any]) -> None:
    symbol = SYMBOLS[group.arm % len(SYMBOLS)]
    xs, ys = [cost + shift for cost, _ in group.runs], [accuracy for _, accuracy in group.runs]
    small = {"color": translucent(color, 0.45), "size": 6, "symbol": symbol}
    fig.add_trace(
        go.Scatter(
            x=xs, y=ys, mode="markers", marker=small, showlegend=False, hovertemplate=f"{group.label}<br>one run: %{{x:.3g}}, %{{y:.3f}}<extra></extra>"
        ),
        **place,
    )
    bars = [
        {
            "type": "data",
            "symmetric": False,
            "array": [_gap(each.high, each.value)],
            "arrayminus": [_gap(each.value, each.low)],
            "thickness": 1.2,
            "width": 3,
            "color": color,
        }
        for each in (group.x, group.y)
    ]
    large = {"color": color, "size": 13, "symbol": symbol, "line": {"width": 1.2, "color": "#ffffff"}}
    hover = f"<b>{group.label}</b><br>mean of {len(xs)}: %{{x:.3g}}, %{{y:.3f}}<extra></extra>"
    fig.add_trace(
        go.Scatter(
            x=[group.x.value + shift], y=[group.y.value], error_x=bars[0], error_y=bars[1], mode="markers", marker=large, showlegend=False, hovertemplate=hover
        ),
        **place,
    )


def _gap(high: float, low: float) -> float:
    return high - low if high == high and low == low else 0.0


def _draw_legend(fig: go.Figure, info: Info, colors: list[str]) -> None:
    entries = [(label, colors[index], "circle") for index, label in enumerate(info.labels)]
    entries += [(arm, "#8a8a8a", SYMBOLS[index % len(SYMBOLS)]) for index, arm in enumerate(info.arms) if len(info.arms) > 1]
    for label, color, symbol in entries:
        fig.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", marker={"color": color, "symbol": symbol, "size": 10}, name=label, hoverinfo="skip"), row=1, col=1
        )
