"""What is pooled over cells: runs whose end says nothing of when they would have generalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.cells import times
from analysis.collect import Tables
from analysis.frame import Frame
from analysis.statistics import Survival, survival


def poolable(tables: Tables) -> Frame:
    """The runs that count, without the cells in which a scheduler pruned a run that had not generalised.

    Such a run was ended for being late: censoring that tells of the time it hides. To leave out the run alone would keep the early
    ones of its cell; so the whole cell is left out.
    """
    done = tables.done
    return done[~done["cell"].isin(pruned_cells(tables))]


def pruned_cells(tables: Tables) -> list[int]:
    """Numbers of the cells that `poolable` leaves out, ascending."""
    done = tables.done
    return sorted(set(done.loc[(done["outcome"] == "pruned") & ~done["event"], "cell"]))


@dataclass(frozen=True)
class Side:
    """Runs that are compared with others: (N,) when each generalised, as `analysis.cells.times`, whether it did, and its seed."""

    when: NDArray[np.float64]
    event: NDArray[np.bool_]
    seed: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.when)

    @cached_property
    def curve(self) -> Survival:
        """Kaplan-Meier's."""
        return survival(self.when, self.event)


def sides(runs: Frame, groups: Sequence[NDArray[np.int64]]) -> list[Side]:
    """Runs that count as sides, by their places in `runs`."""
    when, event, seed = np.array(times(runs), float), runs["event"].to_numpy(bool), runs["seed"].to_numpy()
    return [Side(when[each], event[each], seed[each]) for each in groups]


def followed_alike(point: Sequence[Side]) -> list[Side]:
    """Sides cut to where the one that was followed for the shortest time ends: a later event counts as not seen."""
    known = min((side.curve.known_to for side in point if len(side)), default=np.inf)
    return [Side(np.where(side.when == np.inf, np.inf, np.minimum(side.when, known)), side.event & (side.when <= known), side.seed) for side in point]
