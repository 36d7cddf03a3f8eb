"""One run of a manifest, as its own sweep would have seen it: cut at its budget, thinned to its cadence, judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa

from lal.budget import Budget
from lal.columns import LISTS, is_measured
from lal.events import Goal, Thresholds, Verdict, verdict
from lal.measured_later import merged
from lal.stopping import LOSS, Stopper, end_of
from lal.store import Failure, Record, RunFolder
from lal.store.codec import history_table

State = Literal["done", "outgrown", "failed", "unfinished", "damaged", "missing"]
COUNTED: tuple[State, ...] = ("done", "outgrown")
LACKING: tuple[State, ...] = ("missing", "unfinished", "damaged")  # what the sweep's command would train
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """What is stored of one run that a manifest asks for.

    Attributes:
        state: done        it ended under this sweep's budget;
               outgrown    it ended under a smaller budget than is asked now, as when an extension was interrupted or failed: censored where
                           it stopped. To leave it out would keep only those that generalised before, which need no extension;
               failed      no attempt finished;
               unfinished  begun, and never ended;
               damaged     its history cannot be read;
               missing     nothing is there.
        outcome, reason: of its end under this sweep's budget, or of its failure; None otherwise.
        failure: of the last attempt, also of one to continue a run that had finished.
        step: the last step that counts.
        rows: history on this sweep's own grid, the multiples of `eval_every`, and the row at which it ended, with what was measured later; None unless COUNTED.
        unread: names of later measurements that are damaged.
    """

    state: State
    outcome: str | None = None
    reason: str | None = None
    step: int = 0
    record: Record | None = None
    failure: Failure | None = None
    rows: pa.Table | None = None
    unread: tuple[str, ...] = ()


def reading(folder: RunFolder, entry: Entry, goal: Goal, fit: Goal | None, schedule: Mapping[str, Any] | None = None) -> Reading:
    """What `folder` holds of the run that manifest `entry` asks for, as if nobody else had had it measured or continued.

    A shared run may be measured more finely than here, and go on for longer: rows off this sweep's grid neither end it nor are kept,
    but for the row of its end, which is off the grid where the budget is. Never raises for what is on disk: it says so in `state`.
    A run that a scheduler cut is done for a sweep under that very `schedule`; for any other it stopped early, and not by chance.
    """
    record, failure = folder.record(), folder.failure()
    if record is None:
        return _unended(folder, failure)
    data = folder.whole_history(record)
    table = None if data is None else history_table(data)
    if table is None or not is_of_runs(table, goal, fit):
        return Reading("damaged", reason="its history cannot be read", record=record, failure=failure)
    end = end_of(stopping_rows(table, goal, fit), Stopper(Budget.model_validate(entry["budget"]), goal, fit, entry["eval_every"]))
    if end is None and record.outcome not in ("pruned", "diverged"):
        then = f"; its continuation failed at step {failure.step:,}: {failure.reason}" if failure else ""
        reason = f"stopped at step {record.steps:,} under a smaller budget{then}"
        return _counted("outgrown", "budget", reason, record.steps, folder, record, failure, thinned(table, record.steps, entry["eval_every"]))
    if end is None and record.outcome == "pruned" and record.schedule != schedule:
        return _counted("outgrown", "pruned", record.reason, record.steps, folder, record, failure, thinned(table, record.steps, entry["eval_every"]))
    outcome, reason, step = (end.outcome, end.reason, end.step) if end else (record.outcome, record.reason, record.steps)
    return _counted("done", outcome, reason, step, folder, record, failure, thinned(table, step, entry["eval_every"]))


def _counted(state: State, outcome: str, reason: str, step: int, folder: RunFolder, record: Record, failure: Failure | None, rows: pa.Table) -> Reading:
    """A reading with rows, to which what was measured later is added."""
    if not len(rows):
        return Reading("damaged", reason="its history has no row of an evaluation that was asked for", record=record, failure=failure)
    whole, unread = merged(rows, folder)
    return Reading(state, outcome, reason, step, record, failure, whole, unread)


def _unended(folder: RunFolder, failure: Failure | None) -> Reading:
    if failure:
        return Reading("failed", failure.outcome, failure.reason, failure.step, failure=failure)
    begun = folder.has("checkpoint.pt")
    if folder.has("record.json"):
        return Reading("damaged", reason="its record cannot be read")
    return Reading("unfinished", reason="interrupted or still training") if begun else Reading("missing")


def watched(goal: Goal, fit: Goal | None) -> set[str]:
    """The columns that a stopper looks at."""
    return {"step", LOSS, "tau", goal.column, *([fit.column] if fit else [])}


def is_of_runs(table: pa.Table, goal: Goal, fit: Goal | None) -> bool:
    """Whether the goal was measured, and every column is of a type that a run may write: with any other it could neither be judged nor joined with others."""
    names = table.schema.names
    return {"step", goal.column} <= {*names} and LISTS.isdisjoint(watched(goal, fit)) and all(map(is_measured, names, table.schema.types))


def stopping_rows(table: pa.Table, goal: Goal, fit: Goal | None) -> list[dict[str, Any]]:
    """Rows with the columns that a stopper looks at, without their nulls."""
    wanted = watched(goal, fit)
    columns = {name: table[name].to_pylist() for name in table.schema.names if name in wanted}
    rows = zip(*columns.values(), strict=True)
    if not any(table[name].null_count for name in columns):
        return [dict(zip(columns, row, strict=True)) for row in rows]
    return [{name: value for name, value in zip(columns, row, strict=True) if value is not None} for row in rows]


def thinned(table: pa.Table, last: int, every: int) -> pa.Table:
    """Rows up to step `last`, the run's end, whose step is a multiple of `every`, and that of the end: what a run measured so would have left."""
    steps = table["step"].to_numpy()
    kept = ((steps % every == 0) | (steps == last)) & (steps <= last)
    n_kept = int(kept.sum())
    if n_kept == len(table):
        return table
    return table.slice(0, n_kept) if kept[:n_kept].all() else table.filter(pa.array(kept))  # a slice copies nothing


def verdict_on(rows: pa.Table, outcome: str, thresholds: Thresholds) -> Verdict:
    """The verdict on `rows` under `thresholds`. Its horizon is a censoring time: see `event_free_until`."""
    wanted = {"step", "tau", thresholds.goal_column, thresholds.fit_column}
    seen = rows.select([name for name in rows.schema.names if name in wanted])
    if seen[thresholds.goal_column].null_count:
        seen = seen.filter(seen[thresholds.goal_column].is_valid())
    goal = seen[thresholds.goal_column].to_pylist()
    fit = seen[thresholds.fit_column].to_pylist() if thresholds.fit_column in seen.column_names else [None] * len(goal)
    fit = [float("nan") if value is None else value for value in fit]
    taus = [value for value in (seen["tau"].to_pylist() if "tau" in seen.column_names else []) if value is not None]
    steps = seen["step"].to_pylist()
    found = verdict(steps, fit, goal, outcome, thresholds, taus[-1] if taus else None)
    return found if found.t_grok else replace(found, horizon=event_free_until(steps, goal, thresholds))


def event_free_until(steps: Sequence[int], goal: Sequence[float], thresholds: Thresholds) -> int:
    """Up to where a run that did not generalise surely had not: the last evaluation off the goal; 0 where there is none.

    Evaluations over the goal that end a run, too few to count, may have been the beginning of generalising: what followed is not known.
    """
    return max((step for step, value in zip(steps, goal, strict=True) if not thresholds.reached(value)), default=0)
