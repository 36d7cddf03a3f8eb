"""Verdicts on all runs of a sweep at once, by another threshold than the tables'; of one run alone they are `lal.events`'."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analysis.collect import Tables
from analysis.frame import Frame


def at_threshold(tables: Tables, threshold: float) -> Frame:
    """Done runs with `t_grok`, `event` and `horizon` by another threshold of the goal: what `lal.reading.verdict_on` says of each, of all at once."""
    limits, done = replace(tables.thresholds, goal=threshold), tables.done
    if limits == tables.thresholds:
        return done
    rows, counts = tables.evaluations(["step", limits.goal_column])
    there = rows[limits.goal_column].is_valid().to_numpy()
    goal, steps = (rows[name].to_numpy()[there].astype(float) for name in (limits.goal_column, "step"))
    owner = np.repeat(np.arange(len(counts)), counts)[there]
    first, last = held_from(steps, goal >= threshold if limits.direction == "max" else goal <= threshold, owner, len(counts), limits.window)
    return done.assign(t_grok=first, event=np.isfinite(first), horizon=last)


def held_from(
    steps: NDArray[np.float64], met: NDArray[np.bool_], owner: NDArray[np.int64], n: int, window: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each of `n` runs the first step from which `met` holds for `window` evaluations, NaN where it never does; and up to where that is known: the last
    step, or the last at which it is not met, 0 where there is none.

    Args:
        steps, met, owner: (E,) evaluations of one run after another, and which run each is of, ascending from 0.
    """
    total = np.concatenate([[0], np.cumsum(met)])
    n_begins = max(0, len(owner) - window + 1)  # none where all runs together have fewer evaluations
    begins = np.flatnonzero((total[window:] - total[:-window] == window) & (owner[window - 1 :] == owner[:n_begins]))
    first, last = np.full(n, np.nan), np.zeros(n)
    runs, place = np.unique(owner[begins], return_index=True)
    first[runs] = steps[begins[place]]
    known = np.isfinite(first)[owner] | ~met
    last[owner[known]] = steps[known]  # of several for one run the last stays
    return first, last
