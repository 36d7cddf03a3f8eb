"""What heatmaps over the table of all pairs (a, b) share: the table, the snapshots that are shown, and a panel for each operation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.one_run import OneRun
from analysis.run_figures.panels import Heat
from analysis.snapshots import Pairs, pairs


def table_of(run: OneRun, steps: Sequence[int]) -> Pairs | str:
    """The table that the last of `steps` is laid out by, or why there is none."""
    return pairs(run.config, run.snapshots.arrays(steps[-1]).get("tokens"))


def ends_and_middle(steps: Sequence[int]) -> list[int]:
    """The first, the middle (by logarithm, as learning goes, and of those after 0) and the last of ascending `steps`, as far as they differ."""
    later = [step for step in steps if step > 0]
    if not later:
        return list(steps)
    middle = np.log(later[0] * later[-1]) / 2
    return sorted({steps[0], min(later, key=lambda step: (abs(np.log(step) - middle), step)), steps[-1]})


def heats(table: Pairs, values: NDArray[np.float32], scale: str, what: str, step: int | None = None) -> list[Heat]:
    """`values` (N,) over a and b, for each operation; titles say `what`, of which operation where there are several, and the step if it is given."""
    axis = np.arange(table.p, dtype=float)
    when = f"step {step:,}" if step is not None else ""
    return [Heat(" · ".join(filter(None, (what, name, when))), grid, axis, axis, "b", "a", scale, square=True) for name, grid in table.grids(values)]
