"""A sweep that may still be running: how its runs stand, cheaply, and their verdicts, read in the background."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from threading import Lock, Thread
from typing import Any, NamedTuple

import pandas as pd

from analysis.again import results_word
from analysis.collect import Tables, collect
from analysis.frame import Frame
from analysis.table_files import note_in, note_of
from analysis.visualizer.histories import aims_of
from analysis.visualizer.source import Known
from lal.errors import Refused
from lal.reading import COUNTED
from lal.store import Store
from lal.store.codec import table

LOOK_AGAIN_S = 2.0  # between two looks at runs that had ended: they may be continued, repaired or removed
REST = 4  # between two collections so many times what the last one took: following takes a fifth of a core at most


class Standing(NamedTuple):
    """Of which manifest, which records (run and stamp) and how many failures verdicts are."""

    manifest: Mapping[str, Any]
    records: frozenset[tuple[str, str]]
    failed: int


class Following:
    """One sweep of a results folder.

    Runs that ended are looked at again every few seconds alone, so to ask how the sweep stands mostly costs a look at the others. Verdicts are those of the
    tables that the last report wrote where these are of all runs that ended; else, and whenever a record is another, all runs are read anew, in a thread,
    and the last tables are shown until then.
    """

    def __init__(self, store: Store, folder: str):
        self._store, self._folder, self._lock = store, folder, Lock()
        self._manifest: Mapping[str, Any] | None = None
        self._stamps, self._look_again_at = dict[str, str](), 0.0
        self._tables: Tables | None = None
        self._read: Standing | None = None
        self._free_at, self._thread, self._problem = 0.0, None, ""
        self._generation = 0

    def known(self, manifest: Mapping[str, Any]) -> Known:
        """How the sweep stands now."""
        with self._lock:
            ids = {entry["run_id"] for entry in manifest["runs"]}
            failed = self._look(manifest, ids)
            ended, n_runs = len(self._stamps), len(ids)
            now = Standing(manifest, frozenset(self._stamps.items()), failed)
            self._refresh(now)
            stale = self._read != now
            damaged = 0 if stale or self._tables is None else self._tables.runs.loc[self._tables.runs["state"] == "damaged", "run_id"].nunique()
            told = f"{n_runs:,} planned, {ended - damaged:,} finished, {failed:,} failed, {n_runs - ended - failed:,} missing or under way"
            told += f", {damaged:,} damaged" if damaged else ""
            if stale:
                told += "; verdicts are being read"
            elif self._problem:
                told += f"; {self._problem}"
            running = ended + failed < n_runs or stale
            return Known(self._tables, told, f"{self._generation} {told}", running, "" if stale else self._problem)

    def _look(self, manifest: Mapping[str, Any], ids: Set[str]) -> int:
        """Notes which runs have a record, and which; how many others failed."""
        seen, now = self._store.listed("runs"), time.monotonic()
        if manifest is not self._manifest or now >= self._look_again_at:
            self._manifest, self._stamps, self._look_again_at = manifest, {}, now + LOOK_AGAIN_S
        found = {run_id: seen.stamp(f"runs/{run_id}/record.json") for run_id in ids - self._stamps.keys()}
        self._stamps |= {run_id: stamp for run_id, stamp in found.items() if stamp is not None}
        return sum(seen.has(f"runs/{run_id}/failure.json") for run_id in ids - self._stamps.keys())

    def _refresh(self, now: Standing) -> None:
        """Takes the last report's tables where they are of as many ended runs as there are, else begins to read anew, unless that was done just now."""
        if now == self._read or self._thread is not None:
            return
        if self._tables is None:
            self._tables, counted = stored(self._store, self._folder, now.manifest)
            if self._tables is not None:
                self._generation += 1
            if counted == len(now.records):
                self._read = now
                return
        if time.monotonic() >= self._free_at:
            self._thread = Thread(target=self._collect, args=(now,), daemon=True)
            self._thread.start()

    def _collect(self, now: Standing) -> None:
        began, tables, problem = time.monotonic(), None, ""
        try:
            tables = collect(self._store, self._folder)
        except (Refused, OSError) as error:
            problem = str(error)
        except Exception as fault:  # or the page would say for ever that verdicts are being read
            problem = f"verdicts cannot be read ({type(fault).__name__}: {fault}), which is a fault of the program"
        with self._lock:
            self._tables, self._problem, self._read = tables or self._tables, problem, now
            self._free_at = time.monotonic() + REST * (time.monotonic() - began)
            self._generation += 1
            self._thread = None


def stored(store: Store, folder: str, manifest: Mapping[str, Any]) -> tuple[Tables | None, int]:
    """The tables that the last report of a sweep wrote, without histories, and of how many runs that had ended; none where they are not of this manifest,
    or by other thresholds than the sweep's."""
    goal, _, thresholds = aims_of(manifest)
    note = note_of(manifest, thresholds)
    runs, cells = (table_at(store, f"{store.sweep(folder)}/tables/{name}.parquet", note) for name in ("runs", "cells"))
    if runs is None or cells is None or not fits(runs, cells, manifest["runs"], manifest["axes"]):
        return None, 0
    tables = Tables(manifest, goal, thresholds, runs, pd.DataFrame(), (), results_word(store.address))
    vars(tables)["cells"] = cells  # where a cached property keeps its value: to average 10,000 runs takes seconds
    return tables, runs.loc[runs["state"].isin((*COUNTED, "damaged")), "run_id"].nunique()


def fits(runs: Frame, cells: Frame, entries: Sequence[Mapping[str, Any]], axes: Sequence[str]) -> bool:
    """Whether stored tables are of these runs, in this order."""
    columns = {"run_id", "cell", "arm", "name", "seed", "state", "outcome", "event", "held", *axes}
    if not columns <= {*runs.columns} or not {"cell", "n", "p", "median", "phases", *axes} <= {*cells.columns}:
        return False
    return runs["run_id"].tolist() == [entry["run_id"] for entry in entries] and set(runs["cell"]) == set(cells["cell"])


def table_at(store: Store, path: str, note: str) -> Frame | None:
    """The parquet file at `path` as a table; None where there is none, it is damaged, or its verdicts are on or by others than `note` says."""
    data = store.get(path)
    found = table(data) if data is not None and note_in(data) == note else None
    return None if found is None else found.to_pandas()
