"""The phase diagram: one cell a point, over λ and a second axis, with what is not known shown as such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pandas as pd

from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, layout, split, title_of
from analysis.figures.phase_cells import FACTS, LETTERS, Info, View, cell_of, gridded
from analysis.figures.phase_drawing import MOST_ABREAST, draw
from analysis.figures.phase_edges import FITTED, edges
from analysis.figures.theme import short_word, upper_word, word
from analysis.frame import Frame
from analysis.goal_words import words_of
from lal.errors import Refused

__all__ = ["TITLE", "VIEWS", "draw", "prepare", "table"]
TITLE = "Phase diagram"
VIEWS = {
    "time": "Steps until half of the seeds generalise (Kaplan-Meier median)",
    "probability": "Share of seeds that generalise within the budget",
    "phase": "Phases",
}


def prepare(tables: Tables, x: str | None = None, y: str | None = None, view: View = "time") -> Info:
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
    cells = [(title, None if part is None else tuple(cell_of(tables, row, where, view) for row in part.to_dict("records"))) for title, part in parts]
    places = gridded(cells, where.x, where.y)
    frames = [part for _, part in parts]
    places = tuple(each and replace(each, edges=edges(tables, frames[index], each, where.x, where.y)) for index, each in enumerate(places))
    fitted = FITTED if any(each and each.edges for each in places) else ""
    caption = words_of(tables.manifest).say(f"{_caption(tables, view)}{fitted}")
    return Info(view, where.x, where.y, places, n_columns, f"{caption}{_implied(where.implied)}")


def _abreast(row: tuple[str, Frame], columns: Dimension) -> list[tuple[str, Frame | None]]:
    """A row of facets, one for each value of `columns`: its title and its cells, None where there are none."""
    head, part = row
    found = dict(split(part, [columns]))
    titles = [title_of(columns, value) for value in columns.values]
    return [(" · ".join(filter(None, (head, title))), found.get(title)) for title in titles]


def _caption(tables: Tables, view: View) -> str:
    limits = tables.thresholds
    better = "better" if limits.direction == "max" else "less"
    seen = "1 evaluation" if limits.window == 1 else f"{limits.window} evaluations in a row"
    held = f"{seen} with {word(limits.goal_column)} {limits.goal:g} or {better}"
    head = f"A run has generalised from the first of {held} on; its time is that evaluation, the right end of where it may lie."
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


def _implied(dimensions: Sequence[Dimension]) -> str:
    """What varies and has no place of its own."""
    names = ", ".join(short_word(each.column) for each in dimensions)
    return f" Where a cell stands also says its {names}; it is told with the cell." if names else ""


def table(info: Info) -> Frame:
    """The cells, one row each."""
    facets = [(facet.title, cell) for facet in info.facets for cell in facet.cells]
    names = {"": [title for title, _ in facets], info.x.label: [info.x.words()[cell.column] for _, cell in facets]}
    names |= {info.y.label: [info.y.words()[cell.row] for _, cell in facets]} if info.y.column else {}
    found = {column: [cell.facts[column] for _, cell in facets] for column in FACTS}
    found["median_high"] = [upper_word(cell.facts["median_high"], cell.facts["n"]) for _, cell in facets]
    return pd.DataFrame({name: values for name, values in {**names, **found}.items() if name})
