"""One run and all that is stored of it: what the figures and findings of its own report read."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from analysis.again import USUAL_RESULTS, command, results_word
from analysis.collect import refuse_stricter, thresholds_of
from analysis.frame import Frame, Series
from analysis.snapshots import Snapshots
from lal.config import parse
from lal.errors import Refused
from lal.events import Goal, Thresholds, Verdict
from lal.measured_later import merged
from lal.reading import Reading, reading, verdict_on
from lal.store import Failure, Record, RunFolder, Store, joined

RERUN = "rerun.json"


@dataclass(frozen=True)
class OneRun:
    """A run that has at least one row.

    Attributes:
        config: the whole configuration that was run.   config_now: as last asked for, which may go further.
        record: None while it is unfinished.   failure: of a later attempt, or of the only one.
        rows: one row an evaluation, ascending in step, later measurements merged in.
        verdict: on these rows.   snapshots: its arrays.   unread: later measurements that are damaged.
        again: the command that computes it anew.   sweeps: of each sweep that lists it, the folder and the command that trains this run of it.
    """

    run_id: str
    config: Mapping[str, Any]
    config_now: Mapping[str, Any]
    record: Record | None
    failure: Failure | None
    goal: Goal
    fit: Goal | None
    thresholds: Thresholds
    rows: Frame
    verdict: Verdict
    snapshots: Snapshots
    unread: tuple[str, ...]
    again: str
    sweeps: tuple[tuple[str, str], ...]

    def has(self, column: str) -> bool:
        """Whether `column` was measured at least once."""
        return column in self.rows.columns and bool(self.rows[column].notna().any())

    def last(self, column: str) -> Any:
        """The last measured value of `column`, or None."""
        return self.rows[column].dropna().iloc[-1] if self.has(column) else None

    @property
    def kind(self) -> str:
        """Of its model."""
        return str(self.config.get("model", {}).get("kind", ""))

    def last_row(self, *columns: str) -> Series | None:
        """The last row that has all of `columns`: what is set side by side is of one step."""
        if not all(map(self.has, columns)):
            return None
        whole = self.rows[self.rows[list(columns)].notna().all(axis=1)]
        return None if whole.empty else whole.iloc[-1]


def one_run(store: Store, run_id: str, threshold: float | None = None, **phases: float | None) -> OneRun:
    """All of run `run_id`.

    Args:
        threshold, phases: of the verdict, as for a sweep: see `collect.collect`.

    Raises:
        Refused: nothing was measured yet, its files are damaged or of another version, or a threshold is stricter than what it was stopped at.
    """
    folder = store.run(run_id).listed()
    record, now = folder.record(), folder.config()
    config = {**record.trajectory, "measure": asked(record.measure), "budget": record.budget} if record else now
    if config is None:
        raise Refused(f"a report is of a run with a configuration, but {store.where(folder.path)}/config.json is missing or damaged; train the run again")
    goal, fit, every = aims(config, run_id)
    entry = {"run_id": run_id, "budget": config["budget"], "eval_every": every}
    found = reading(folder, entry, goal, fit, record.schedule if record else None)
    rows, unread = measured_rows(folder, found)
    if rows is None or goal.column not in rows.column_names:
        raise Refused(f"a report is of a run with measurements, but of {run_id} {found.reason or 'none are there yet'}; train it, then report again")
    again = {"name": run_id, "command": f"lal train {shlex.quote(place(store, folder))}", "runs": [entry]}
    thresholds = thresholds_of(again, goal, fit, threshold, phases)
    refuse_stricter(again, [found], thresholds, results_word(store.address))
    verdict = verdict_on(rows, found.outcome or "", thresholds)
    frame = rows.to_pandas()
    snapshots = Snapshots(folder, int(frame["step"].iloc[-1]))
    told = f"{again['command']} --results elsewhere"
    return OneRun(
        run_id, config, now or config, record, folder.failure(), goal, fit, thresholds, frame, verdict, snapshots, unread, told, listing(store, run_id)
    )


def asked(measure: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says was measured, as a configuration asks for it: without the columns that each metric filled."""
    return {name: value for name, value in measure.items() if name != "columns"}


def aims(config: Mapping[str, Any], run_id: str) -> tuple[Goal, Goal | None, int]:
    """What a run with this configuration aims at, and its steps between evaluations.

    Raises:
        Refused: the configuration is not one of today's.
    """
    try:
        parsed = parse(config)
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(
            f"a report is of a configuration that this lal knows, but that of {run_id} is not: {'.'.join(map(str, first['loc']))}: {first['msg']}; "
            "report it with the version, and the packages, that trained it"
        ) from error
    return parsed.goal, parsed.fit, parsed.eval_every


def measured_rows(folder: RunFolder, found: Reading) -> tuple[pa.Table | None, tuple[str, ...]]:
    """The rows of a finished run, or those saved so far; and what of later measurements cannot be read."""
    if found.rows is not None:
        return found.rows, found.unread
    saved = folder.saved_rows(2**63 - 1) if found.state != "damaged" else None
    if not saved:
        return None, ()
    names = dict.fromkeys(name for row in saved for name in row)
    return merged(pa.table({name: pa.array([row.get(name) for row in saved]) for name in names}), folder)


def place(store: Store, folder: RunFolder) -> str:
    """How a command names the file that computes the run of `folder` anew."""
    return joined(results_word(store.address) or USUAL_RESULTS, f"{folder.path}/{RERUN}")


def rerun(run: OneRun) -> dict[str, Any]:
    """A sweep of this one run, as a file for `lal train`."""
    base = {key: value for key, value in run.config.items() if key != "seed"}
    return {"name": run.run_id[:100], "base": base, "seeds": [run.config["seed"]]}


def listing(store: Store, run_id: str) -> tuple[tuple[str, str], ...]:
    """Sweeps whose manifest lists the run: the folder, and the command that trains it."""
    found = []
    for folder in store.names("sweeps"):
        try:
            manifest = store.manifest(folder)
        except Refused:  # damaged, or of no sweep of ours
            continue
        if "command" in manifest and any(each.get("run_id") == run_id for each in manifest["runs"]):
            found.append((folder, command(manifest, results_word(store.address), run=run_id)))
    return tuple(found)
