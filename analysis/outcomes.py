"""What a sweep's runs came to, as numbers one may set against its axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.cells import times
from analysis.collect import Tables, objective
from analysis.figures.pareto_planes import pairs
from analysis.figures.theme import word
from analysis.goal_words import words_of
from analysis.pooled import poolable


@dataclass(frozen=True)
class Outcome:
    """`values`: (N,) of every row of runs, NaN where it has none. `label` is escaped."""

    label: str
    values: NDArray[np.float64]


def outcomes(tables: Tables) -> list[Outcome]:
    """Whether a run generalised, when (up to the horizon that all share, where all are known to it), and the objectives that the report asks for.

    Cells in which a scheduler pruned runs for being late are left out of the first two.
    """
    done = poolable(tables)
    share, steps = np.full(len(tables.runs), np.nan), np.full(len(tables.runs), np.nan)
    share[done.index] = done["event"].to_numpy(float)
    horizon = float(tables.cells["horizon"].iloc[0]) if len(tables.cells) else np.nan
    when = np.array(times(done), float)
    known = done["event"].to_numpy(bool) | (when >= horizon)
    steps[done.index] = np.where(known, np.minimum(when, horizon), np.nan)
    wanted = dict.fromkeys(each for pair in pairs(tables.manifest["report"].get("pareto") or {}) for each in pair)
    words = words_of(tables.manifest)
    told = [Outcome(f"share that {words.third}", share)]
    told += [Outcome(f"steps to {words.base}, up to {horizon:,.0f}", steps)] if np.isfinite(steps).any() else []
    own = [Outcome(word(f"{each.column}@{each.when}"), objective(tables, each.column, each.when).to_numpy(float)) for each in wanted]
    return [*told, *(each for each in own if np.isfinite(each.values).any())]
