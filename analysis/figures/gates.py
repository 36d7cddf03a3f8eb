"""Gates over training: layer by step, a tile a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, layout, plain, split, spread, title_of
from analysis.figures.room import PX_PER_LINE, PX_PLOTS, px_wide
from analysis.figures.theme import SCALE, arranged, styled, traced
from analysis.frame import Frame

TITLE = "Gates over training"
MOST_TILES, MOST_ABREAST, MOST_COLUMNS = 30, 12, 80
PX_PER_TILE, PX_BETWEEN = 120, 46
PX_OF_TITLES, PX_OF_TEXT = 12, 13
HOVER = "layer %{y}, step %{x:,}: %{z:.2f}<extra></extra>"


@dataclass(frozen=True)
class Tile:
    """`values`: (L, K) mean over seeds of each layer's gate at each of the K `steps`; NaN where no seed has the layer yet."""

    title: str
    steps: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Info:
    """Tiles row by row, `n_columns` a row on a wide page; None is a place without a cell. Text is escaped."""

    tiles: tuple[Tile | None, ...]
    n_columns: int
    caption: str


def prepare(tables: Tables) -> Info | str:
    """Mean gates of every cell that has gates; a row of tiles for each facet, a column for each value of x."""
    if not tables.has("gate_values"):
        return "no run has gates, so there is no gate heatmap"
    where = layout(tables)
    x = replace(where.x, values=spread(where.x.values, MOST_ABREAST))
    grown = [name for name in ("layers_present",) if name in tables.history.columns]
    known, done = gated(tables, grown)
    rows = split(done, [*([where.y] if where.y.column else []), *where.rest])
    shown = rows[: max(1, MOST_TILES // len(x.values))]
    drawn = pd.concat([part[[plain(value) in x.values for value in part[x.column]]] if x.column else part for _, part in shown])
    history = known.filter(pa.array(np.isin(known["run"].to_numpy(), drawn.index))).to_pandas().set_index("run")
    history = tables.runs[["run_id", "cell"]].join(history, how="right")
    by_cell = dict(iter(history.groupby("cell", sort=True)))
    tiles = [_placed(title, part, x, by_cell) for title, part in shown]
    caption = "Mean over seeds of every layer's gate: yellow is open (1), dark is closed (0). A seed that ended keeps its last gates."
    caption += " Blank: layers that no seed has grown yet; the mean is over those that have." if any(_grown(tile) for row in tiles for tile in row) else ""
    if len(shown) < len(rows):
        caption += f" The first {len(shown)} of {len(rows)} rows are drawn."
    if len(x.values) < len(where.x.values):
        caption += f" {len(x.values)} of {len(where.x.values)} values of {x.label} are drawn, evenly over their order."
    return Info(tuple(tile for row in tiles for tile in row), len(x.values), caption)


def gated(tables: Tables, beside: Sequence[str]) -> tuple[pa.Table, Frame]:
    """Evaluations with gates: `run` (its place in the runs table), `step`, `gate_values` and what is asked for `beside` them; and the runs that have one."""
    rows, counts = tables.evaluations(["step", "gate_values", *beside])
    there = rows["gate_values"].is_valid()
    known = rows.append_column("run", pa.array(np.repeat(tables.done.index.to_numpy(), counts))).filter(there)
    return known, tables.done.loc[np.unique(known["run"].to_numpy())]


def _placed(title: str, part: Frame, x: Dimension, by_cell: Mapping[int, Frame]) -> list[Tile | None]:
    """One tile for each value of `x`; None where there is no such cell."""
    if not x.column:
        return [tile(title, pd.concat([by_cell[cell] for cell in part["cell"].unique()]))]
    found = {name: pd.concat([by_cell[cell] for cell in runs["cell"].unique()]) for name, runs in split(part, [x])}
    return [tile(" · ".join(filter(None, (title, each))), found[each]) if each in found else None for each in (title_of(x, value) for value in x.values)]


def _grown(tile: Tile | None) -> bool:
    """Whether layers came later than others."""
    return tile is not None and bool(np.isnan(tile.values).any())


def tile(title: str, cell: Frame) -> Tile:
    """The mean over seeds, thinned to what a screen shows; a seed that ended keeps its last gates."""
    steps = np.unique(cell["step"].to_numpy(float))
    steps = steps[:: -(-len(steps) // MOST_COLUMNS)]
    held = []
    for _, rows in cell.groupby("run_id", sort=True):
        values = present(rows)
        held.append(values[np.clip(np.searchsorted(rows["step"].to_numpy(float), steps, side="right") - 1, 0, None)])
    whole = np.stack(held)
    n_there = np.isfinite(whole).sum(axis=0)
    return Tile(title, steps, np.divide(np.nansum(whole, axis=0), n_there, out=np.full(n_there.shape, np.nan), where=n_there > 0).T)


def present(rows: Frame) -> NDArray[np.float64]:
    """Gates (K, L) of the K rows; NaN of layers that are not there yet, of networks that grow."""
    each = rows["gate_values"].to_list()
    values = np.full((len(each), max(map(len, each))), np.nan)
    for row, own in zip(values, each, strict=True):
        row[: len(own)] = own
    if "layers_present" in rows:
        there = rows["layers_present"].to_numpy(float)[:, None]
        values[np.arange(values.shape[1]) >= np.where(np.isnan(there), np.inf, there)] = np.nan
    return values


def table(info: Info) -> Frame:
    """The last gates of every tile."""
    rows = [
        {"cell": tile.title, "step": tile.steps[-1], **{f"layer {layer + 1}": gates[-1] for layer, gates in enumerate(tile.values)}}
        for tile in info.tiles
        if tile
    ]
    return pd.DataFrame(rows)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """A heatmap a tile, all on the scale 0 to 1. Places without a cell stay empty, or are passed over in a narrow figure."""
    tiles = [each for each in info.tiles if each] if narrow else list(info.tiles)
    titles, lines = _titles(tiles, info.n_columns, narrow)
    columns = (min(2, len(tiles)) if _fit(titles, 2) else 1) if narrow else info.n_columns
    rows = -(-len(tiles) // columns)
    tiles += [None] * (rows * columns - len(tiles))
    ragged = any(each is None and above for above, each in zip(tiles, tiles[columns:], strict=False))  # a tile's own title of its x axis is above no other
    between = PX_BETWEEN + lines + (PX_PER_LINE if ragged else 0)
    inner = rows * PX_PER_TILE + (rows - 1) * between
    fig = make_subplots(
        rows,
        columns,
        specs=[[{} if tiles[row * columns + column] else None for column in range(columns)] for row in range(rows)],
        subplot_titles=titles,
        vertical_spacing=between / inner if rows > 1 else 0.1,
        horizontal_spacing=0.12 if narrow else min(0.03, 0.4 / columns),
    )
    styled(fig, inner + lines + 104)
    bar = {"title": {"text": "gate"}, "thickness": 12, "outlinewidth": 0, "tickvals": [0, 0.5, 1]}
    axis = {"colorscale": SCALE, "cmin": 0, "cmax": 1, "colorbar": bar, "showscale": not narrow}
    notes: Any = fig.layout["annotations"]
    small = [each.to_plotly_json() | {"font": {"size": PX_OF_TITLES}} for each in notes]
    if lines and not narrow:  # what rows are of stands above their first tile, from its left end on
        axes = list(fig.select_xaxes())
        small = [
            each | ({"x": axis.domain[0], "xanchor": "left", "align": "left"} if "<br>" in each["text"] else {}) for each, axis in zip(small, axes, strict=True)
        ]
    own: dict[str, Any] = {"coloraxis": axis, "margin": {"t": 40 + lines, "b": 54, "r": 24 if narrow else 80}, "annotations": small}
    traces = list[dict[str, Any]]()
    for index, each in enumerate(tiles):
        if each:
            number = len(traces) + 1 if traces else ""  # axes are numbered row by row, empty places left out
            layers = list(range(1, len(each.values) + 1))
            below = index + columns >= len(tiles) or tiles[index + columns] is None
            plain_axis = {"showgrid": False, "tickfont": {"size": 11}}
            own[f"xaxis{number}"] = {**plain_axis, "nticks": 3, "tickformat": ",", "title": {"text": "step" if below else "", "standoff": 4}}
            own[f"yaxis{number}"] = {**plain_axis, "dtick": 1 if len(layers) <= 8 else 4, "title": {"text": "layer" if index % columns == 0 else ""}}
            at = {"x": each.steps, "y": layers, "z": each.values, "xaxis": f"x{number}", "yaxis": f"y{number}"}
            traces.append({"type": "heatmap", **at, "coloraxis": "coloraxis", "hovertemplate": HOVER, "hoverongaps": False})
    traced(fig, traces)
    return arranged(fig, own)


def _titles(tiles: Sequence[Tile | None], columns: int, narrow: bool) -> tuple[list[str], int]:
    """Titles of the tiles that there are, and the pixels of their second lines: where they have no room side by side, a row tells once what it is of."""
    whole = [each.title for each in tiles if each]
    if _fit(whole, 2 if narrow else columns, narrow):
        return whole, 0
    found, said = list[str](), ("", -1)
    for index, each in enumerate(tiles):
        if each:
            row, _, own = each.title.rpartition(" · ")
            again = not narrow and said == (row, index // columns)
            found.append(own if again or not row else f"{row}<br>{own}")
            said = row, index // columns
    return found, PX_PER_LINE


def _fit(titles: Sequence[str], columns: int, narrow: bool = True) -> bool:
    """Whether so many of them have room side by side."""
    return PX_OF_TITLES / PX_OF_TEXT * max(map(px_wide, titles), default=0) <= PX_PLOTS[narrow] / columns
