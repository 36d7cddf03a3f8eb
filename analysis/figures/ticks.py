"""Where axes have their ticks, and how wide they are at least: what is drawn looks like what was measured."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import Any

FEWEST, MOST = 3, 6
DIGITS = ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
FINE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
EDGE = 1e-9  # a tick at the very end is within


def log_ticks(low: float, high: float, most: int = MOST) -> list[float]:
    """Ticks of a log axis from 10**`low` to 10**`high`: 1, 2, 5, 10, ...; finer where those are fewer than FEWEST, coarser where more than `most`."""
    found = next((each for digits in DIGITS if len(each := _within(low, high, digits)) <= most), _within(low, high, (1.0,)))
    if len(found) < min(FEWEST, most // 2):
        fine = _within(low, high, FINE)
        found = fine[:: max(1, ceil(len(fine) / most))]
    return found[:: max(1, ceil(len(found) / most))]


def _within(low: float, high: float, digits: tuple[float, ...]) -> list[float]:
    powers = range(floor(low), floor(high) + 1)
    ticks = [float(f"{digit:g}e{power}") for power in powers for digit in digits]
    return [tick for tick in ticks if low - EDGE <= log10(tick) <= high + EDGE]


def log_axis(low: float, high: float, tickformat: str = ",~g", most: int = MOST) -> dict[str, Any]:
    """A log axis from 10**`low` to 10**`high`, with at most so many ticks."""
    return {"type": "log", "range": [low, high], "tickvals": log_ticks(low, high, most), "tickformat": tickformat}


def whole_ticks(low: float, high: float) -> dict[str, Any]:
    """Ticks at whole numbers alone."""
    return {"tick0": 0, "dtick": max(1, ceil((high - low) / 5.5)), "tickformat": ","}
