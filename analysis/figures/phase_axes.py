"""Axes of a facet: words at its rows and columns, as many as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from analysis.figures.dimensions import Dimension
from analysis.figures.room import PX_PER_LINE, px_wide, wrapped

NAME = 24  # letters on a line of the name of a row
PX_APART = 10  # between words side by side
PX_UPRIGHT = 44  # of words on end, between a facet and what is below it


def names_of(rows: Dimension) -> list[str]:
    """The values of a dimension beside rows."""
    return [wrapped(word, NAME) for word in rows.words()]


def beside(of: Dimension, shown: Sequence[int], room: int) -> dict[str, Any]:
    """The axis of rows `shown`, with room for as many as its neighbours have. Numbers rise; names are read from the top."""
    words = names_of(of)
    axis = _axis(list(range(len(shown))), [words[index] for index in shown], room)
    return axis if of.numeric else axis | {"range": axis["range"][::-1]}


def below(of: Dimension, shown: Sequence[int], room: int, px_each: float, stacked: bool) -> dict[str, Any]:
    """The axis of columns `shown`, `px_each` wide, with room for as many as its neighbours have; `stacked`: something is right below.

    Of numbers that have no room for a word each, even on end, every so many have one.
    """
    words = [of.words()[index] for index in shown]
    widest = max(map(px_wide, words), default=0.0) + PX_APART
    on_end = px_each >= PX_PER_LINE and not (stacked and widest > PX_UPRIGHT + PX_APART)
    if px_each >= widest or on_end or not of.numeric:
        return _axis(list(range(len(shown))), words, room)
    every = ceil(widest / px_each)
    return _axis(list(range(0, len(shown), every)), words[::every], room) | {"tickangle": 0}


def px_below(of: Dimension, px_each: float) -> int:
    """Pixels that names of columns, `px_each` wide, take on end beyond what is always left for them."""
    widest = max(map(px_wide, of.words()), default=0.0)
    return 0 if of.numeric or px_each >= widest + PX_APART else max(0, ceil(widest) - PX_UPRIGHT)


def _axis(places: list[int], words: list[str], room: int) -> dict[str, Any]:
    # margins hold all words; by default a browser measures each to see whether it leaves the figure, a third of the time that a map of 1,000 cells takes
    return {"tickvals": places, "ticktext": words, "range": [-0.5, room - 0.5], "showgrid": False, "ticklabeloverflow": "allow"}
