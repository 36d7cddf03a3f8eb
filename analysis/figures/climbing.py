"""Steps until each plateau of the staircase is reached, against group size, width or whatever else a sweep varies."""

from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go

from analysis.collect import Tables
from analysis.figures import time_to_goal
from analysis.figures.staircase import levels_of
from analysis.figures.time_to_goal import Info, table
from analysis.staircases import REACHED, absent, climbs

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Steps to each plateau"
MOST_PLATEAUS = 3
PLACES = ("first", "second", "third")


def prepare(tables: Tables) -> Info | str:
    """Times at which the reduction of the loss is that of each plateau, within `REACHED`, and that of the goal; medians over seeds, censored ones included."""
    found = climbs(tables)
    if not found:
        return absent(tables)
    relative = [
        replace(each, theory=replace(each.theory, levels=tuple(level / each.theory.levels[0] for level in each.theory.levels))) for each in found.values()
    ]
    levels = levels_of(relative)
    if tables.thresholds.goal_column != "reduction" or len(levels) < 2:
        return "runs differ in the levels of theory, so there are no plateaus that all of them reach"
    goals = [1 - REACHED * level for level in levels[1 : 1 + MOST_PLATEAUS] if 1 - REACHED * level < tables.thresholds.goal]
    info = time_to_goal.prepare(tables, [*goals, tables.thresholds.goal])
    if isinstance(info, str):
        return info
    titles = [f"{PLACES[place]} plateau ({level:.3g} of the loss)" for place, level in enumerate(levels[1 : 1 + len(goals)])]
    titles.append(f"all learned (reduction {tables.thresholds.goal:g})")
    panels = tuple((title, lines) for title, (_, lines) in zip(titles, info.panels, strict=True))
    reached = f"Reached: the loss is at most {REACHED:g} times the level at as many evaluations in a row as verdicts ask for."
    return replace(info, panels=panels, caption=f"{reached} {info.caption}", y_label="steps (log)")


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """A panel a plateau."""
    return time_to_goal.draw(info, narrow)
