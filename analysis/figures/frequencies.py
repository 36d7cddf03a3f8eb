"""Which frequencies networks came to use, across λ: whether a charge changes what is learned, or only how cheaply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from analysis.collect import Tables
from analysis.figures.dimensions import layout, split
from analysis.figures.theme import SCALE, styled
from analysis.frame import Frame

TITLE = "Key frequencies"
MOST_WORDS = 6  # under a panel
MOST_PANELS, PX_PER_PANEL, PX_BETWEEN = 12, 300, 104


@dataclass(frozen=True)
class Panel:
    """`share`: (F, X) of the runs in each column that use each frequency, 1 to F; NaN where no run does say. `runs`: (X,) how many do."""

    title: str
    share: NDArray[np.float64]
    runs: NDArray[np.int64]


@dataclass(frozen=True)
class Info:
    """Text is escaped."""

    panels: tuple[Panel, ...]
    x_label: str
    x_words: tuple[str, ...]
    caption: str


def prepare(tables: Tables) -> Info | str:
    """The key frequencies that each run which ended at the goal had at its last measurement."""
    if not tables.has("key_frequencies"):
        return "no run looked for key frequencies"
    rows, counts = tables.evaluations(["key_frequencies"])
    there = rows["key_frequencies"].is_valid().to_numpy().nonzero()[0]
    last = np.full(len(counts), -1)
    last[np.repeat(np.arange(len(counts)), counts)[there]] = there  # of several for one run the last stays
    good = tables.done["held"].to_numpy(bool) & (last >= 0)
    found = tables.done[good].assign(key_frequencies=rows["key_frequencies"].take(last[good]).to_pylist())
    if found.empty:
        return "no run that ended at the goal has key frequencies"
    where = layout(tables)
    most = max((int(max(each)) for each in found["key_frequencies"] if len(each)), default=0)
    if most == 0:
        return "no run that ended at the goal has key frequencies"
    parts = split(found, [*([where.y] if where.y.column else []), *where.rest])
    panels = []
    for title, part in parts[:MOST_PANELS]:
        columns = [where.x.index(value) if where.x.column else 0 for value in (part[where.x.column] if where.x.column else part["run_id"])]
        panels.append(_panel(title, columns, part["key_frequencies"].tolist(), len(where.x.values), most))
    caption = (
        "Share of the seeds that end at the goal whose key frequencies include a frequency, at their last measurement: those that hold 90 % of the "
        "energy of the answer’s direction. Blank: no such seed; of how many stands under each value. Frequencies k and p − k are one. "
        "Which of them a network takes is chance of its seed; how many, and whether that changes along the axis, is not."
    )
    caption += f" The first {MOST_PANELS} of {len(parts)} panels are drawn." if len(parts) > MOST_PANELS else ""
    return Info(tuple(panels), where.x.label, tuple(where.x.words()), caption)


def _panel(title: str, columns: Sequence[int], keys: Sequence[Sequence[int]], width: int, most: int) -> Panel:
    runs, count = np.bincount(columns, minlength=width), np.zeros((most, width))
    for column, own in zip(columns, keys, strict=True):
        count[np.array(sorted({int(each) for each in own if each >= 1}), int) - 1, column] += 1
    return Panel(title, np.divide(count, runs, out=np.full(count.shape, np.nan), where=runs > 0), runs)


def table(info: Info) -> Frame:
    """How many frequencies are used in each column, and which by most seeds."""
    rows = []
    for panel in info.panels:
        for column, word in enumerate(info.x_words):
            if panel.runs[column]:
                share = panel.share[:, column]
                first = [str(each + 1) for each in np.argsort(-share, kind="stable")[:5] if share[each] > 0]
                key = {"panel": panel.title, info.x_label or "axis": word, "seeds": int(panel.runs[column])}
                rows.append({**key, "frequencies of a seed, mean": float(share.sum()), "most used": ", ".join(first)})
    return pd.DataFrame(rows)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """A heatmap a panel."""
    columns = 1 if narrow else min(3, len(info.panels))
    rows = -(-len(info.panels) // columns)
    inner = rows * PX_PER_PANEL + (rows - 1) * PX_BETWEEN
    titles = [each.title for each in info.panels]
    fig = make_subplots(rows, columns, subplot_titles=titles, vertical_spacing=PX_BETWEEN / inner if rows > 1 else 0.1, horizontal_spacing=0.08)
    styled(fig, inner + 116)
    for index, panel in enumerate(info.panels):
        place: dict[str, Any] = {"row": index // columns + 1, "col": index % columns + 1}
        frequencies = list(range(1, len(panel.share) + 1))
        hover = "frequency %{y}: %{z:.0%} of seeds<extra></extra>"
        trace = go.Heatmap(
            z=panel.share, x=list(range(len(info.x_words))), y=frequencies, coloraxis="coloraxis", hovertemplate=hover, hoverongaps=False, xgap=2
        )
        fig.add_trace(trace, **place)
        words = [f"{word}<br>{n} seed{'' if n == 1 else 's'}" for word, n in zip(info.x_words, panel.runs, strict=True)]
        shown = list(range(0, len(words), -(-len(words) // MOST_WORDS)))
        fig.update_xaxes(tickvals=shown, ticktext=[words[each] for each in shown], title={"text": info.x_label, "standoff": 4}, showgrid=False, **place)
        fig.update_yaxes(title={"text": "frequency" if index % columns == 0 else ""}, showgrid=False, **place)
    bar = {"title": {"text": "seeds"}, "thickness": 12, "outlinewidth": 0, "tickformat": ".0%"}
    axis = {"colorscale": SCALE, "cmin": 0, "cmax": 1, "colorbar": bar, "showscale": not narrow}
    return fig.update_layout(coloraxis=axis, margin={"t": 44, "b": 72, "r": 24 if narrow else 80})
