"""Where, within a facet of a phase diagram, half of the runs generalise: the fitted line with its band, on the facet's own grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.boundaries import Line, Scale, line_of
from analysis.boundaries import position as scale_position
from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, position
from analysis.figures.phase_cells import Edge, Facet
from analysis.frame import Frame

MOST_FITTED = 200  # cells of a facet: a fit of more takes longer than a figure may
FITTED = " Line: where the share that generalises by the budget is 1/2, fitted; dotted: its 95 % band (logistic; Firth’s penalised likelihood, bootstraps)."


def edges(tables: Tables, cells: Frame, facet: Facet, x: Dimension, y: Dimension) -> tuple[Edge, ...]:
    """The line over both axes where both have an order; else one within each row that has one.

    It is the same in every view: where half of the runs generalise by the budget, the median time begins to be reached, and the phases that
    generalise (comprehension, grokking, ungrokked) part from those that do not.
    """
    if not ordered(x) or len(cells) > MOST_FITTED:
        return ()
    if ordered(y):
        return _over_both(tables, cells, facet, x, y)
    found = []
    for row, index in enumerate(facet.rows):
        own = cells[[position(each, y) == index for each in cells.to_dict("records")]]
        line = line_of(tables, own, x)
        if isinstance(line, Line) and line.word(float(line.found.place[0])) != "–":
            found.append(_within(facet, line, row))
    return tuple(found)


def ordered(of: Dimension) -> bool:
    """Whether a dimension has several values, with an order."""
    return bool(of.column) and len(of.values) > 1 and of.numeric


def _over_both(tables: Tables, cells: Frame, facet: Facet, x: Dimension, y: Dimension) -> tuple[Edge, ...]:
    """As y over x, or, where x matters more, as x over y: its band is beside what it is steep in."""
    line = line_of(tables, cells, x, y)
    if not isinstance(line, Line):
        return ()
    wide, high = spread(line.x_values, line.x_scale), spread(line.y_values, line.y_scale)
    upright = abs(line.found.coefficients[1]) * wide > abs(line.found.coefficients[2]) * high
    if upright:
        line = line_of(tables, cells, y, x)
        if not isinstance(line, Line):
            return ()
    shown = (facet.rows, facet.columns) if upright else (facet.columns, facet.rows)
    along, (place, low, top) = on_grid(line.columns(), shown[0]), (on_grid(each, shown[1]) for each in line.rows())
    end = len(shown[1]) - 0.5
    place = np.where((place < -0.5) | (place > end), np.nan, place)
    band = [np.clip(np.where(np.isnan(each), other, each), -0.5, end) for each, other in ((low, -0.5), (top, end))]
    if np.isnan(place).all():
        return ()
    across = (place, along) if upright else (along, place)
    return (Edge(across[0], across[1], band[0], band[1], upright),)


def spread(values: Sequence[float], scale: Scale) -> float:
    """How far apart the ends of an axis are, on the scale of the fit."""
    return scale_position(values[-1], values, scale) - scale_position(values[0], values, scale)


def _within(facet: Facet, line: Line, row: int) -> Edge:
    """Upright, through one row; the band lies beside it."""
    place, low, high = (on_grid(each, facet.columns) for each in line.rows())
    ends = np.array([row - 0.5, row + 0.5])
    right = len(facet.columns) - 0.5
    band = [np.clip(np.nan_to_num(each, nan=other), -0.5, right).repeat(2) for each, other in ((low, -0.5), (high, right))]
    return Edge(place.repeat(2), ends, band[0], band[1], upright=True)


def on_grid(places: NDArray[np.float64], shown: tuple[int, ...]) -> NDArray[np.float64]:
    """Positions among all values of a dimension as those among the ones that a facet shows."""
    if len(shown) < 2:
        return places - float(np.array(shown)[0])
    known = np.array([shown[0] - 1, *shown, shown[-1] + 1], float)
    return np.where(np.isnan(places), np.nan, np.interp(places, known, np.arange(-1.0, len(shown) + 1)))
