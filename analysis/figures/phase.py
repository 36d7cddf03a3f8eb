"""The phase diagram: one cell a point, over λ and a second axis, with what is not known shown as such."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, log10
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, layout, position, split, title_of
from analysis.figures.theme import FAINT_GREY, SCALE, ink_on, median_word, number, safe, steps_word, styled, upper_word, word
from analysis.frame import Frame
from analysis.statistics import Interval
from lal.errors import Refused

TITLE = "Phase diagram"
View = Literal["time", "probability", "phase"]
State = Literal["value", "censored", "failed", "missing"]
LETTERS = {
    "comprehension": "C",
    "grokking": "G",
    "memorisation": "M",
    "confusion": "X",
    "censored": "?",
    "ungrokked": "U",
    "diverged": "D",
    "pruned": "P",
}
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
VIEWS = {
    "time": "Steps until half of the seeds generalise (Kaplan-Meier median)",
    "probability": "Share of seeds that generalise within the budget",
    "phase": "Phases",
}
FACTS = (
    *("n", "n_grokked", "n_held", "n_censored", "n_diverged", "n_pruned", "n_failed", "n_missing"),
    *("p", "p_low", "p_high", "median", "median_low", "median_high", "restricted_mean", "phases"),
)
PX_PER_ROW, PX_AROUND, PX_BETWEEN = 54, 118, 84
MOST_ABREAST, PX_WIDE = 4, 900


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        state: value, or why there is none: censored (hatched), failed, missing (blank).
        value: of the view: steps, share, or index of the phase in LETTERS; None where there is none.
        facts: FACTS, for the table.
    """

    column: int
    row: int
    state: State
    value: float | None
    text: str
    hover: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Facet:
    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Info:
    """What is drawn: facets row by row, `n_columns` a row on a wide page; None is a place without cells. Labels are escaped."""

    view: View
    x: Dimension
    y: Dimension
    places: tuple[Facet | None, ...]
    n_columns: int
    caption: str

    @property
    def facets(self) -> tuple[Facet, ...]:
        """Those that there are."""
        return tuple(each for each in self.places if each)

    def values(self) -> list[float]:
        """Values of all cells that have one."""
        return [cell.value for facet in self.facets for cell in facet.cells if cell.value is not None]


def prepare(tables: Tables, x: str | None = None, y: str | None = None, view: View = "time") -> Info | str:
    """The phase diagram of one view: "time", "probability" or "phase"."""
    if view not in get_args(View):
        raise Refused(f"view must be time, probability or phase, but got {view!r}; write one of them")
    where = layout(tables, x, y)
    others = [each for each in where.rest if each is not where.rows]
    columns = where.columns if where.columns.column or not where.rows.column or len(others) != 1 else others[0]
    if columns.column and len(columns.values) <= MOST_ABREAST:
        below = [each for each in where.rest if each is not columns]
        parts = [part for row in split(tables.cells, below) for part in _abreast(row, columns)]
        n_columns = len(columns.values)
    else:
        parts = list(split(tables.cells, where.rest))
        n_columns = 1 if where.rows.column and len(where.rest) == 1 else min(len(parts), 3)
    facets = [
        Facet(title, tuple(_cell(tables, row, where.x, where.y, view) for row in part.to_dict("records"))) if part is not None else None
        for title, part in parts
    ]
    return Info(view, where.x, where.y, tuple(facets), n_columns, _caption(tables, view))


def _abreast(row: tuple[str, Frame], columns: Dimension) -> list[tuple[str, Frame | None]]:
    """A row of facets, one for each value of `columns`: its title and its cells, None where there are none."""
    head, part = row
    found = dict(split(part, [columns]))
    titles = [title_of(columns, value) for value in columns.values]
    return [(" · ".join(filter(None, (head, title))), found.get(title)) for title in titles]


def _caption(tables: Tables, view: View) -> str:
    limits = tables.thresholds
    held = f"{limits.window} evaluations in a row with {word(limits.goal_column)} {limits.goal:g} or better"
    head = f"A run counts as generalised from the first of {held}; its time is that evaluation, the right end of where it may lie."
    marks = (
        " Hatched: not reached within the budget by half of the seeds, which is not the same as never. "
        "Intervals have no upper limit with fewer than 6 seeds. Blank: not run yet. Failed runs count for nothing (crossed: all of a cell failed)."
    )
    counts = " In a cell: how many of its finished seeds did."
    if view == "phase":
        letters = ", ".join(f"{letter} {name}" for name, letter in LETTERS.items())
        return (
            f"{head} Letters are the phases of its seeds, with counts where they differ; the colour is the most frequent: {letters}. "
            f"Grokking: over {limits.gap:,} steps after memorising; comprehension: sooner (Liu et al. 2022). "
            f"Censored: not generalised, and its decay time, the sum of lr times weight decay, below {limits.tau:g}."
        )
    return head + counts + (marks if view == "time" else " Blank: not run yet; crossed: all of a cell failed.")


def _cell(tables: Tables, row: dict[str, Any], x: Dimension, y: Dimension, view: View) -> Cell:
    state, value = _state(row, view)
    return Cell(position(row, x), position(row, y), state, value, _text(row, state, view), _hover(tables, row), {name: row[name] for name in FACTS})


def _state(row: dict[str, Any], view: View) -> tuple[State, float | None]:
    if row["n"] == 0:
        return ("failed" if row["n_failed"] else "missing"), None
    if view == "time":
        return ("value", float(row["median"])) if isfinite(row["median"]) else ("censored", None)
    return "value", float(row["p"]) if view == "probability" else float(list(LETTERS).index(row["phase"]))


def _text(row: dict[str, Any], state: State, view: View) -> str:
    if state == "missing":
        return ""
    if state == "failed":
        return f"{row['n_failed']} failed"
    share = f"{row['n_grokked']}/{row['n']}"
    letters = [(LETTERS[name], int(count)) for count, name in (part.split(" ") for part in row["phases"].split(", "))]
    pairs = [" ".join(f"{letter}{count}" for letter, count in letters[index : index + 2]) for index in range(0, len(letters), 2)]
    mixed = "<br>".join(pairs) if len(letters) > 1 else letters[0][0]
    head = {"time": steps_word(row["median"]), "probability": share, "phase": mixed}[view]
    lines = [head if state == "value" else share, *([share] if view == "time" and state == "value" else [])]
    return "<br>".join([*lines, *([f"{row['n_failed']} failed"] if row["n_failed"] else [])])


def _hover(tables: Tables, row: dict[str, Any]) -> str:
    """All that is known of a cell, and the command that makes one of its runs again."""
    first = tables.runs[tables.runs["cell"] == row["cell"]].iloc[0]
    counts = [f"{row[f'n_{name}']} {name}" for name in ("censored", "diverged", "pruned", "failed", "missing") if row[f"n_{name}"]]
    return "<br>".join(
        [
            f"<b>{row['n_grokked']} of {row['n']} generalised</b>{' (' + ', '.join(counts) + ')' if counts else ''}",
            f"share {number(row['p'])} [{number(row['p_low'])}, {number(row['p_high'])}] (Wilson 95 %)",
            f"median {median_word(Interval(row['median'], row['median_low'], row['median_high']), row['n'])} steps (Kaplan-Meier 95 %)",
            f"mean up to step {steps_word(row['horizon'])}: {steps_word(row['restricted_mean'])}",
            f"phases: {safe(row['phases'] or 'none')}",
            f"<i>{safe(tables.command(run=first['run_id']))}</i>",
        ]
    )


def table(info: Info) -> Frame:
    """The cells, one row each."""
    facets = [(facet.title, cell) for facet in info.facets for cell in facet.cells]
    names = {"": [title for title, _ in facets], info.x.label: [info.x.words()[cell.column] for _, cell in facets]}
    names |= {info.y.label: [info.y.words()[cell.row] for _, cell in facets]} if info.y.column else {}
    found = {column: [cell.facts[column] for _, cell in facets] for column in FACTS}
    found["median_high"] = [upper_word(cell.facts["median_high"], cell.facts["n"]) for _, cell in facets]
    return pd.DataFrame({name: values for name, values in {**names, **found}.items() if name})


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """One heatmap a facet, all on one colour scale."""
    places = list(info.facets if narrow else info.places)
    columns = 1 if narrow else info.n_columns
    rows = -(-len(places) // columns)
    places += [None] * (rows * columns - len(places))
    inner = rows * PX_PER_ROW * len(info.y.values) + (rows - 1) * PX_BETWEEN
    fig = make_subplots(
        rows,
        columns,
        specs=[[{} if places[row * columns + column] else None for column in range(columns)] for row in range(rows)],
        subplot_titles=[facet.title for facet in info.facets] if len(info.facets) > 1 else None,
        vertical_spacing=PX_BETWEEN / inner if rows > 1 else 0.1,
        horizontal_spacing=0.09,
    )
    low, high = _range(info)
    for index, facet in enumerate(places):
        if facet:
            row, column = divmod(index, columns)
            _draw_facet(fig, info, facet, (low, high), row + 1, column + 1)
    styled(fig, PX_AROUND + inner)
    fig.update_xaxes(
        tickvals=list(range(len(info.x.values))),
        ticktext=info.x.words(),
        range=[-0.5, len(info.x.values) - 0.5],
        showgrid=False,
        title={"text": info.x.label, "standoff": 6},
    )
    fig.update_yaxes(
        tickvals=list(range(len(info.y.values))),
        ticktext=info.y.words(),
        range=_y_range(info.y),
        showgrid=False,
        title={"text": info.y.label, "standoff": 6},
    )
    fig.update_layout(
        coloraxis=_coloraxis(info, low, high, not narrow, inner),
        hoverdistance=60,
        showlegend=False,
        margin={"t": 40, "r": 24 if info.view == "phase" or narrow else 110},
    )
    return fig


def _y_range(y: Dimension) -> list[float]:
    """Numbers rise; names are read from the top."""
    ends = [-0.5, len(y.values) - 0.5]
    return ends if all(value is None or isinstance(value, int | float) for value in y.values) else ends[::-1]


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


def _draw_facet(fig: go.Figure, info: Info, facet: Facet, limits: tuple[float, float], row: int, column: int) -> None:
    grid = np.full((len(info.y.values), len(info.x.values)), np.nan)
    for cell in facet.cells:
        if cell.value is not None:
            grid[cell.row, cell.column] = log10(max(1.0, cell.value)) if info.view == "time" else cell.value
    fig.add_trace(go.Heatmap(z=grid, coloraxis="coloraxis", xgap=2, ygap=2, hoverinfo="skip"), row, column)
    for state, pattern in (("censored", "/"), ("failed", "x")):
        corners = [(cell.column, cell.row) for cell in facet.cells if cell.state == state]
        if corners:
            fig.add_trace(_hatch(corners, pattern), row, column)
    shown = [cell for cell in facet.cells if cell.state != "missing"]
    valued = [cell for cell in shown if cell.value is not None]
    inks = [_ink(info.view, float(grid[cell.row, cell.column]), limits) for cell in valued]
    places = {"x": [cell.column for cell in valued], "y": [cell.row for cell in valued]}
    fig.add_trace(
        go.Scatter(**places, mode="text", text=[cell.text for cell in valued], textfont={"color": inks, "size": _text_px(info)}, hoverinfo="skip"), row, column
    )
    for cell in shown:
        if cell.value is None:  # an annotation takes the page's ink, dark or light
            fig.add_annotation(x=cell.column, y=cell.row, text=cell.text, showarrow=False, font={"size": _text_px(info)}, row=row, col=column)
    places = {"x": [cell.column for cell in shown], "y": [cell.row for cell in shown]}
    unseen = {"size": 30, "opacity": 0}
    fig.add_trace(go.Scatter(**places, mode="markers", marker=unseen, hovertext=[cell.hover for cell in shown], hoverinfo="text"), row, column)


def _text_px(info: Info) -> int:
    """Of the text in cells, by the room that a cell has on a wide page."""
    room = PX_WIDE / info.n_columns / len(info.x.values)
    return 12 if room >= 48 else 10 if room >= 38 else 8


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
