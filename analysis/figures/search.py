"""How a search came along: the objectives of its points in the order in which they were proposed, and the best so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from analysis.collect import Tables, objective
from analysis.figures.pareto_planes import Objective, cell_label, pairs
from analysis.figures.theme import GREY, OKABE_ITO, number, styled, word
from analysis.frame import Frame
from analysis.pareto import hypervolume

TITLE = "How the search came along"
PX_PER_PANEL, PX_BETWEEN = 230, 70


@dataclass(frozen=True)
class Panel:
    """`values`: (N,) of the points in order, NaN of one without; `best`: (N,) so far.   `marked`: whether points have values of their own."""

    label: str
    values: NDArray[np.float64]
    best: NDArray[np.float64]
    marked: bool = True


@dataclass(frozen=True)
class Info:
    """`labels`, `cells`: of the points, in order; text is escaped."""

    panels: tuple[Panel, ...]
    labels: tuple[str, ...]
    cells: tuple[int, ...]
    caption: str


def prepare(tables: Tables) -> Info | str:
    """A panel for each objective of the search, and, of two, one for the area that its points dominate by then."""
    found = tables.manifest.get("search")
    if not found:
        return "points were not searched for, so there is no search to follow"
    asked = (found.get("space") or {}).get("objectives") or tables.manifest["report"].get("pareto") or {}
    chosen = list(dict.fromkeys(each for pair in pairs(asked) for each in pair)) or single(asked)
    rows = [row for row in tables.cells.to_dict("records") if row["n"] > 0]
    means = [_means(tables, each, [row["cell"] for row in rows]) for each in chosen]
    told = [(each, values) for each, values in zip(chosen, means, strict=True) if np.isfinite(values).any()]
    if not told:
        return "no point of the search has an objective yet"
    panels = [Panel(_label(each), values, so_far(values, each.sign)) for each, values in told]
    caption = (
        "A mark a point: the mean over its seeds, in the order in which points were proposed; line: the best so far. "
        "A mean is of few seeds: the best is partly luck."
    )
    if len(told) == 2:
        costs = np.column_stack([values * each.sign for each, values in told])
        known = costs[np.isfinite(costs).all(axis=1)]
        if len(known):
            reference = (float(known[:, 0].max()), float(known[:, 1].max()))
            areas = np.array([float(hypervolume(costs[: n + 1][np.isfinite(costs[: n + 1]).all(axis=1)], reference)) for n in range(len(costs))])
            worst = ", ".join(number(value * each.sign) for value, (each, _) in zip(reference, told, strict=True))
            panels.append(Panel("hypervolume", areas, areas, marked=False))
            caption += f" Hypervolume: of the points by then, up to ({worst}), the worst of any point."
    return Info(tuple(panels), tuple(cell_label(tables, row) for row in rows), tuple(row["cell"] for row in rows), caption)


def single(asked: dict) -> list[Objective]:
    """The one objective of a search for the best of one number."""
    named = [(1, asked.get("minimise") or {}), (-1, asked.get("maximise") or {})]
    return [Objective(column, when, sign) for sign, every in named for column, when in every.items()]


def _label(each: Objective) -> str:
    better = "less" if each.sign > 0 else "more"
    return f"{word(f'{each.column}@{each.when}')} ({better} is better)"


def _means(tables: Tables, each: Objective, cells: list[int]) -> NDArray[np.float64]:
    """Of each cell, over all of its finished runs; NaN where one lacks it."""
    values = objective(tables, each.column, each.when).to_numpy(float)
    return np.array([values[tables.done_of[cell]].mean() for cell in cells])


def so_far(values: NDArray[np.float64], sign: int) -> NDArray[np.float64]:
    """(N,) the least of `sign` x `values` up to each, as a value; NaN before the first."""
    return sign * np.fmin.accumulate(sign * values)


def table(info: Info) -> Frame:
    """A row a point, in order."""
    columns = {panel.label: panel.values for panel in info.panels}
    return pd.DataFrame({"point": range(1, len(info.labels) + 1), "cell": info.labels, **columns})


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """Panels above one another, over the order of points."""
    rows = len(info.panels)
    inner = rows * PX_PER_PANEL + (rows - 1) * PX_BETWEEN
    fig = make_subplots(rows, 1, subplot_titles=[panel.label for panel in info.panels], vertical_spacing=PX_BETWEEN / inner if rows > 1 else 0.1)
    styled(fig, inner + 100)
    order = list(range(1, len(info.labels) + 1))
    for row, panel in enumerate(info.panels, 1):
        line = {"color": OKABE_ITO[1], "width": 2, "shape": "hv"}
        fig.add_trace(go.Scatter(x=order, y=panel.best, mode="lines", line=line, hoverinfo="skip", showlegend=False), row=row, col=1)
        if panel.marked:
            marker = {"size": 8, "color": OKABE_ITO[0], "line": {"width": 0.8, "color": GREY}}
            told = {"hovertext": list(info.labels), "hoverinfo": "y+text", "customdata": list(info.cells)}
            fig.add_trace(go.Scatter(x=order, y=panel.values, mode="markers", marker=marker, showlegend=False, **told), row=row, col=1)
    fig.update_xaxes(range=[0.5, len(order) + 0.5])
    return fig.update_xaxes(title={"text": "point, in order", "standoff": 4}, row=rows, col=1).update_layout(margin={"t": 40, "b": 56})
