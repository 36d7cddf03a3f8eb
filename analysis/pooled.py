"""What is pooled over cells: runs whose end says nothing of when they would have generalised."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.frame import Frame
from analysis.statistics import survival


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


def followed_alike(times: list[list[float]], events: list[list[bool]]) -> tuple[list[list[float]], list[list[bool]]]:
    """Times and events of groups, cut to where the one that was followed for the shortest time ends: a later event counts as not seen."""
    known = min((survival(*side).known_to for side in zip(times, events, strict=True) if side[0]), default=float("inf"))
    seen = [[event and time <= known for time, event in zip(*side, strict=True)] for side in zip(times, events, strict=True)]
    return [[time if time == float("inf") else min(time, known) for time in side] for side in times], seen
