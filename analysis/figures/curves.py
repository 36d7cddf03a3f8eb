"""Learning curves: train dotted, test solid."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures import series
from analysis.figures.series import Info, table
from analysis.figures.series_drawing import draw
from analysis.figures.theme import word

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Learning curves"


def prepare(tables: Tables) -> Info | str:
    """Accuracy on both sides of the split; of another kind of run, its goal and fit columns."""
    goal, fit = tables.thresholds.goal_column, tables.thresholds.fit_column
    supervised = goal == "test_acc"
    fitted = "; dotted: train, of which only medians are drawn" if supervised else f"; dotted: {word(fit)}" if tables.has(fit) else ""
    caption = f"Solid: {'test' if supervised else word(goal)}{fitted}. {series.READING} Steps are on a log scale and begin after 0."
    label = "accuracy" if supervised else word(goal)
    return series.prepare(tables, [(label, {**({fit: "dot"} if tables.has(fit) else {}), goal: "solid"})], caption)
