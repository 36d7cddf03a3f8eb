"""How a phase diagram looks: heatmaps on one colour scale, hatched where nothing is known, with what each cell says."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from analysis.figures.phase_axes import below, beside, names_of, px_below
from analysis.figures.phase_cells import LETTERS, Cell, Edge, Facet, Info, View
from analysis.figures.room import PX_PLOTS, abreast, px_wide, wrapped
from analysis.figures.theme import FAINT_GREY, SCALE, ink_on, styled

PHASE_COLORS = (
    "rgb(0, 114, 178)",
    "rgb(0, 158, 115)",
    "rgb(230, 159, 0)",
    "rgb(150, 150, 150)",
    "rgb(205, 205, 205)",
    "rgb(204, 121, 167)",
    "rgb(213, 94, 0)",
    "rgb(110, 110, 110)",
)
EDGE = "#D55E00"  # seen on light and dark cells alike
PX_PER_ROW, PX_AROUND, PX_BETWEEN, PX_OF_SCALE = 54, 118, 84, 86
MOST_ABREAST, PX_WIDE, LEAST_ROOM, LEAST_CELL, LEAST_FACET = 4, 900, 26, 9, 60


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """One heatmap a facet, all on one colour scale, with cells of one size."""
    side_by_side = None if narrow else _side_by_side(info)
    columns, spacing, px = (info.n_columns, *side_by_side) if side_by_side else (1, 0.0, PX_PLOTS[narrow])
    places = list(info.places if columns == info.n_columns else info.facets)
    rows = -(-len(places) // columns)
    titles, lines = abreast([facet.title for facet in info.facets] if len(info.facets) > 1 else [], px)
    places += [None] * (rows * columns - len(places))
    wide = [max([len(each.columns) for each in places[column::columns] if each], default=1) for column in range(columns)]
    high = [max([len(each.rows) for each in places[row * columns : (row + 1) * columns] if each], default=1) for row in range(rows)]
    px_each = (px - spacing * PX_PLOTS[False]) / min(wide)
    between = PX_BETWEEN + lines + px_below(info.x, px_each)
    inner = PX_PER_ROW * sum(high) + (rows - 1) * between
    fig = make_subplots(
        rows,
        columns,
        specs=[[{} if places[row * columns + column] else None for column in range(columns)] for row in range(rows)],
        subplot_titles=titles or None,
        column_widths=wide,
        row_heights=high,
        vertical_spacing=between / inner if rows > 1 else 0.1,
        horizontal_spacing=spacing,
    )
    limits, text_px = _range(info), _text_px(_n_abreast(info))
    for index, facet in enumerate(places):
        if facet:
            row, column = divmod(index, columns)
            _draw_facet(fig, info, facet, limits, text_px, row + 1, column + 1)
            across = below(info.x, facet.columns, wide[column], px_each, stacked=row + 1 < rows)
            fig.update_xaxes(**across, row=row + 1, col=column + 1)
            fig.update_yaxes(**beside(info.y, facet.rows, high[row]), row=row + 1, col=column + 1)
    styled(fig, PX_AROUND + lines + inner)
    fig.update_xaxes(title={"text": info.x.label, "standoff": 6})
    fig.update_yaxes(title={"text": info.y.label, "standoff": 6}, col=1)
    fig.update_layout(
        coloraxis=_coloraxis(info, *limits, not narrow, inner),
        hoverdistance=60,
        showlegend=False,
        margin={"t": 40 + lines, "r": 24 if info.view == "phase" or narrow else 110},
    )
    return fig


def _side_by_side(info: Info) -> tuple[float, float] | None:
    """The share of the width between facets, for the words of the rows there, and pixels for the title of each; None if facets or titles had no room."""
    words, n = names_of(info.y), info.n_columns
    first, inner = (max([px_wide(words[row]) for each in places if each for row in each.rows], default=0.0) for places in (info.places[::n], info.places))
    room = PX_PLOTS[False] - PX_OF_SCALE - first
    spacing = (inner + 26) / room
    if n == 1:
        return 0.0, PX_PLOTS[False]
    wide = [max([len(each.columns) for each in info.places[column::n] if each], default=1) for column in range(n)]
    plots = room * (1 - spacing * (n - 1))
    px = plots * min(wide) / sum(wide) + spacing * room
    fits = px >= max(px_wide(wrapped(each.title, 1)) for each in info.facets)
    return (spacing, px) if fits and plots >= max(LEAST_CELL * sum(wide), n * LEAST_FACET) else None


def _range(info: Info) -> tuple[float, float]:
    """Of the colour scale, in drawn units."""
    if info.view == "probability":
        return 0.0, 1.0
    if info.view == "phase":
        return -0.5, len(LETTERS) - 0.5
    values = [log10(max(1.0, value)) for value in info.values()] or [0.0, 1.0]
    return (min(values), max(values)) if max(values) - min(values) > 0.02 else (min(values) - 0.1, max(values) + 0.1)


def _scale(view: View) -> Any:
    """Light is early and likely; dark is late and unlikely."""
    if view != "phase":
        return f"{SCALE}_r" if view == "time" else SCALE
    edges = np.linspace(0, 1, len(PHASE_COLORS) + 1)
    return [[float(edge), color] for index, color in enumerate(PHASE_COLORS) for edge in (edges[index], edges[index + 1])]


def _coloraxis(info: Info, low: float, high: float, shown: bool, inner: int) -> dict[str, Any]:
    if info.view == "probability":
        bar: dict[str, Any] = {"title": {"text": "share"}, "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    else:
        drawn = [log10(max(1.0, value)) for value in info.values()]
        ticks = np.linspace(min(drawn), max(drawn), 3 if max(drawn) > min(drawn) else 1).tolist() if drawn else []
        bar = {"title": {"text": "steps"}, "tickvals": ticks, "ticktext": [f"{float(f'{10**each:.3g}'):,.0f}" for each in ticks]}
    size = {"thickness": 12, "outlinewidth": 0, "x": 1.02, "lenmode": "pixels", "len": min(320, max(108, inner))}
    return {
        "colorscale": _scale(info.view),
        "cmin": low,
        "cmax": high,
        "showscale": shown and info.view != "phase" and bool(info.values()),
        "colorbar": {**size, **bar},
    }


def _draw_facet(fig: go.Figure, info: Info, facet: Facet, limits: tuple[float, float], text_px: int, row: int, column: int) -> None:
    at = [(cell, *facet.place(cell)) for cell in facet.cells]
    grid = np.full((len(facet.rows), len(facet.columns)), np.nan)
    for cell, x, y in at:
        if cell.value is not None:
            grid[y, x] = log10(max(1.0, cell.value)) if info.view == "time" else cell.value
    gap = 2 if text_px else 1  # many cells are slender, most of all on a narrow page
    fig.add_trace(go.Heatmap(z=grid, coloraxis="coloraxis", xgap=gap, ygap=gap, hoverinfo="skip"), row, column)
    for state, pattern in (("censored", "/"), ("failed", "x")):
        corners = [(x, y) for cell, x, y in at if cell.state == state]
        if corners:
            fig.add_trace(_hatch(corners, pattern), row, column)
    for edge in facet.edges:
        _draw_edge(fig, edge, row, column)
    shown = [each for each in at if each[0].state != "missing"]
    if text_px:
        valued = [each for each in shown if each[0].value is not None]
        font = {"color": [_ink(info.view, float(grid[y, x]), limits) for _, x, y in valued], "size": text_px}
        text = [cell.text for cell, _, _ in valued]
        fig.add_trace(go.Scatter(**_places(valued), mode="text", text=text, textfont=font, hoverinfo="skip"), row, column)
        _annotate(fig, [each for each in shown if each[0].value is None], text_px, row, column)
    unseen = {"size": 30, "opacity": 0}
    hover, numbers = [cell.hover for cell, _, _ in shown], [cell.number for cell, _, _ in shown]
    fig.add_trace(go.Scatter(**_places(shown), mode="markers", marker=unseen, hovertext=hover, hoverinfo="text", customdata=numbers), row, column)


def _draw_edge(fig: go.Figure, edge: Edge, row: int, column: int) -> None:
    """The line between the dotted ends of its band, which leave the colours of cells as they are."""
    along, across = (edge.y, edge.x) if edge.upright else (edge.x, edge.y)
    ends = np.concatenate([along, [np.nan], along]), np.concatenate([edge.low, [np.nan], edge.high])
    for (first, second), style in (
        (ends, {"line": {"color": EDGE, "width": 1.2, "dash": "dot"}}),
        ((along, across), {"line": {"color": EDGE, "width": 2.5}}),
    ):
        x, y = (second, first) if edge.upright else (first, second)
        fig.add_trace(go.Scatter(x=x, y=y, mode="lines", hoverinfo="skip", showlegend=False, **style), row, column)


def _annotate(fig: go.Figure, cells: Sequence[tuple[Cell, int, int]], text_px: int, row: int, column: int) -> None:
    """What cells without a value say. An annotation takes the page's ink, dark or light. All at once: each addition copies those before it."""
    axes = next(fig.select_xaxes(row=row, col=column)), next(fig.select_yaxes(row=row, col=column))
    refs = {f"{side}ref": axis.plotly_name.replace("axis", "") for side, axis in zip("xy", axes, strict=True)}
    told = [{"x": x, "y": y, "text": cell.text, "showarrow": False, "font": {"size": text_px}, **refs} for cell, x, y in cells]
    there: Any = fig.layout["annotations"]
    fig.update_layout(annotations=[*there, *told])


def _places(cells: Sequence[tuple[Cell, int, int]]) -> dict[str, list[int]]:
    return {"x": [x for _, x, _ in cells], "y": [y for _, _, y in cells]}


def _n_abreast(info: Info) -> int:
    """Cells side by side on a wide page. A narrow one has the same traces, and so the same text."""
    columns = [info.places[column :: info.n_columns] for column in range(info.n_columns)]
    return sum(max([len(each.columns) for each in column if each], default=1) for column in columns)


def _text_px(n_abreast: int) -> int:
    """Of the text in cells, by the room that each of so many side by side has on a wide page; 0 where there is none for any: the pointer tells."""
    room = PX_WIDE / n_abreast
    return 12 if room >= 48 else 10 if room >= 38 else 8 if room >= LEAST_ROOM else 0


def _hatch(corners: list[tuple[int, int]], pattern: str) -> go.Scatter:
    """Hatched squares, as one trace."""
    xs, ys = [], []
    for x, y in corners:
        xs += [x - 0.49, x + 0.49, x + 0.49, x - 0.49, x - 0.49, None]
        ys += [y - 0.48, y - 0.48, y + 0.48, y + 0.48, y - 0.48, None]
    return go.Scatter(
        x=xs, y=ys, mode="lines", line={"width": 0.5, "color": FAINT_GREY}, fill="toself", hoverinfo="skip",
        fillpattern={"shape": pattern, "fgcolor": FAINT_GREY, "bgcolor": "rgba(138,138,138,0.12)", "size": 7, "solidity": 0.25},
    )  # fmt: skip


def _ink(view: View, drawn: float, limits: tuple[float, float]) -> str:
    """The colour of a cell's text: black or white."""
    if view == "phase":
        return ink_on(PHASE_COLORS[int(drawn)])
    share = (drawn - limits[0]) / (limits[1] - limits[0])
    return ink_on(str(sample_colorscale(_scale(view), [min(1.0, max(0.0, share))])[0]))
