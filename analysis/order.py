"""Order parameters: how what is read off a learner's values goes with its return; over everything, with its world held fixed, and over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.collect import Tables
from analysis.frame import Frame
from analysis.statistics import CONFIDENCE, Interval
from analysis.statistics.correlation import centred, fisher, mean_over_seeds, over_seeds, pearson, within
from lal.runs.dqn import N_PROBED

OUTCOME = "return"
CANDIDATES = ("value_range", "action_certainty", "policy_entropy", "input_gradient_norm", "grad_norm")
WORLD, SIZE, WIDTH = "environment.", "environment.size", "network.width"
LEAST_RUNS = 4


@dataclass(frozen=True)
class Estimate:
    """A correlation of `n` rows. `fisher`: with Fisher's interval; `seeds`: the mean over seeds of each one's own, with Student's t interval.

    Those of candidates hold together, for all candidates of one question: see `together`.
    """

    n: int
    fisher: Interval
    seeds: Interval

    @property
    def value(self) -> float:
        return self.fisher.value

    @property
    def sure(self) -> bool:
        """Whether neither interval has 0 in it, that over seeds is there, and both are on the same side.

        Runs of one seed are not independent, so that Fisher's interval alone is too narrow to say so.
        """
        there = [each for each in (self.fisher, self.seeds) if not isnan(each.low)]
        return not isnan(self.seeds.low) and (all(each.low > 0 for each in there) or all(each.high < 0 for each in there))


@dataclass(frozen=True)
class Relation:
    """How one candidate goes with the return.

    Attributes:
        pooled: over all finished runs, at their ends.   by_seed: the same of each seed's runs alone.
        fixed: with the world held fixed; None where it does not vary.
        by_world: the same as `pooled` of each world's runs alone, in the order of `Relations.worlds`.
        not_flat: the same as `fixed`, or as `pooled` where the world does not vary, without the runs of `Relations.n_flat`; None where there are none.
        over_time: mean over runs, on Fisher's scale, of the correlation over the evaluations of each, whose `spread` is from the least to the largest.
    """

    column: str
    pooled: Estimate
    by_seed: tuple[float, ...]
    fixed: Estimate | None
    by_world: tuple[Estimate, ...]
    not_flat: Estimate | None
    over_time: Estimate
    spread: tuple[float, float]


@dataclass(frozen=True)
class Relations:
    """All candidates, the largest pooled correlation first. `size`: of the return with the size of the world itself, where that varies.

    `world`: axes that are held fixed.   `worlds`: their values; none where they do not vary.   `n_solved`: runs that end with the best greedy policy.
    `n_flat`: runs that end with the same action values in every state, as of a network whose units are all dead.
    `share`: of the variance of returns, that within worlds.
    `steepness`: least and largest mean, over the seeds of a cell, of the input gradient in units of 2 N sqrt(S).
    """

    each: tuple[Relation, ...]
    world: tuple[str, ...]
    worlds: tuple[tuple[Any, ...], ...]
    n_solved: int | None
    n_flat: int
    share: float | None
    size: Estimate | None
    steepness: tuple[float, float] | None


def together(n: int) -> float:
    """The confidence of each of `n` intervals that hold all at once 95 times of 100, whatever they have in common (Bonferroni)."""
    return 1 - (1 - CONFIDENCE) / n


def relations(tables: Tables) -> Relations | str:
    """All of them, or why there are none."""
    candidates = [name for name in CANDIDATES if f"{name}@end" in tables.runs]
    if f"{OUTCOME}@end" not in tables.runs or not candidates:
        return "no run has both a return and action values, so there are no order parameters"
    done = tables.done.drop_duplicates("run_id")
    done = done[done[f"{OUTCOME}@end"].notna()]
    if len(done) < LEAST_RUNS:
        return "too few runs have a return for correlations with it"
    axes, groups, labels = worlds(tables, done)
    times = over_time(tables, candidates)
    same = flat(done)
    sure = together(len(candidates))
    found = [relation(done, name, groups, same, times[["run_id", "seed", name]], sure) for name in candidates]
    ranked = sorted(found, key=lambda each: -abs(each.pooled.value) if not isnan(each.pooled.value) else 1)
    sized = done[SIZE].to_numpy(float) if SIZE in axes else None
    size = None if sized is None else estimate(sized, done[f"{OUTCOME}@end"].to_numpy(float), done["seed"])
    returned = done[f"{OUTCOME}@end"].to_numpy(float)
    share = None if groups is None else share_within(returned, groups)
    return Relations(tuple(ranked), tuple(axes), labels, solved(done), int(same.sum()), share, size, steepness(done))


def worlds(tables: Tables, runs: Frame) -> tuple[list[str], NDArray[np.int64] | None, tuple[tuple[Any, ...], ...]]:
    """The axes that say which world a run is in, a number for each of `runs` that tells worlds apart, None where all are in one, and their values."""
    axes = [path for path in tables.varied if path.startswith(WORLD)]
    if not axes:
        return axes, None, ()
    grouped = runs.groupby(axes, dropna=False, sort=True)
    first = grouped[axes].first()  # in the order of numbers
    return axes, grouped.ngroup().to_numpy(np.int64), tuple(first.itertuples(index=False, name=None))


def solved(runs: Frame) -> int | None:
    """How many of `runs` end without any shortfall of their greedy policy; None where that was not measured."""
    return int((runs["shortfall@end"] <= 0).sum()) if "shortfall@end" in runs else None


def flat(runs: Frame) -> NDArray[np.bool_]:
    """Which of `runs` end with action values that do not depend on the state: an input gradient of exactly 0. False where it was not measured."""
    return (runs["input_gradient_norm@end"] == 0).to_numpy(bool) if "input_gradient_norm@end" in runs else np.zeros(len(runs), bool)


def share_within(values: NDArray[np.float64], groups: NDArray[np.int64]) -> float | None:
    """The share of the variance of `values` (N,) that lies within `groups`; None where nothing varies."""
    whole = float(((values - values.mean()) ** 2).sum())
    return float((centred(values, groups) ** 2).sum()) / whole if whole > 0 else None


def relation(done: Frame, name: str, groups: NDArray[np.int64] | None, same: NDArray[np.bool_], times: Frame, confidence: float) -> Relation:
    """Of one candidate. `groups`, `same`: of each run, its world and whether its values are flat.   confidence: of its intervals."""
    own = done[f"{name}@end"].notna().to_numpy()
    rows, held = done[own], None if groups is None else groups[own]
    x, y = rows[f"{name}@end"].to_numpy(float), rows[f"{OUTCOME}@end"].to_numpy(float)
    by_seed = [pearson(x[mine], y[mine]) for seed in sorted(set(rows["seed"])) if (mine := (rows["seed"] == seed).to_numpy()).sum() >= LEAST_RUNS]
    values = times[name].to_numpy(float)
    there = values[~np.isnan(values)]
    mean = mean_over_seeds(values.tolist(), times["seed"].tolist(), confidence)
    time = Estimate(len(there), Interval(mean.value, nan, nan), mean)
    ends = (float(there.min()), float(there.max())) if len(there) else (nan, nan)
    seeds = rows["seed"].to_numpy()
    fixed = None if held is None else estimate(x, y, seeds, held, confidence)
    within_each = [] if groups is None or held is None else [held == number for number in range(int(groups.max()) + 1)]
    by_world = tuple(estimate(x[mine], y[mine], seeds[mine], confidence=confidence) for mine in within_each)
    rest = ~same[own]
    not_flat = estimate(x[rest], y[rest], seeds[rest], None if held is None else held[rest], confidence) if same.any() else None
    return Relation(name, estimate(x, y, seeds, confidence=confidence), tuple(by_seed), fixed, by_world, not_flat, time, ends)


def estimate(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    seeds: Sequence[int] | NDArray[np.int64],
    groups: NDArray[np.int64] | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """The correlation of two columns, with `groups` held fixed where they are given, and both intervals."""

    held = 0 if groups is None else len(set(groups.tolist())) - 1
    value = pearson(x, y) if groups is None else within(x, y, groups)
    return Estimate(len(x), fisher(value, len(x), held, confidence), over_seeds(x, y, seeds, groups, confidence))


def over_time(tables: Tables, candidates: Sequence[str]) -> Frame:
    """One row a run: the correlation of each candidate with the return over its evaluations."""
    history = tables.history[["run_id", "seed", OUTCOME, *candidates]].dropna(subset=[OUTCOME])
    rows = []
    for run_id, part in history.groupby("run_id", sort=True):
        there = {name: part[name].notna().to_numpy() for name in candidates}
        y = part[OUTCOME].to_numpy(float)
        found = {name: pearson(part[name].to_numpy(float)[there[name]], y[there[name]]) for name in candidates}
        rows.append({"run_id": run_id, "seed": part["seed"].iloc[0], **found})
    return pd.DataFrame(rows, columns=["run_id", "seed", *candidates])


def steepness(done: Frame) -> tuple[float, float] | None:
    """The input gradient of values that rise by N along a corridor of N positions is 2 N sqrt(S): cells' means in units of that, least and largest."""
    if SIZE not in done or "input_gradient_norm@end" not in done or done[SIZE].isna().any():
        return None
    ratio = done["input_gradient_norm@end"].astype(float) / (2 * done[SIZE].astype(float) * sqrt(N_PROBED))
    means = ratio.groupby(done["cell"]).mean()
    return float(means.min()), float(means.max())


def signed(value: float) -> str:
    """A correlation with its sign; so many digits that it is rounded neither to 1 nor to 0."""
    if isnan(value):
        return "?"
    digits = next((each for each in (2, 3, 4) if 0 < abs(round(value, each)) < 1), 4 if abs(value) > 0.5 else 2)
    return f"{value if round(value, digits) else 0.0:+.{digits}f}".replace("-", "−")
