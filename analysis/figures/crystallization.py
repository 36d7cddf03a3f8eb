"""Crystallization over episodes, also in units of its rate, and the pressure that it is a factor of."""

from __future__ import annotations

from dataclasses import replace

from analysis.collect import Tables
from analysis.figures import measures
from analysis.figures.series import Info, table
from analysis.figures.series_drawing import draw

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Crystallization over episodes"
ROWS = [
    ("C", {"crystallization": "solid"}),
    ("(C − start) / rate", {"crystallization_per_rate": "solid"}),
    ("mean pressure β", {"pressure_mean": "solid"}),
    ("largest uncertainty U", {"uncertainty_high": "solid"}),
]


def prepare(tables: Tables) -> Info | str:
    """What was measured of them."""
    caption = (
        "C adds up improvements of the mean return, each times a rate: C − start is in proportion to it, so that the second row compares rates. "
        "Pressure: mean over the updates of an episode. A step is an episode."
    )
    info = measures.prepare(tables, ROWS, caption, "no run has a crystallization", far_from_0=("C",))
    return info if isinstance(info, str) else without_blanks(info)


def without_blanks(info: Info) -> Info:
    """The same with empty places for panels in which nothing was measured, as pressure is where there is none."""
    places = tuple(panel if panel and panel.lines else None for panel in info.places)
    blank = len(info.panels) - sum(panel is not None for panel in places)
    told = " Left out: panels of runs without what their row tells, pressure above all." if blank else ""
    return replace(info, places=places, caption=info.caption + told)
