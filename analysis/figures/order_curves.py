"""Order parameters while a learner learns."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures import measures
from analysis.figures.series import Info, table
from analysis.figures.series_drawing import draw
from analysis.figures.theme import word
from analysis.order import CANDIDATES

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Order parameters over episodes"


def prepare(tables: Tables) -> Info | str:
    """A row of panels for each of them."""
    if not tables.has(CANDIDATES[0]):
        return "no run has action values that order parameters are read off"
    caption = (
        "Read off 1,000 states, in a corridor evenly spaced; the gradient norm is of the loss over the replay buffer, by all weights. A step is an episode."
    )
    return measures.prepare(tables, [(word(name), {name: "solid"}) for name in CANDIDATES], caption, "no order parameter was measured")
