"""Several tests at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment (1979) of `p_values`; NaN stays NaN and is not counted."""
    known = [index for index, p in enumerate(p_values) if not isnan(p)]
    adjusted, highest = list(p_values), 0.0
    for rank, index in enumerate(sorted(known, key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(known) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
