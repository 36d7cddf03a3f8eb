"""Where functional depth is an upper bound: of more open gates than can be searched exactly, greedy removal found it."""

from __future__ import annotations

import numpy as np

from analysis.frame import Frame
from lal.metrics.depth import EXACT_UP_TO

AT_MOST = f"Beyond {EXACT_UP_TO} open gates functional depth is an upper bound, found by greedy removal: at most so many layers are needed."


def is_bound(history: Frame) -> bool:
    """Whether any `functional_depth` in these rows of a history is such a bound. A layer is open unless all of its gates, and so their mean, are 0."""
    if not {"functional_depth", "gate_values"} <= {*history.columns}:
        return False
    measured = history[["functional_depth", "gate_values"]].dropna()
    return any(len(gates) > EXACT_UP_TO and np.count_nonzero(np.asarray(gates, float)) > EXACT_UP_TO for gates in measured["gate_values"])


def told(history: Frame) -> str:
    """A sentence for captions, with the space before it; empty where all depths are exact."""
    return f" {AT_MOST}" if is_bound(history) else ""
