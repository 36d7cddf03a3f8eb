"""The cells table: what the seeds of one point of one arm say together."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.frame import Frame
from analysis.statistics import Interval, Survival, common_horizon, mean_interval, survival, wilson

if TYPE_CHECKING:
    from analysis.collect import Tables

BROKEN = ("missing", "unfinished", "damaged")


def cells(tables: Tables) -> Frame:
    """One row a cell, in the manifest's order.

    `n_planned` runs = `n` (done) + `n_failed` + `n_missing` (missing, unfinished or damaged); n = `n_grokked` + `n_censored` + `n_diverged`
    + `n_pruned`, each run counted once (a run that generalised and then diverged has generalised). `p` with Wilson's interval `p_low, p_high`:
    share of n that generalised. `median` with `median_low, median_high`: Kaplan-Meier's, inf = not reached. `restricted_mean` at the
    `horizon` that all cells share. `phases`: counts as text; `phase`: the most frequent. `<column>` with `_low, _high`: mean over seeds
    and its 95 % interval, of every `@end` and `@grok` column.
    """
    groups = [(number, group) for number, group in tables.runs.groupby("cell", sort=True)]
    curves = {number: curve(group[group["state"] == "done"]) for number, group in groups}
    horizon = common_horizon(list(curves.values()))
    return pd.DataFrame([_row(tables, group, curves[number], horizon) for number, group in groups])


def curve(done: Frame) -> Survival:
    """Kaplan-Meier over done runs; those that diverged without generalising have an infinite time."""
    times = [row.t_grok if row.event else inf if row.outcome == "diverged" else row.horizon for row in done.itertuples()]
    return survival(times, done["event"].tolist())


def _row(tables: Tables, group: Frame, km: Survival, horizon: float) -> dict[str, Any]:
    first, done = group.iloc[0], group[group["state"] == "done"]
    row: dict[str, Any] = {"cell": int(first["cell"]), "arm": first["arm"], "name": first["name"], **{path: first[path] for path in tables.axes}}
    row |= _counts(group, done)
    row |= _spread("p", wilson(row["n_grokked"], row["n"])) | _spread("median", km.median())
    row |= {"restricted_mean": km.restricted_mean(horizon), "horizon": horizon}
    phases = done["phase"].value_counts(sort=False)
    ranked = sorted(phases.items(), key=lambda item: (-item[1], str(item[0])))
    row |= {"phase": ranked[0][0] if ranked else None, "phases": ", ".join(f"{count} {name}" for name, count in ranked)}
    for column in (name for name in group.columns if "@" in str(name)):
        row |= _spread(str(column), mean_interval(done[column].astype(float).tolist(), *bounds(str(column))))
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
        "n_failed": int((group["state"] == "failed").sum()),
        "n_missing": int(group["state"].isin(BROKEN).sum()),
    }


def _spread(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def bounds(column: str) -> tuple[float, float]:
    """What values `column` can have, as far as its name tells: an interval is cut to it."""
    name = column.split("@")[0]
    if name.endswith(("_acc", "_norm")) and name != "weight_norm":
        return 0.0, 1.0
    return (0.0, inf) if name.endswith(("_depth", "_entropy", "_gates", "_loss", "weight_norm", "_heads")) else (-inf, inf)
