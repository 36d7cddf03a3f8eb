"""The Pareto frontier of seed means, with P(on front), and the cells that have no place on it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from analysis.collect import Tables
from analysis.depth_bound import told_of
from analysis.figures.dimensions import layout
from analysis.figures.pareto_drawing import draw
from analysis.figures.pareto_planes import MOST_LABELS, Info, Plane, pairs, plane, standing
from analysis.figures.theme import number, percent, word
from analysis.frame import Frame
from analysis.statistics import CONFIDENCE

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Pareto frontier"
READING = (
    f"Large: cells on the front of seed means, with {percent(CONFIDENCE)} intervals (Student’s t; none of one seed, or of seeds all alike). "
    "Small: dominated cells. "
    "Number: the share of bootstrap draws over seeds in which the cell is on the front. "
    "Shaded: where the front of the true means is at one x; with 5 and 8 seeds it was there in 93 to 99 % of simulations. "
)
ALONE = "With one seed in a cell, neither the front nor its hypervolume has an interval. "
STRIP = "Crossed, in the strip beside: cells without a place, as high as the mean of their seeds is, or at the edge where it lies beyond. "


def prepare(tables: Tables) -> Info | str:
    """The fronts that the sweep's report asks for: each minimised objective, on x, against each maximised one, on y; of one kind alone, or of three, all pairs.

    Where one of them is what the computation costs, a run counts only if it was at the goal when that was read, and a cell only if half
    of its runs were: a broken network may seem to need nothing.
    """
    wanted = pairs(tables.manifest["report"].get("pareto") or {})
    if not wanted:
        return "the sweep's report asks for no two objectives, so there is no Pareto frontier"
    found = [plane(tables, x, y) for x, y in wanted]
    planes = tuple(each for each in found if isinstance(each, Plane))
    lacking = [each for each in found if isinstance(each, str)]
    if not planes:
        return f"{'; '.join(lacking)}, so there is no Pareto frontier"
    volumes = [_hypervolume(each, len(planes) > 1) + _knee(each) + without(tables, each) for each in planes]
    caption = reading(planes) + " ".join(volumes) + "".join(f" Left out: {reason}." for reason in lacking)
    caption += told_of(tables) if any(of.column == "functional_depth" for each in planes for of in (each.x, each.y)) else ""
    return Info(planes, tuple(layout(tables, y="arm").y.words()), caption)


def reading(planes: Sequence[Plane]) -> str:
    """What is drawn."""
    alone = any(place.n == 1 for each in planes for place in each.places)
    return READING + (ALONE if alone else "") + (STRIP if any(each.aside for each in planes) else "")


def without(tables: Tables, each: Plane) -> str:
    """Who has no place, and why; how many seeds those that have one are of."""
    whole = standing(tables, [each.x, each.y])[tables.done.index].all()
    text = "" if whole else " Only seeds at the goal are counted, and said as n of N: a broken network may seem to need nothing."
    if each.broken:
        text += f" Without a place, because fewer than half of their seeds are at the goal: {_few(each.broken)}."
    if each.strip:
        text += f" Without a place, because a run of theirs lacks an objective (it did not generalise, or has no such part): {_few(each.strip)}."
    return text


def _few(labels: Sequence[str]) -> str:
    """Not more of them than are read."""
    return "; ".join(labels[:MOST_LABELS]) + (f" and {len(labels) - MOST_LABELS} more" if len(labels) > MOST_LABELS else "")


def _hypervolume(each: Plane, several: bool) -> str:
    worst = ", ".join(number(value * of.sign) for value, of in zip(each.front.reference, (each.x, each.y), strict=True))
    low, high = each.front.hypervolume_interval
    value = number(each.front.hypervolume)
    told = value if isnan(low) else f"{value} [{number(low)}, {number(high)}], corrected for the best of noisy cells seeming better than they are"
    which = f" of {word(each.x.column)} and {word(each.y.column)}" if several else ""
    return f"Hypervolume{which} {told}; up to ({worst}), the worst of any run that counts."


def _knee(each: Plane) -> str:
    """Where more of one objective begins to cost much of the other."""
    at = each.front.knee
    if at is None:
        return ""
    share = float(each.front.at_knee[at])
    sure = "one seed" if isnan(share) else f"in {percent(share)} of draws"
    return f" Knee (ringed; farthest from the line between the front’s ends, both scaled to it): {each.places[at].label}, {sure}."


def table(info: Info) -> Frame:
    """Every cell that has a place, with its share of draws on the front; a block of rows for each plane."""
    return pd.concat([_rows(each) for each in info.planes], ignore_index=True)


def _rows(each: Plane) -> Frame:
    found = each.front
    means, ends = each.values(found.means), (each.values(found.low), each.values(found.high))
    low, high = np.minimum(*ends), np.maximum(*ends)
    columns: dict[str, Any] = {"cell": [place.label for place in each.places], "seeds": [place.seeds for place in each.places]}
    for side, of in enumerate((each.x, each.y)):
        name = word(f"{of.column}@{of.when}")
        columns |= {name: means[:, side], f"{name}, low": low[:, side], f"{name}, high": high[:, side]}
    return pd.DataFrame({**columns, "on the front": found.on, "share of draws on it": found.probability, "share at the knee": found.at_knee})
