"""The cells table: what the seeds of one point of one arm say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.frame import Frame
from analysis.statistics import Interval, Survival, common_horizon, mean_intervals, survival, wilson
from lal.columns import bounds
from lal.reading import COUNTED, LACKING

if TYPE_CHECKING:
    from analysis.collect import Tables


def cells(tables: Tables) -> Frame:
    """One row a cell, in the manifest's order.

    `n_planned` runs = `n` (done, or outgrown) + `n_failed` + `n_missing` (missing, unfinished or damaged); n = `n_grokked` + `n_censored` + `n_diverged`
    + `n_pruned`, each run counted once (a run that generalised and then diverged has generalised). `n_held` of the n ended at the goal:
    the depth of the others is that of a broken network, which may seem to need no layer, and is no saving. `p` with Wilson's interval
    `p_low, p_high`: share of n that generalised. `median` with `median_low, median_high`: Kaplan-Meier's; inf = not reached, and of the upper
    limit that there is none, as with fewer than 6 seeds. `restricted_mean` with `_low, _high`: of min(T, `horizon`), which all cells share.
    `phases`: counts as text; `phase`: the most frequent. `<column>` with `_low, _high`: mean over seeds and its 95 % interval, of every
    `@end` column, and of every `@grok` column over those that generalised alone; `<column>_n`: how many of these have a finite value, which
    are what is averaged.
    """
    runs = tables.runs
    members = groups_of(runs["cell"].to_numpy())
    done = runs["state"].isin(COUNTED).to_numpy()
    counted = [each[done[each]] for each in members]
    when, event = np.array(times(runs), float), runs["event"].to_numpy(bool)
    curves = [survival(when[each], event[each]) for each in counted]
    horizon = common_horizon(curves)
    counts = _counts(runs, members, counted)
    columns: dict[str, Any] = {name: runs[name].to_numpy()[[each[0] for each in members]] for name in ("cell", "arm", "name", *tables.axes)} | counts
    columns |= _spreads("p", [wilson(k, n) for k, n in zip(counts["n_grokked"].tolist(), counts["n"].tolist(), strict=True)])
    columns |= _spreads("median", [each.median() for each in curves])
    columns |= _spreads("restricted_mean", [each.restricted_mean(horizon) for each in curves]) | {"horizon": np.full(len(members), horizon)}
    phases = runs["phase"].to_numpy()
    ranked = [ranks(phases[each]) for each in counted]
    columns |= {"phase": [each[0][0] if each else None for each in ranked]}
    columns |= {"phases": [", ".join(f"{count} {name}" for name, count in each) for each in ranked]}
    for column in (name for name in runs.columns if "@" in str(name)):
        found = mean_intervals(runs[column].to_numpy(float), counted, *bounds(str(column)))
        columns |= {f"{column}{suffix}": values for suffix, values in zip(("", "_low", "_high", "_n"), found, strict=True)}
    return pd.DataFrame(columns)


def groups_of(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Where each of the `numbers` that there are stands, ascending; places in order."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1) if len(order) else []


def ranks(phases: Iterable[Any]) -> list[tuple[str, int]]:
    """Phases with how many runs are in each, the most frequent first."""
    counts = Counter(each for each in phases if isinstance(each, str))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def curve(done: Frame) -> Survival:
    """Kaplan-Meier over done runs."""
    return survival(times(done), done["event"].tolist())


def times(done: Frame) -> list[float]:
    """When each of these done runs generalised, or up to where it surely had not; infinite where it diverged and never will.

    A run that generalised did so between two evaluations; its time is the later one, at which that was first seen.
    """
    event, diverged = done["event"].to_numpy(bool), (done["outcome"] == "diverged").to_numpy(bool)
    return np.where(event, done["t_grok"].to_numpy(float), np.where(diverged, inf, done["horizon"].to_numpy(float))).tolist()


def _counts(runs: Frame, members: Sequence[NDArray[np.int64]], counted: Sequence[NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """How many runs of each cell are what; `counted` are those of its `members` that count."""
    state, outcome, event = runs["state"], runs["outcome"], runs["event"].to_numpy(bool)
    diverged, pruned = ((outcome == name).to_numpy(bool) & ~event for name in ("diverged", "pruned"))

    def sums(of: Sequence[NDArray[np.int64]], what: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.array([what[each].sum() for each in of], np.int64)

    every = np.ones(len(runs), bool)
    return {
        "n_planned": sums(members, every),
        "n": sums(counted, every),
        "n_grokked": sums(counted, event),
        "n_censored": sums(counted, ~event & ~diverged & ~pruned),
        "n_diverged": sums(counted, diverged),
        "n_pruned": sums(counted, pruned),
        "n_held": sums(counted, runs["held"].to_numpy(bool)),
        "n_failed": sums(members, (state == "failed").to_numpy()),
        "n_missing": sums(members, state.isin(LACKING).to_numpy()),
    }


def _spreads(name: str, intervals: Sequence[Interval]) -> dict[str, list[float]]:
    return {
        name: [each.value for each in intervals],
        f"{name}_low": [each.low for each in intervals],
        f"{name}_high": [each.high for each in intervals],
    }
