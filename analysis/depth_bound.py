"""Where functional depth is an upper bound: of more open gates than can be searched exactly, greedy removal found it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from analysis.frame import Frame
from analysis.once import once
from lal.metrics.depth import EXACT_UP_TO

if TYPE_CHECKING:
    from analysis.collect import Tables

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


@once
def bounded_cells(tables: Tables) -> frozenset[int]:
    """The cells of a sweep that have such a bound."""
    wanted = ["functional_depth", "gate_values"]
    if not all(map(tables.has, wanted)):
        return frozenset()
    rows, counts = tables.evaluations(wanted)
    cell = np.repeat(tables.done["cell"].to_numpy(), counts)
    there = (rows[wanted[0]].is_valid().to_numpy() & rows[wanted[1]].is_valid().to_numpy()).nonzero()[0]
    gates = rows[wanted[1]].take(there).combine_chunks()
    lengths = pc.list_value_length(gates).to_numpy()  # type: ignore[attr-defined]
    many = lengths > EXACT_UP_TO
    if not many.any():
        return frozenset()
    is_open = np.concatenate([[0], np.cumsum(np.nan_to_num(gates.flatten().to_numpy(zero_copy_only=False).astype(float), nan=1.0) != 0)])
    ends = np.cumsum(lengths)
    return frozenset(cell[there[many & (is_open[ends] - is_open[ends - lengths] > EXACT_UP_TO)]].tolist())


def told_of(tables: Tables) -> str:
    """`told` of a whole sweep."""
    return f" {AT_MOST}" if bounded_cells(tables) else ""
