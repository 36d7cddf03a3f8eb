"""The loss of networks that compose group elements, beside the levels that theory gives for their templates."""

from __future__ import annotations

from math import log10

import numpy as np

from analysis.collect import Tables
from analysis.figures import series
from analysis.figures.dimensions import Dimension, layout, split
from analysis.figures.series import Info, Line, Panel, few, median, table
from analysis.figures.series_drawing import draw
from analysis.frame import Frame
from analysis.staircases import LOSS, Climb, absent, climbs

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Staircase"
LEAST_LEVEL = 1e-3  # of the first: levels below are not drawn
BELOW = 0.1  # of the lowest level: what is below is beyond the axis, and says no more than that all is learned


def prepare(tables: Tables) -> Info | str:
    """Loss over steps, a panel for each facet and, within it, for each staircase of theory; a line for each value along x."""
    found = climbs(tables)
    if not found:
        return absent(tables)
    where = layout(tables)
    runs = tables.done.loc[list(found)]
    facets = split(runs, [*([where.y] if where.y.column else []), *where.rest])
    parts = [(" · ".join(filter(None, (title, word))), levels, part) for title, runs in facets for word, levels, part in by_levels(runs, found, where.x)]
    history = tables.history[["run_id", "cell", "step", LOSS]]
    history = history[(history["step"] > 0) & (history[LOSS] > 0)]
    faint = len(runs) <= series.MOST_FAINT
    panels = [_panel(title, levels, part, history, where.x, faint) for title, levels, part in parts[: series.MOST_PANELS]]
    caption = (
        f"Loss on a log scale. {series.READING} Dashed: the levels at which theory expects it to rest, the power of the template's modes that are not learned "
        "yet, over the number of elements. Where seeds have levels of their own, none are drawn."
    )
    caption += f" The first {series.MOST_PANELS} of {len(parts)} panels are drawn." if len(parts) > series.MOST_PANELS else ""
    columns = min(len(panels), series.MOST_ABREAST if len(panels) <= series.MOST_ABREAST else 3)
    places = (*panels, *[None] * (-len(panels) % columns))
    return Info(places, columns, where.x.label, tuple(where.x.words()) if where.x.column else (), True, caption)


def by_levels(runs: Frame, found: dict[int, Climb], x: Dimension) -> list[tuple[str, tuple[float, ...], Frame]]:
    """`runs` apart by their values along `x`, where these differ in their levels; each part with a word, the levels that it shares, and its runs."""
    shared = levels_of([found[index] for index in runs.index])
    if shared or not x.column:
        return [("", shared, runs)]
    parts = split(runs, [x])
    each = [(title, levels_of([found[index] for index in part.index]), part) for title, part in parts]
    return each if any(levels for _, levels, _ in each) else [("", (), runs)]


def levels_of(found: list[Climb]) -> tuple[float, ...]:
    """The levels over 0 that all of these have; none where they differ."""
    first = found[0].theory.levels[:-1]
    alike = all(len(each.theory.levels) == len(first) + 1 and np.allclose(each.theory.levels[:-1], first, rtol=1e-3) for each in found)
    return tuple(level for level in first if level >= LEAST_LEVEL * first[0]) if alike else ()


def _panel(title: str, levels: tuple[float, ...], runs: Frame, history: Frame, x: Dimension, faint: bool) -> Panel:
    lines, labels = [], x.words()
    for _, cell in runs.groupby("cell", sort=True):
        order = x.index(cell[x.column].iloc[0]) if x.column else 0
        own = history[(history["cell"] == cell["cell"].iloc[0]) & history["run_id"].isin(cell["run_id"])]
        seeds = [(rows["step"].to_numpy(float), rows[LOSS].to_numpy(float)) for _, rows in own.groupby("run_id", sort=True)]
        thin = tuple(few(each, series.MOST_THIN) for each in seeds) if faint and len(seeds) > 1 else ()
        lines.append(Line(labels[order], order, "solid", few(median(seeds)), thin, len(seeds)))
    drawn = np.concatenate([np.array(levels), *(points[1] for line in lines for points in (line.points, *line.seeds))])
    high = log10(drawn.max())
    low = log10(max(drawn.min(), min(levels, default=drawn.max() * LEAST_LEVEL) * BELOW))
    room = 0.05 * ((high - low) or 1.0)
    return Panel(title, "test loss", tuple(line for line in lines if len(line.points[0])), (low - room, high + room), 0.0, log=True, levels=levels)
