"""Histories of the runs that are looked at, and of no others: read once, and of a run that is still training only what is new."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

import pyarrow as pa

from analysis.collect import thresholds_of
from analysis.one_run import OneRun
from analysis.snapshots import Snapshots
from lal.errors import Refused
from lal.events import Goal, Thresholds
from lal.reading import Entry, reading, verdict_on
from lal.store import Record, RunFolder, Store, decoded, digest

MOST_KEPT = 200
Rows = list[dict[str, Any]]
Aims = tuple[Goal, Goal | None, Thresholds]


def aims_of(manifest: Mapping[str, Any]) -> Aims:
    """What the runs of a manifest aim at, and by which numbers they are judged. Goes through all of its runs."""
    goal, fit = Goal(**manifest["goal"]), Goal(**manifest["fit"]) if manifest["fit"] else None
    return goal, fit, thresholds_of(manifest, goal, fit, None, {})


def run_of(run_id: str, config: Mapping[str, Any], record: Record | None, rows: pa.Table, outcome: str, aims: Aims, kept: Any) -> OneRun:
    """A run as figures of one run read it: judged as its sweep judges, without the commands that only a report tells. `kept`: its snapshots."""
    goal, fit, thresholds = aims
    verdict = verdict_on(rows, outcome, thresholds)
    return OneRun(run_id, config, config, record, None, goal, fit, thresholds, rows.to_pandas(), verdict, kept, (), "", ())


class Histories:
    """Runs of one results folder. Safe to be asked from several threads."""

    def __init__(self, store: Store):
        self._store, self._lock = store, Lock()
        self._runs = OrderedDict[tuple[str, ...], OneRun | str]()
        self._parts = OrderedDict[str, dict[str, Rows | None]]()
        self._judged: tuple[Mapping[str, Any], Aims] | None = None

    def version(self, run_id: str) -> str:
        """Of what is stored of a run: it changes when rows are added."""
        folder = self._store.run(run_id)
        record = folder.get_bytes("record.json")
        ended = digest(record) if record is not None else str(folder.has("failure.json"))
        return " ".join([ended, *folder.measured_names(), *folder.parts()[-1:]])

    def run(self, sweep: str, manifest: Mapping[str, Any], entry: Entry) -> OneRun | str:
        """The run of `entry` as sweep `sweep` sees it, or why it cannot be shown."""
        key = (sweep, entry["run_id"], str(entry["budget"]), str(entry["eval_every"]), self.version(entry["run_id"]))
        with self._lock:
            if key in self._runs:
                self._runs.move_to_end(key)
                return self._runs[key]
        try:
            found = self._read(manifest, entry, self._store.run(entry["run_id"]).listed())
        except Refused as reason:
            found = str(reason)
        with self._lock:
            self._runs[key] = found
            while len(self._runs) > MOST_KEPT:
                self._runs.popitem(last=False)
        return found

    def _aims(self, manifest: Mapping[str, Any]) -> Aims:
        """Those of `manifest`, kept for the next run of the same."""
        judged = self._judged
        if judged is None or judged[0] is not manifest:
            judged = self._judged = (manifest, aims_of(manifest))
        return judged[1]

    def _read(self, manifest: Mapping[str, Any], entry: Entry, folder: RunFolder) -> OneRun | str:
        aims = self._aims(manifest)
        goal, fit, _ = aims
        found = reading(folder, entry, goal, fit, manifest.get("schedule"))
        rows = found.rows
        if rows is None and found.state != "damaged":
            rows = self._saved(entry["run_id"], folder)
        if rows is None or not {"step", goal.column} <= {*rows.column_names}:
            return found.reason if found.state in ("damaged", "failed") and found.reason else "nothing is saved yet"
        config = found.record.trajectory if found.record else folder.config()
        return run_of(entry["run_id"], config or {}, found.record, rows, found.outcome or "", aims, Snapshots(folder, int(rows["step"][-1].as_py())))

    def _saved(self, run_id: str, folder: RunFolder) -> pa.Table | None:
        """Rows that an unfinished run has saved so far. Parts but for the last are never read twice: what a resumed run writes anew has equal rows."""
        names = ["history.parquet", *folder.parts()]
        with self._lock:
            known = dict(self._parts.get(run_id, {}))
        parts = {name: known[name] if name in known and name != names[-1] else _rows(folder.get_bytes(name)) for name in names}
        with self._lock:
            self._parts[run_id] = parts
            self._parts.move_to_end(run_id)
            while len(self._parts) > MOST_KEPT:
                self._parts.popitem(last=False)
        by_step = {row["step"]: row for rows in parts.values() for row in rows or () if isinstance(row.get("step"), int)}
        ordered = [by_step[step] for step in sorted(by_step)]
        columns = dict.fromkeys(name for row in ordered for name in row)
        return pa.table({name: pa.array([row.get(name) for row in ordered]) for name in columns}) if ordered else None


def _rows(data: bytes | None) -> Rows | None:
    """Rows of a part; None where it is not there, or damaged."""
    return None if data is None else decoded(data)
