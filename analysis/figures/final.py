"""Where runs end up: final accuracy against what the computation costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.collect import Tables
from analysis.costs import DRAWN
from analysis.depth_bound import told_of
from analysis.figures.dimensions import layout
from analysis.figures.room import top_margin
from analysis.figures.series import MOST_APART
from analysis.figures.theme import GREY, SYMBOLS, arranged, shades, styled, traced, translucent, word
from analysis.figures.ticks import whole_ticks
from analysis.frame import Frame
from analysis.statistics import Interval, mean_interval
from lal.columns import bounds

TITLE = "Final accuracy against final cost"
BELOW = "not at the goal"
OPEN = "-open"  # symbols of seeds that do not end at the goal
NARROWEST = 0.1  # of an axis of accuracies
MOST_RUNS = 2000  # single ones that a panel shows


@dataclass(frozen=True)
class Group:
    """One cell on one panel. (cost, accuracy) of each seed: `runs` end at the goal, `broken` do not; `x`, `y`: means of the former, with intervals."""

    arm: int
    order: int
    label: str
    runs: tuple[tuple[float, float], ...]
    broken: tuple[tuple[float, float], ...]
    x: Interval
    y: Interval

    @property
    def seeds(self) -> str:
        """How many of how many end at the goal."""
        return f"{len(self.runs)} of {len(self.runs) + len(self.broken)} seeds"


@dataclass(frozen=True)
class Info:
    """A panel for each measure of cost. `counts`: labels of those that are whole numbers. `y_bounds`: what y can be. Text is escaped."""

    panels: tuple[tuple[str, tuple[Group, ...]], ...]
    arms: tuple[str, ...]
    legend_title: str
    labels: tuple[str, ...]
    y_label: str
    y_bounds: tuple[float, float]
    counts: frozenset[str]
    caption: str


def prepare(tables: Tables) -> Info | str:
    """Final values of every done run, and the means by cell of those that end at the goal: what a broken network needs is no saving."""
    goal = f"{tables.thresholds.goal_column}@end"
    costs = [f"{name}@end" for name in DRAWN if f"{name}@end" in tables.runs and tables.runs[f"{name}@end"].notna().any()]
    if not costs:
        return "no run has gates or routers, so there is no cost to set against accuracy"
    where = layout(tables, y="arm")
    arms, labels = where.y.words(), where.x.words()
    panels, n_without = [], 0
    held, goal_of = tables.runs["held"].to_numpy(bool), tables.runs[goal].to_numpy(float)
    cells = tables.cells[list(dict.fromkeys(["cell", "arm", *([where.x.column] if where.x.column else [])]))].to_dict("records")
    for cost in costs:
        groups, cost_of = [], tables.runs[cost].to_numpy(float)
        known = np.isfinite(cost_of) & np.isfinite(goal_of)
        n_without = max(n_without, int((~known[tables.done.index]).sum()))
        for row in cells:
            own = np.array(tables.done_of.get(row["cell"], []), int)
            own = own[known[own]]
            good, broken = (tuple(zip(cost_of[part].tolist(), goal_of[part].tolist(), strict=True)) for part in (own[held[own]], own[~held[own]]))
            if good or broken:
                arm, order = where.y.index(row["arm"]), where.x.index(row[where.x.column]) if where.x.column else 0
                means = [mean_interval([point[side] for point in good], *bounds(name)) for side, name in enumerate((cost, goal))]
                groups.append(Group(arm, order, f"{arms[arm]}, {where.x.label} {labels[order]}", good, broken, *means))
        panels.append((word(cost), tuple(groups)))
    caption = (
        "Large: mean over the seeds that end at the goal, with its 95 % interval; small: each of them; hollow: seeds that end below it, which are "
        "in no mean, since a broken network may seem to need nothing. Colour is the strength of the charge, the symbol is the arm. "
        "Upper left is better: more accuracy for less. Single runs at whole numbers are drawn a little apart."
        f"{told_of(tables)}"
    )
    if not any(groups for _, groups in panels):
        return f"no run has both a finite {word(goal)} and a finite cost"
    if n_without:
        caption += f" {n_without} of {len(tables.done)} runs are not in every panel: their {word(goal)} or a cost was not measured, or is not finite."
    if (every := thinning(groups)) > 1:
        caption += f" Of the single runs one of {every} in each cell is drawn; the means are of all."
    counts = frozenset(word(cost) for cost in costs if bounds(cost) != (0.0, 1.0))
    return Info(tuple(panels), tuple(arms), where.x.label, tuple(labels) if where.x.column else (), word(goal), bounds(goal), counts, caption)


def thinning(groups: Sequence[Group]) -> int:
    """One of how many single runs is drawn: all, unless a panel has more than a screen shows."""
    return max(1, -(-sum(len(group.runs) + len(group.broken) for group in groups) // MOST_RUNS))


def table(info: Info) -> Frame:
    """The means with their intervals, and how many seeds they are of."""
    rows = []
    for cost, groups in info.panels:
        for group in groups:
            key = {"cost": cost, "cell": group.label, "seeds at the goal": group.seeds}
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
    words = [*info.labels, *(info.arms if len(info.arms) > 1 else ()), BELOW]
    top = top_margin(words, narrow, titles=False, heading=info.legend_title)
    fig = styled(make_subplots(rows, columns, horizontal_spacing=0.08, vertical_spacing=0.16), top + 60 + (330 * rows))
    colors, traces = shades(max(1, len(info.labels))), list[dict[str, Any]]()
    own: dict[str, Any] = {"margin": {"t": top, "b": 60}, "legend": {"title": {"text": info.legend_title}, "traceorder": "normal"}}
    for index, (x_label, groups) in enumerate(info.panels):
        costs = [cost for group in groups for cost, _ in (*group.runs, *group.broken)]
        most = max([1.0, *costs])
        whole = bool(costs) and x_label in info.counts and all(cost == round(cost) for cost in costs)
        apart, number = min(0.06 * most, MOST_APART) / max(1, len(groups)) if whole else 0.0, index + 1 if index else ""
        alike: dict[tuple[int, int], list[tuple[Group, float]]] = {}
        for nth, group in enumerate(groups):
            alike.setdefault((group.arm, group.order), []).append((group, nth * apart))
        axes, every = {f"{side}axis": f"{side}{number}" for side in "xy"}, thinning(groups)
        for (arm, order), them in sorted(alike.items(), key=lambda each: each[0]):
            traces += [each | axes for each in _traces(them, colors[order], SYMBOLS[arm % len(SYMBOLS)], every)]
        ends = [min([0.0, *costs]) - 0.05 * most, 1.08 * most]
        own[f"xaxis{number}"] = {**(whole_ticks(*ends) if whole else {}), "title": {"text": x_label, "standoff": 6}, "range": ends}
        own[f"yaxis{number}"] = {"title": {"text": info.y_label if index == 0 or narrow else ""}, "range": _y_range(groups, info.y_bounds)}
    traced(fig, [*traces, *_legend(info, colors)])
    return arranged(fig, own)


def _y_range(groups: Sequence[Group], limits: tuple[float, float]) -> list[float]:
    """All accuracies and their intervals with some room; no narrower than NARROWEST, and hardly beyond what they can be."""
    ends = [end for group in groups for end in (*(accuracy for _, accuracy in (*group.runs, *group.broken)), group.y.low, group.y.high) if end == end]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    short = max(0.0, NARROWEST - (high - low)) / 2
    low, high = max(low - short, limits[0]), min(high + short, limits[1])
    room = 0.07 * (high - low)
    return [low - room, high + room]


def _traces(alike: Sequence[tuple[Group, float]], color: str, symbol: str, every: int) -> list[dict[str, Any]]:
    """Groups of one colour and symbol, each with how far it is shifted: their runs, those that are broken, and means."""
    small = {"size": 6, "symbol": symbol, "color": translucent(color, 0.55)}
    hollow = {"size": 9, "symbol": f"{symbol}{OPEN}", "color": color, "line": {"width": 1.8}}
    shared = {"type": "scatter", "mode": "markers", "showlegend": False}
    found = []
    for which, marker, what in (("runs", small, "one run"), ("broken", hollow, "not at the goal")):
        points = [(cost, cost + shift, height, group.label) for group, shift in alike for cost, height in getattr(group, which)[::every]]
        costs, xs, ys, labels = zip(*points, strict=True) if points else ((), (), (), ())
        hover = f"%{{text}}<br>{what}: %{{customdata:.3g}}, %{{y:.3f}}<extra></extra>"
        numbers = {name: np.array(each, np.float32) for name, each in (("x", xs), ("y", ys), ("customdata", costs))}
        found += [{**shared, **numbers, "text": _once(labels), "marker": marker, "hovertemplate": hover}] if points else []
    means = [group for group, _ in alike if group.runs]
    if means:
        ends = {f"error_{side}": _bars([getattr(each, side) for each in means], color) for side in "xy"}
        at = {side: np.array([getattr(each, side).value for each in means], np.float32) for side in "xy"}
        large = {"color": color, "size": 13, "symbol": symbol, "line": {"width": 1.2, "color": "#ffffff"}}
        words = [f"<b>{each.label}</b><br>mean of {each.seeds}" for each in means]
        found.append({**shared, **at, **ends, "text": _once(words), "marker": large, "hovertemplate": "%{text}: %{x:.3g}, %{y:.3f}<extra></extra>"})
    return found


def _once(words: Sequence[str]) -> str | list[str]:
    """One word for all where it is the same."""
    return words[0] if len({*words}) == 1 else list(words)


def _bars(ends: Sequence[Interval], color: str) -> dict[str, Any]:
    above, below = [_gap(each.high, each.value) for each in ends], [_gap(each.value, each.low) for each in ends]
    return {
        "type": "data",
        "symmetric": False,
        "array": np.array(above, np.float32),
        "arrayminus": np.array(below, np.float32),
        "thickness": 1.2,
        "width": 3,
        "color": color,
    }


def _gap(high: float, low: float) -> float:
    return high - low if high == high and low == low else 0.0


def _legend(info: Info, colors: list[str]) -> list[dict[str, Any]]:
    entries = [(label, colors[index], "circle") for index, label in enumerate(info.labels)]
    entries += [(arm, GREY, SYMBOLS[index % len(SYMBOLS)]) for index, arm in enumerate(info.arms) if len(info.arms) > 1]
    entries += [(BELOW, GREY, f"{SYMBOLS[0]}{OPEN}")] if any(group.broken for _, groups in info.panels for group in groups) else []
    unseen = {"type": "scatter", "x": [None], "y": [None], "mode": "markers", "hoverinfo": "skip", "xaxis": "x", "yaxis": "y"}
    return [
        {**unseen, "name": label, "marker": {"color": color, "symbol": symbol, "size": 10, "line": {"width": 1.8 if symbol.endswith(OPEN) else 0}}}
        for label, color, symbol in entries
    ]
