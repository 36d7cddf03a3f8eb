"""The cells table: what the seeds of one point of one arm say together."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.frame import Frame
from analysis.statistics import Interval, Survival, common_horizon, mean_interval, survival, wilson
from lal.reading import COUNTED, LACKING

if TYPE_CHECKING:
    from analysis.collect import Tables

SHARES = {"routing_entropy_norm", "diagonal_energy", "logit_smoothness", "spectral_smoothness", "embedding_gini", "neuron_ipr"}


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
    groups = [(number, group) for number, group in tables.runs.groupby("cell", sort=True)]
    curves = {number: curve(group[group["state"].isin(COUNTED)]) for number, group in groups}
    horizon = common_horizon(list(curves.values()))
    return pd.DataFrame([_row(tables, group, curves[number], horizon) for number, group in groups])


def curve(done: Frame) -> Survival:
    """Kaplan-Meier over done runs."""
    return survival(times(done), done["event"].tolist())


def times(done: Frame) -> list[float]:
    """When each of these done runs generalised, or up to where it surely had not; infinite where it diverged and never will.

    A run that generalised did so between two evaluations; its time is the later one, at which that was first seen.
    """
    columns = (done[name] for name in ("t_grok", "event", "outcome", "horizon"))
    return [float(time if event else inf if outcome == "diverged" else last) for time, event, outcome, last in zip(*columns, strict=True)]


def _row(tables: Tables, group: Frame, km: Survival, horizon: float) -> dict[str, Any]:
    first, done = group.iloc[0], group[group["state"].isin(COUNTED)]
    row: dict[str, Any] = {"cell": int(first["cell"]), "arm": first["arm"], "name": first["name"], **{path: first[path] for path in tables.axes}}
    row |= _counts(group, done)
    row |= _spread("p", wilson(row["n_grokked"], row["n"])) | _spread("median", km.median())
    row |= _spread("restricted_mean", km.restricted_mean(horizon)) | {"horizon": horizon}
    phases = done["phase"].value_counts(sort=False)
    ranked = sorted(phases.items(), key=lambda item: (-item[1], str(item[0])))
    row |= {"phase": ranked[0][0] if ranked else None, "phases": ", ".join(f"{count} {name}" for name, count in ranked)}
    for column in (name for name in group.columns if "@" in str(name)):
        values = done[column].astype(float)
        row |= _spread(str(column), mean_interval(values.tolist(), *bounds(str(column)))) | {f"{column}_n": int(np.isfinite(values).sum())}
    return row


def _counts(group: Frame, done: Frame) -> dict[str, int]:
    quiet = done[~done["event"]]
    ended = {name: int((quiet["outcome"] == name).sum()) for name in ("diverged", "pruned")}
    return {
        "n_planned": len(group),
        "n": len(done),
        "n_grokked": int(done["event"].sum()),
        "n_censored": len(quiet) - sum(ended.values()),
        **{f"n_{name}": count for name, count in ended.items()},
        "n_held": int(done["held"].sum()),
        "n_failed": int((group["state"] == "failed").sum()),
        "n_missing": int(group["state"].isin(LACKING).sum()),
    }


def _spread(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def bounds(column: str) -> tuple[float, float]:
    """What values `column` can have, as far as its name tells: an interval is cut to it."""
    name = column.split("@")[0]
    if name in SHARES or name.endswith(("_acc", "_share")):
        return 0.0, 1.0
    return (0.0, inf) if name.endswith(("_depth", "_entropy", "_gates", "_loss", "_norm", "_heads", "_present")) else (-inf, inf)
