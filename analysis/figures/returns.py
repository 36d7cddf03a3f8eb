"""What a reinforcement learner gets for what it does, over episodes."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures import measures
from analysis.figures.series import Info, table
from analysis.figures.series_drawing import draw
from lal.reinforcement.metrics import RECENT

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Returns over episodes"
ROWS = [("return", {"return": "solid", "greedy_return": "dot"}), ("front (position)", {"front_position": "solid"})]


def prepare(tables: Tables) -> Info | str:
    """Returns, and how far the front of learned positions has come."""
    caption = (
        f"Solid: mean return of the last {RECENT} episodes as they were lived through, exploration included; dotted: of one episode without exploration. "
        "A step is an episode. Front: the right-most position whose greedy action is not yet right; −1 once there is none."
    )
    if not tables.has("return"):
        return "no run has a return"
    return measures.prepare(tables, ROWS, caption, "no run has a return")
