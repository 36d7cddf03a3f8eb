"""Each order parameter against the return, a mark a run: as they are, and as deviations from the means of their world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from analysis.collect import Tables
from analysis.figures.dimensions import NOTHING, Dimension, dimension
from analysis.figures.room import top_margin
from analysis.figures.theme import axis_word, shades, styled, word
from analysis.frame import Frame
from analysis.order import OUTCOME, relations, signed, worlds
from analysis.statistics.correlation import centred
from lal.reinforcement.metrics import RECENT

TITLE = "Order parameters against the return"
PX_PER_PANEL, PX_BETWEEN = 230, 78


@dataclass(frozen=True)
class Panel:
    """`x`, `y` (N,) of all `runs` that have both, and where each run's world stands among its values, (N,)."""

    title: str
    x_label: str
    y_label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    order: NDArray[np.int64]
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Info:
    """Panels, `n_columns` a row. `words`: values of the world's axis, escaped."""

    panels: tuple[Panel, ...]
    n_columns: int
    legend_title: str
    words: tuple[str, ...]
    caption: str


def prepare(tables: Tables) -> Info | str:
    """Two panels a candidate, or one, where the world does not vary."""
    found = relations(tables)
    if isinstance(found, str):
        return found
    done = tables.done.drop_duplicates("run_id")
    done = done[done[f"{OUTCOME}@end"].notna()]
    fixed = " and ".join(map(axis_word, found.world))
    axes, groups, _ = worlds(tables, done)
    world = dimension(tables, axes[0]) if axes else NOTHING
    panels = []
    for each in found.each:
        own = done[f"{each.column}@end"].notna().to_numpy()  # those that r is of
        rows = done[own]
        x, y = rows[f"{each.column}@end"].to_numpy(float), rows[f"{OUTCOME}@end"].to_numpy(float)
        of = (_order(rows, world), tuple(rows["run_id"]))
        panels.append(Panel(f"all runs: r = {signed(each.pooled.value)}", word(each.column), word(OUTCOME), x, y, *of))
        if each.fixed is not None and groups is not None:
            label = f"{word(each.column)}, less its mean"
            less = (centred(x, groups[own]), centred(y, groups[own]))
            panels.append(Panel(f"{fixed} held fixed: r = {signed(each.fixed.value)}", label, "return, less its mean", *less, *of))
    caption = (
        f"A mark a run, at its end; return: mean of the last {RECENT} episodes."
        + (f" Right: both as deviations from their means over all runs with the same {fixed}." if axes else "")
        + " What lines up on the left alone tells environments apart, not how well they were learned."
    )
    return Info(tuple(panels), 2, world.label, tuple(world.words()) if axes else (), caption)


def _order(done: Frame, world: Dimension) -> NDArray[np.int64]:
    return np.array([world.index(value) if world.column else 0 for value in (done[world.column] if world.column else done["run_id"])], np.int64)


def table(info: Info) -> Frame:
    """A row a run and panel."""
    parts = []
    for panel in info.panels:
        own = {
            "panel": panel.title,
            "of": panel.x_label,
            "run": panel.runs,
            info.legend_title or "world": [info.words[each] if info.words else "" for each in panel.order],
        }
        parts.append(pd.DataFrame({**own, "value": panel.x, "return": panel.y}))
    return pd.concat(parts, ignore_index=True)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """Scatters, coloured by the world."""
    columns = 1 if narrow else info.n_columns
    rows = -(-len(info.panels) // columns)
    top = top_margin(info.words, narrow, heading=info.legend_title)
    inner = rows * PX_PER_PANEL + (rows - 1) * PX_BETWEEN
    fig = make_subplots(
        rows, columns, subplot_titles=[each.title for each in info.panels], vertical_spacing=PX_BETWEEN / inner if rows > 1 else 0.1, horizontal_spacing=0.12
    )
    styled(fig, inner + top + 64)
    colors = shades(max(1, len(info.words)))
    for index, panel in enumerate(info.panels):
        place: dict[str, Any] = {"row": index // columns + 1, "col": index % columns + 1}
        for order, color in enumerate(colors):
            mine = panel.order == order
            name = info.words[order] if info.words else ""
            told = {"name": name, "legendgroup": name, "showlegend": bool(info.words) and index == 0}
            hover = "%{x:.4g}, return %{y:.4g}<extra>" + name + "</extra>"
            marker = {"color": color, "size": 8, "opacity": 0.75}
            fig.add_trace(go.Scatter(x=panel.x[mine], y=panel.y[mine], mode="markers", marker=marker, hovertemplate=hover, **told), **place)
        fig.update_xaxes(title={"text": panel.x_label, "standoff": 4}, **place)
        fig.update_yaxes(title={"text": panel.y_label}, **place)
    return fig.update_layout(margin={"t": top, "b": 64}, legend={"title": {"text": info.legend_title}})
