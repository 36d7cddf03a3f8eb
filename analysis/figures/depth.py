"""Depth over training: how open the gates are, how many layers are needed, and what the network can do with them."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.depth_bound import told_of
from analysis.figures import series
from analysis.figures.series import Info, table
from analysis.figures.series_drawing import draw

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Depth over training"


def prepare(tables: Tables) -> Info | str:
    """Sum of gates, functional depth, and test accuracy, above one another."""
    if not tables.has("effective_depth"):
        return "no run has gates, so there is no depth to follow"
    rows: list[tuple[str, dict[str, str]]] = [("sum of gates", {"effective_depth": "solid"})]
    rows += [("functional depth", {"functional_depth": "solid"})] if tables.has("functional_depth") else []
    rows += [("test accuracy", {tables.thresholds.goal_column: "solid"})]
    caption = (
        "Sum of gates: how open they are. Functional depth: the fewest layers that keep test accuracy within one point when all others are removed "
        "(none, while nothing is answered right). "
        "A network can shrink its gates and grow its weights, and need every layer as before: "
        "only the second tells whether depth is saved (its lines are drawn a little above one another where they coincide). "
        f"Where test accuracy is lost nothing is saved: a network at chance needs no layer.{told_of(tables)} "
        f"{series.READING}"
    )
    return series.prepare(tables, rows, caption)
