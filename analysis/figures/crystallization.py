"""Crystallization over episodes, also in units of its rate, and the pressure that it is a factor of."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures import measures
from analysis.figures.series import Info, draw, table

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
    return measures.prepare(tables, ROWS, caption, "no run has a crystallization", far_from_0=("C",))
