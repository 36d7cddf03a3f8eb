"""A sweep that may still be running: how its runs stand, cheaply, and their verdicts, read in the background."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from threading import Lock, Thread
from typing import Any

import pandas as pd

from analysis.again import results_word
from analysis.collect import Tables, collect
from analysis.frame import Frame
from analysis.table_files import judged_by
from analysis.visualizer.histories import aims_of
from analysis.visualizer.source import Known
from lal.errors import Refused
from lal.events import Thresholds
from lal.reading import COUNTED
from lal.store import Store
from lal.store.codec import table

REST = 4  # between two collections so many times what the last one took: following takes a fifth of a core at most


class Following:
    """One sweep of a results folder.

    Runs that ended are not looked at again, so to ask how the sweep stands costs a look at the others alone. Verdicts are those of the tables that the last
    report wrote where these are of all runs that ended; else all runs are read anew, in a thread, and the last tables are shown until then.
    """

    def __init__(self, store: Store, folder: str):
        self._store, self._folder, self._lock = store, folder, Lock()
        self._ended = set[str]()
        self._tables: Tables | None = None
        self._n_read, self._free_at, self._thread, self._problem = -1, 0.0, None, ""
        self._generation = 0

    def known(self, manifest: Mapping[str, Any]) -> Known:
        """How the sweep stands now."""
        with self._lock:
            self._look(manifest)
            failed = self._failed(manifest)
            n_runs = len({entry["run_id"] for entry in manifest["runs"]})
            self._refresh(manifest, len(self._ended) + failed)
            stale = self._n_read != len(self._ended) + failed
            damaged = 0 if stale or self._tables is None else self._tables.runs.loc[self._tables.runs["state"] == "damaged", "run_id"].nunique()
            told = (
                f"{n_runs:,} planned, {len(self._ended) - damaged:,} finished, {failed:,} failed, {n_runs - len(self._ended) - failed:,} missing or under way"
            )
            told += f", {damaged:,} damaged" if damaged else ""
            if stale:
                told += "; verdicts are being read"
            elif self._problem:
                told += f"; {self._problem}"
            running = len(self._ended) + failed < n_runs or stale
            return Known(self._tables, told, f"{self._generation} {told}", running, "" if stale else self._problem)

    def _look(self, manifest: Mapping[str, Any]) -> None:
        """Notes which runs ended since the last look."""
        seen, ids = self._store.listed("runs"), {entry["run_id"] for entry in manifest["runs"]}
        self._ended &= ids
        self._ended |= {run_id for run_id in ids - self._ended if seen.has(f"runs/{run_id}/record.json")}
        self._unended = ids - self._ended

    def _failed(self, manifest: Mapping[str, Any]) -> int:
        seen = self._store.listed("runs")
        return sum(seen.has(f"runs/{run_id}/failure.json") for run_id in self._unended)

    def _refresh(self, manifest: Mapping[str, Any], n_known: int) -> None:
        """Takes the last report's tables where they are of as many ended runs as there are, else begins to read anew, unless that was done just now."""
        if n_known == self._n_read or self._thread is not None:
            return
        if self._tables is None:
            self._tables, counted = stored(self._store, self._folder, manifest)
            if self._tables is not None:
                self._generation += 1
            if counted == len(self._ended):
                self._n_read = n_known
                return
        if time.monotonic() >= self._free_at:
            self._thread = Thread(target=self._collect, args=(n_known,), daemon=True)
            self._thread.start()

    def _collect(self, n_known: int) -> None:
        began, tables, problem = time.monotonic(), None, ""
        try:
            tables = collect(self._store, self._folder)
        except (Refused, OSError) as error:
            problem = str(error)
        with self._lock:
            self._tables, self._problem, self._n_read = tables or self._tables, problem, n_known
            self._free_at = time.monotonic() + REST * (time.monotonic() - began)
            self._generation += 1
            self._thread = None


def stored(store: Store, folder: str, manifest: Mapping[str, Any]) -> tuple[Tables | None, int]:
    """The tables that the last report of a sweep wrote, without histories, and of how many runs that had ended; none where they are not of this manifest,
    or by other thresholds than the sweep's."""
    goal, _, thresholds = aims_of(manifest)
    runs, cells = (table_at(store, f"{store.sweep(folder)}/tables/{name}.parquet", thresholds) for name in ("runs", "cells"))
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


def table_at(store: Store, path: str, thresholds: Thresholds) -> Frame | None:
    """The parquet file at `path` as a table; None where there is none, it is damaged, or its verdicts are by other `thresholds`."""
    data = store.get(path)
    found = table(data) if data is not None and judged_by(data, thresholds) else None
    return None if found is None else found.to_pandas()
