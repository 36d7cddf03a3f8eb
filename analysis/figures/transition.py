"""Return and order parameters along the size of the world over the width of the network: where one thing gives way to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.collect import Tables
from analysis.figures.room import PX_PER_LINE, n_lines, top_margin, wrapped
from analysis.figures.theme import OKABE_ITO, SYMBOLS, styled, word
from analysis.figures.ticks import log_axis
from analysis.frame import Frame
from analysis.order import OUTCOME, SIZE, WIDTH, relations

TITLE = "Transition along size over width"
N_BEST, LETTERS_NARROW = 3, 34


@dataclass(frozen=True)
class Info:
    """Of C cells by ascending `ratio` (C,).

    `curves`: words and means, from 0 to 1.   `sizes`: (C,) of the environment.   `cells`: (C,).
    """

    ratio: NDArray[np.float64]
    curves: tuple[tuple[str, NDArray[np.float64]], ...]
    sizes: NDArray[np.float64]
    cells: tuple[int, ...]
    caption: str


def prepare(tables: Tables) -> Info | str:
    """Means over seeds of each cell, scaled to their range over cells."""
    found = relations(tables)
    if isinstance(found, str):
        return found
    if SIZE not in tables.varied or WIDTH not in tables.varied:
        return "size of the world and width of the network do not both vary, so there is no transition along their ratio"
    best = [each.column for each in found.each[:N_BEST]]
    columns = [f"{name}@end" for name in (OUTCOME, *best)]
    means = tables.done.groupby("cell")[[SIZE, WIDTH, *columns]].mean().dropna()
    means = means.assign(ratio=means[SIZE] / means[WIDTH]).sort_values("ratio", kind="stable")
    if len(means) < 3:
        return "too few cells have finished for a transition"
    curves = [(word(name), scaled(means[f"{name}@end"].to_numpy(float))) for name in (OUTCOME, *best)]
    ratio = means["ratio"].to_numpy(float)
    caption = (
        "Means over the seeds of each cell at the end, each measure scaled to its own range over cells. "
        "Neighbours may differ in size, which by itself moves all that is drawn: lines join cells of one size alone."
    )
    return Info(ratio, tuple(curves), means[SIZE].to_numpy(float), tuple(int(each) for each in means.index), caption)


def scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """`values` from 0 to 1; 0 where they are all alike."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def by_size(values: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """`values` (C,) of one size after another, a gap after each, so that no line goes from one to the next."""
    return np.concatenate([np.append(values[sizes == size], np.nan) for size in np.unique(sizes)])


def table(info: Info) -> Frame:
    """A row a cell."""
    return pd.DataFrame({"cell": info.cells, "size": info.sizes, "size / width": info.ratio, **{f"{name}, scaled": values for name, values in info.curves}})


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """A line each, and each size."""
    names = [name for name, _ in info.curves]
    top = top_margin(names, narrow, titles=False)
    title = "size of the environment / width of the network (log)"
    title = wrapped(title, LETTERS_NARROW) if narrow else title
    bottom = 56 + PX_PER_LINE * (n_lines(title) - 1)
    fig = styled(go.Figure(), 274 + top + bottom)
    for index, (name, values) in enumerate(info.curves):
        look = {"color": OKABE_ITO[index], "width": 2.6 if index == 0 else 1.6, "dash": "solid" if index == 0 else "dot"}
        marker = {"symbol": SYMBOLS[index], "size": 8}
        hover = "size / width %{x:.3g}: %{y:.2f}<extra>" + name + "</extra>"
        x, y = by_size(info.ratio, info.sizes), by_size(values, info.sizes)
        fig.add_trace(go.Scatter(x=x, y=y, mode="lines+markers", name=name, line=look, marker=marker, hovertemplate=hover))
    low, high = np.log10(info.ratio[0]), np.log10(info.ratio[-1])
    room = 0.04 * (high - low or 1.0)
    fig.update_xaxes(**log_axis(float(low - room), float(high + room)), title={"text": title})
    fig.update_yaxes(range=[-0.05, 1.05], title={"text": "scaled to its range"})
    return fig.update_layout(margin={"t": top, "b": bottom})
