"""Gates over training: layer by step, a tile a cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from analysis.collect import Tables
from analysis.figures.dimensions import layout, split
from analysis.figures.theme import SCALE, styled

TITLE = "Gates over training"
MOST_TILES, MOST_COLUMNS = 30, 80
PX_PER_TILE, PX_BETWEEN = 120, 46


@dataclass(frozen=True)
class Tile:
    """`values`: (L, K) mean over seeds of each layer's gate at each of the K `steps`; NaN never."""

    title: str
    steps: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Info:
    """Tiles row by row, `n_columns` a row on a wide page. Text is escaped."""

    tiles: tuple[Tile, ...]
    n_columns: int
    caption: str


def prepare(tables: Tables) -> Info | str:
    """Mean gates of every cell that has gates."""
    if not tables.has("gate_values"):
        return "no run has gates, so there is no gate heatmap"
    gated = tables.history[tables.history["gate_values"].notna()]
    where = layout(tables)
    order = [*([where.y] if where.y.column else []), *where.rest, *([where.x] if where.x.column else [])]
    tiles = [tile(title, cell) for title, cell in split(gated, order)]
    caption = "Mean over seeds of every layer's gate: yellow is open (1), dark is closed (0). As far as more than half of the seeds were trained."
    if len(tiles) > MOST_TILES:
        caption += f" The first {MOST_TILES} of {len(tiles)} cells are drawn."
    return Info(tuple(tiles[:MOST_TILES]), min(max(1, len(where.x.values)), 6, len(tiles)), caption)


def tile(title: str, cell: pd.DataFrame) -> Tile:
    """The mean over seeds, at steps that more than half of them have, thinned to what a screen shows."""
    n, means = cell["run_id"].nunique(), []
    for step, rows in cell.groupby("step", sort=True):
        if 2 * len(rows) > n:
            means.append((float(step), np.mean(np.stack(rows["gate_values"].to_list()), axis=0)))  # type: ignore[arg-type]
    kept = means[:: -(-len(means) // MOST_COLUMNS)]
    return Tile(title, np.array([step for step, _ in kept]), np.array([gates for _, gates in kept]).T)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """A heatmap a tile, all on the scale 0 to 1."""
    n, columns = len(info.tiles), 2 if narrow and len(info.tiles) > 1 else 1 if narrow else info.n_columns
    rows = -(-n // columns)
    inner = rows * PX_PER_TILE + (rows - 1) * PX_BETWEEN
    fig = make_subplots(
        rows,
        columns,
        subplot_titles=[each.title for each in info.tiles],
        vertical_spacing=PX_BETWEEN / inner if rows > 1 else 0.1,
        horizontal_spacing=0.12 if narrow else 0.035,
    )
    for index, each in enumerate(info.tiles):
        place = {"row": index // columns + 1, "col": index % columns + 1}
        layers = list(range(1, len(each.values) + 1))
        hover = "layer %{y}, step %{x:,}: %{z:.2f}<extra></extra>"
        fig.add_trace(go.Heatmap(x=each.steps, y=layers, z=each.values, coloraxis="coloraxis", hovertemplate=hover), **place)
        fig.update_yaxes(dtick=1 if len(layers) <= 8 else 4, row=place["row"], col=place["col"], title={"text": "layer" if place["col"] == 1 else ""})
    styled(fig, inner + 104)
    fig.update_xaxes(showgrid=False, nticks=3, tickfont={"size": 11})
    fig.update_yaxes(showgrid=False, tickfont={"size": 11})
    fig.update_annotations(font={"size": 12})
    for index in range(max(0, n - columns), n):
        fig.update_xaxes(title={"text": "step", "standoff": 4}, row=index // columns + 1, col=index % columns + 1)
    bar = {"title": {"text": "gate"}, "thickness": 12, "outlinewidth": 0, "tickvals": [0, 0.5, 1]}
    axis = {"colorscale": SCALE, "cmin": 0, "cmax": 1, "colorbar": bar, "showscale": not narrow}
    return fig.update_layout(coloraxis=axis, margin={"t": 40, "b": 54, "r": 24 if narrow else 80})
