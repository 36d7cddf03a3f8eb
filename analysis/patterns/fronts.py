"""Fronts: where a field passes a level, how fast that moves, and when something is so for good."""

from __future__ import annotations

from math import inf, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import CONFIDENCE, Interval, student_quantile

Array = NDArray[np.float64]
LEAST_POINTS = 3


def speed(times: Array, positions: Array, confidence: float = CONFIDENCE) -> Interval:
    """Slope of the least-squares line through positions (T,) over times (T,), with Student's interval.

    The interval takes deviations from the line as independent; those of a front that is followed closely are not, and the interval over several runs is
    what counts. NaN ones are left out. Nothing is known with fewer than three.
    """
    there = np.isfinite(positions)
    t, x = times[there], positions[there]
    if len(t) < LEAST_POINTS or t.std() == 0:
        return Interval(nan, nan, nan)
    centred = t - t.mean()
    slope = float(centred @ x / (centred @ centred))
    rest = x - x.mean() - slope * centred
    half = student_quantile(confidence, len(t) - 2) * sqrt(float(rest @ rest) / (len(t) - 2) / float(centred @ centred))
    return Interval(slope, slope - half, slope + half)


def from_then_on(times: Array, holds: NDArray[np.bool_]) -> float:
    """The first of `times` (T,) from which `holds` (T,) is true to the end; infinite where it is not true at the end."""
    if not holds.size or not holds[-1]:
        return inf
    wrong = np.flatnonzero(~holds)
    return float(times[wrong[-1] + 1]) if wrong.size else float(times[0])


def passage(positions: Array, start: float, end: float) -> NDArray[np.bool_]:
    """(T,) when a front is on its way from `start` down to `end`: after it last stood at `start` or before, until it first is at `end`, or to the last moment.

    Both ends are counted, so that a front that leaps has two points. Empty where it never stood there.
    """
    chosen = np.zeros(len(positions), bool)
    arrived = np.flatnonzero(positions <= end)
    up_to = arrived[arrived > np.flatnonzero(positions >= start)[0]] if arrived.size and (positions >= start).any() else arrived[:0]
    last = up_to[0] if up_to.size else len(positions) - 1
    before = np.flatnonzero(positions[: last + 1] >= start)
    if before.size:
        chosen[before[-1] : last + 1] = True
    return chosen
