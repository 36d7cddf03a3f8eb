"""One number of a run by which it is compared: a column, and when it is read. Searching, reports and fronts share it. Imports no torch."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, nan

import numpy as np
import pyarrow as pa

from lal.budget import Budget
from lal.events import STEPS_TO_GOAL, Goal, thresholds_of
from lal.reading import COUNTED, Entry, Reading, reading, verdict_on
from lal.runs.run import RunPart
from lal.store import Store


def value_of(rows: pa.Table, column: str, when: str | int, grok: int | None) -> float:
    """The value of `column` at the `end` (the last), at `grok` (the first at or after that step), or at a step (the last by then); NaN where there is none."""
    if column not in rows.schema.names:
        return nan
    values = rows[column]
    if when == "grok" and grok is None:
        return nan
    if when == "end" and len(values) and values[-1].is_valid:
        return values[-1].as_py()
    there = values.is_valid().to_numpy().nonzero()[0] if values.null_count else np.arange(len(values))
    if when == "end":
        return values[int(there[-1])].as_py() if len(there) else nan
    steps = rows["step"].to_numpy()[there]
    place = int(steps.searchsorted(grok)) if when == "grok" else int(steps.searchsorted(int(when), side="right")) - 1
    return values[int(there[place])].as_py() if 0 <= place < len(there) else nan


def entry_of(config: RunPart) -> Entry:
    """What `lal.reading.reading` asks of a run that no manifest lists yet."""
    return {"budget": config.budget.model_dump(mode="json"), "eval_every": config.eval_every}


def objective_of(config: RunPart, store: Store, run_id: str, column: str, when: str | int) -> float:
    """The objective of one finished run; NaN where it was not measured, or the run is not finished.

    `t_grok` is min(T, budget): of a run that did not generalise, the whole budget in steps, whatever ended it. Its mean over seeds is the mean
    restricted to the budget; it is no estimate of T, but it is known for every run, and a run that never generalises is never better than one that does.
    """
    found = reading(store.run(run_id), entry_of(config), config.goal, config.fit)
    if found.state not in COUNTED or found.rows is None:
        return nan
    grok = grok_of(config.goal, config.fit, entry_of(config), found)
    if column == STEPS_TO_GOAL:
        return float(config.budget.steps if grok is None else grok)
    value = float(value_of(found.rows, column, when, grok))
    return value if isfinite(value) else nan


def grok_of(goal: Goal, fit: Goal | None, entry: Entry, found: Reading) -> int | None:
    """The evaluation at which a finished run was first seen to have generalised, by the usual verdict; None where it did not."""
    assert found.rows is not None
    usual, stop = thresholds_of(goal, fit), Budget.model_validate(entry["budget"]).stop
    window = usual.window if stop is None else min(usual.window, stop.sustain // entry["eval_every"] + 1)  # a run is stopped once it has held so many
    time = verdict_on(found.rows, found.outcome or "", replace(usual, window=window)).t_grok
    return None if time is None else time.by
