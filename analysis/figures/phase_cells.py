"""What a phase diagram is made of: cells with a value, or with the reason why there is none, and facets that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, Layout, plain, position
from analysis.figures.theme import median_word, number, safe, short_word, steps_word, value_word
from analysis.goal_words import words_of
from analysis.statistics import Interval

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
FACTS = (
    *("n", "n_grokked", "n_held", "n_censored", "n_diverged", "n_pruned", "n_failed", "n_missing"),
    *("p", "p_low", "p_high", "median", "median_low", "median_high", "restricted_mean", "phases"),
)
LEAST_FULL = 0.5  # of a facet; where one is emptier, each has only its own rows and columns


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        number: of the cells table.   column, row: where it stands among the values of x and y.
        state: value, or why there is none: censored (hatched), failed, missing (blank).
        value: of the view: steps, share, or index of the phase in LETTERS; None where there is none.
        facts: FACTS, for the table.
    """

    number: int
    column: int
    row: int
    state: State
    value: float | None
    text: str
    hover: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Edge:
    """A line (x, y) on a facet's grid, whose first cell is 0 both ways, with its band: of y at each x, or of x at each y where it is `upright`."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    upright: bool = False


@dataclass(frozen=True)
class Facet:
    """Cells on one grid. `columns`, `rows`: which values of x and y it has, ascending. `edges`: where half of the runs generalise, if that was asked for."""

    title: str
    cells: tuple[Cell, ...]
    columns: tuple[int, ...]
    rows: tuple[int, ...]
    edges: tuple[Edge, ...] = ()

    def place(self, cell: Cell) -> tuple[int, int]:
        """Column and row of one of its cells on its own grid."""
        return self.columns.index(cell.column), self.rows.index(cell.row)


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


def gridded(parts: Sequence[tuple[str, tuple[Cell, ...] | None]], x: Dimension, y: Dimension) -> tuple[Facet | None, ...]:
    """A facet for each title and its cells: all on the whole grid of x and y, unless one would be nearly empty there; then each on what it has."""
    size = len(x.values) * len(y.values)
    whole = all(len(cells) >= LEAST_FULL * size for _, cells in parts if cells)
    every = tuple(range(len(x.values))), tuple(range(len(y.values)))
    return tuple(Facet(title, cells, *(every if whole else own(cells))) if cells else None for title, cells in parts)


def own(cells: Sequence[Cell]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The columns and rows that `cells` are in, ascending."""
    return tuple(sorted({cell.column for cell in cells})), tuple(sorted({cell.row for cell in cells}))


def cell_of(tables: Tables, row: dict[str, Any], where: Layout, view: View) -> Cell:
    """The cell of one row of the cells table."""
    state, value = _state(row, view)
    facts = {name: row[name] for name in FACTS}
    text, hover = _text(row, state, view), _hover(tables, row, where.implied)
    return Cell(row["cell"], position(row, where.x), position(row, where.y), state, value, text, hover, facts)


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


def _hover(tables: Tables, row: dict[str, Any], implied: Sequence[Dimension]) -> str:
    """All that is known of a cell, and the command that makes one of its runs again."""
    counts = [f"{row[f'n_{name}']} {name}" for name in ("censored", "diverged", "pruned", "failed", "missing") if row[f"n_{name}"]]
    return "<br>".join(
        [
            *(f"{short_word(each.column)} = {value_word(plain(row[each.column]))}" for each in implied),
            f"<b>{row['n_grokked']} of {row['n']} {words_of(tables.manifest).past}</b>{' (' + ', '.join(counts) + ')' if counts else ''}",
            f"share {number(row['p'])} [{number(row['p_low'])}, {number(row['p_high'])}] (Wilson 95 %)",
            f"median {median_word(Interval(row['median'], row['median_low'], row['median_high']), row['n'])} steps (Kaplan-Meier 95 %)",
            f"mean up to step {steps_word(row['horizon'])}: {steps_word(row['restricted_mean'])}",
            f"phases: {safe(row['phases'] or 'none')}",
            f"<i>{safe(tables.command(run=tables.first_run[row['cell']]))}</i>",
        ]
    )
