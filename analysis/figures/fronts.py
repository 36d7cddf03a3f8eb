"""Patterns of a learner's values over episodes: how far they have come, beside the return that they should bring."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures import measures
from analysis.figures.series import Info, table
from analysis.figures.series_drawing import draw
from lal.reinforcement.metrics import RECENT

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Fronts of values over episodes"
ROWS = [
    ("front (position)", {"value_front": "solid", "order_front": "dot"}),
    ("return", {"return": "solid", "greedy_return": "dot"}),
    ("roughness of values", {"value_roughness": "solid"}),
    ("wavelength (positions)", {"value_wavelength": "solid"}),
    ("spread of visits (positions)", {"visit_spread": "solid"}),
]


def prepare(tables: Tables) -> Info | str:
    """Fronts, returns, and measures of the value field."""
    caption = (
        "Front, solid: the right-most position from which values do not yet rise towards the goal by more than half of what a step costs; dotted: at all; "
        "on a grid by distance; −1 once they rise everywhere. "
        f"Return, solid: of the last {RECENT} episodes; dotted: without exploration. Roughness: what no ramp explains, "
        "from 0 to 1. Wavelength: that with most power once the best ramp is removed; the size of the world is one bend, and no waves. "
        "Speculative: that these are patterns as of chemicals is a conjecture. A step is an episode."
    )
    if not tables.has("value_front"):
        return "no run has measured the pattern of its values"
    return measures.prepare(tables, ROWS, caption, "no run has measured the pattern of its values")
