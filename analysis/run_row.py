"""One reading -> one row of the runs table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import nan
from typing import Any

import pyarrow as pa

from lal.events import Thresholds, Verdict
from lal.objectives import value_of
from lal.reading import Reading


def facts_of(thresholds: Thresholds) -> Callable[[Reading, Verdict | None], dict[str, Any]]:
    """What the runs table says of a reading, besides which run it is of."""

    def facts(found: Reading, verdict: Verdict | None) -> dict[str, Any]:
        row = run_row("", {}, found, verdict, thresholds)
        return {name: value for name, value in row.items() if name != "run_id"}

    return facts


def run_row(run_id: str, key: Mapping[str, Any], found: Reading, verdict: Verdict | None, thresholds: Thresholds) -> dict[str, Any]:
    """One row of the runs table.

    `state`, `outcome`, `reason` as in Reading; `steps` and `seconds` up to its end under this sweep's budget; `t_mem` and `t_grok` are the
    evaluations at which the event was first seen, `.._after` the ones before it (the event lies between); `delay` = t_grok - t_mem;
    `event` whether it generalised; `horizon` the last step, or of a run that did not, up to where it surely had not: its censoring time;
    `held` whether it ended at the goal, fallen back or not; `<column>@end` the last value; `<column>@grok` the first at or after t_grok.
    Tensor-wise columns (with a slash) stay in the history.
    """
    row: dict[str, Any] = {**key, "run_id": run_id, "state": found.state, "outcome": found.outcome, "reason": found.reason, "steps": found.step}
    row |= {"seconds": seconds_of(found), "n_evaluations": 0 if found.rows is None else len(found.rows)}
    mem, grok = (verdict.t_mem, verdict.t_grok) if verdict else (None, None)
    for name, time in (("t_mem", mem), ("t_grok", grok)):
        row |= {f"{name}_after": nan if time is None or time.after is None else time.after, name: nan if time is None else time.by}
    row["delay"] = grok.by - mem.by if mem and grok else nan
    row |= {"stability": nan if verdict is None or verdict.stability is None else verdict.stability, "ungrokked": bool(verdict and verdict.ungrokked)}
    row |= {
        "phase": verdict.phase if verdict else "failed" if found.state == "failed" else None,
        "horizon": verdict.horizon if verdict else nan,
        "event": grok is not None,
    }
    read_at = read(found.rows, grok.by if grok else None) if found.rows is not None else {}
    return row | {"held": thresholds.reached(read_at.get(f"{thresholds.goal_column}@end", nan))} | read_at


def seconds_of(found: Reading) -> float:
    """Time in training until the run's end under this sweep's budget, however long others had it go on; NaN unless it is done."""
    return nan if found.rows is None else float(value_of(found.rows, "seconds", "end", None))


def read(rows: pa.Table, grok: int | None) -> dict[str, float]:
    """Each numeric column at the end, and at `grok` where there is one: as `value_of` says, but that the row is looked up once for all columns."""
    places = {"end": len(rows) - 1} | ({} if grok is None else {"grok": int(rows["step"].to_numpy().searchsorted(grok))})
    values: dict[str, float] = {}
    for number, of in enumerate(rows.schema):
        if is_read(of):
            column = rows.column(number)
            for when, place in places.items():
                value = column[place].as_py() if 0 <= place < len(column) else None
                values[f"{of.name}@{when}"] = value_of(rows, of.name, when, grok) if value is None else value
    return values


def is_read(of: pa.Field) -> bool:
    """Whether a column is a measurement of the whole network, in numbers."""
    return of.name not in ("step", "seconds", "lr", "tau") and "/" not in of.name and (pa.types.is_floating(of.type) or pa.types.is_integer(of.type))
