"""Folders that another program left: any with a history in it is a run, grouped by what the folders' names have in common."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analysis.collect import Tables
from analysis.one_run import OneRun
from analysis.run_keys import axis_values, cell_numbers
from analysis.run_row import run_row
from analysis.visualizer.catalogue import Catalogue
from analysis.visualizer.columns import known_rows
from analysis.visualizer.histories import aims_of, run_of
from analysis.visualizer.naming import told
from analysis.visualizer.source import Known, Source
from lal.errors import Refused
from lal.reading import Reading, verdict_on
from lal.store import is_uri

HISTORIES = ("history.parquet", "history.csv", "history.json")
DEEPEST = 4  # folders below the root
MOST_FOUND = 20_000
TOLD_BY = "folder."  # begins every axis, since words in names of folders may be those of columns, as p is of the share that generalised
GOAL, FIT = ({"column": column, "at_least": at_least, "direction": "max"} for column, at_least in (("test_acc", 0.95), ("train_acc", 0.99)))


def foreign_at(address: str) -> Foreign | None:
    """The runs below folder `address`; None where there is none."""
    root = Path(address)
    if is_uri(address) or not root.is_dir():
        return None
    folders = found_below(root, DEEPEST)
    return Foreign(root, folders) if folders else None


def found_below(folder: Path, depth: int) -> list[Path]:
    """Folders with a history, in order of their names; those inside a run are parts of it. Links are not followed: what is shown is below the root."""
    if any((folder / name).is_file() for name in HISTORIES):
        return [folder]
    if depth == 0:
        return []
    below = sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink() and not each.name.startswith("."))
    return [run for each in below for run in found_below(each, depth - 1)][:MOST_FOUND]


@final
class Foreign(Source):
    """Runs of another program below `root`. They are read as they are now: a new folder is seen after a restart, a new row at once."""

    def __init__(self, root: Path, folders: Sequence[Path]):
        self._root, self._folders = root.absolute(), tuple(folders)
        self._read: dict[int, tuple[str, OneRun | str]] = {}

    @property
    def address(self) -> str:
        return str(self._root)

    def names(self) -> list[str]:
        return [self._root.name]

    @cached_property
    def _catalogue(self) -> Catalogue:
        paths = ["/".join(each.relative_to(self._root).parts) or each.name for each in self._folders]
        return Catalogue(manifest_of(self._root.name, [os.fsencode(path).decode(errors="replace") for path in paths]))  # names need not be text

    @cached_property
    def _tables(self) -> Tables:
        return tables_of(self._catalogue.manifest, [self.run(self._root.name, index) for index in range(len(self._folders))])

    def catalogue(self, name: str) -> Catalogue:
        if name != self._root.name:
            raise Refused(f"what is looked at must be {self._root.name!r}, but got {name!r}; load the page again")
        return self._catalogue

    def known(self, name: str) -> Known:
        return Known(self._tables, f"{len(self._folders):,} folders with a history, of another program", "", False)

    def version(self, name: str, runs: Sequence[int]) -> str:
        return " ".join(self._stamp(index) for index in runs)

    def _stamp(self, index: int) -> str:
        try:
            return str(max((self._folders[index] / name).stat().st_mtime_ns for name in HISTORIES if (self._folders[index] / name).is_file()))
        except (OSError, ValueError):
            return "gone"

    def run(self, name: str, index: int) -> OneRun | str:
        stamp = self._stamp(index)
        if self._read.get(index, ("", ""))[0] != stamp:
            self._read[index] = stamp, read_run(self._folders[index], self.catalogue(name).manifest, index)
        return self._read[index][1]


def manifest_of(name: str, paths: Sequence[str]) -> dict[str, Any]:
    """A manifest as this program would have written it, of runs at `paths`: groups, points and seeds by their names."""
    found = [told(path) for path in paths]
    twins = Counter((each.group, each.point, each.seed) for each in found)
    runs = [
        {
            "run_id": path,
            "arm": each.group,
            "name": path if twins[each.group, each.point, each.seed] > 1 else None,
            "point": {f"{TOLD_BY}{key}": value for key, value in each.point},
            "seed": each.seed or 0,
        }
        | {"budget": {"steps": 0}, "eval_every": 1}
        for path, each in zip(paths, found, strict=True)
    ]
    axes = list(dict.fromkeys(f"{TOLD_BY}{key}" for each in found for key, _ in each.point))
    arms = list(dict.fromkeys(each.group for each in found))
    return {"schema": 1, "name": name, "question": "", "command": "", "report": {}, "arms": arms, "axes": axes, "goal": GOAL, "fit": FIT, "runs": runs}


def read_run(folder: Path, manifest: Mapping[str, Any], index: int) -> OneRun | str:
    """The run in `folder`, or why it cannot be shown."""
    rows = known_rows(folder)
    if isinstance(rows, str):
        return rows
    if not len(rows) or GOAL["column"] not in rows.column_names:
        return "its history has no row, or no test accuracy"
    return run_of(manifest["runs"][index]["run_id"], config_at(folder), None, rows, "", aims_of(manifest), Nothing())


def config_at(folder: Path) -> dict[str, Any]:
    """What is known of the task from `config.json`: prime and operation."""
    try:
        values = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return {"task": {key: values[key] for key in ("p", "operation") if key in values}} if isinstance(values, dict) else {}


class Nothing:
    """The snapshots of a run that kept none that are known here."""

    steps: tuple[int, ...] = ()

    def of(self, name: str) -> list[int]:
        """No step."""
        return []

    def arrays(self, step: int) -> dict[str, NDArray[Any]]:
        """No array."""
        return {}

    def last(self, name: str) -> NDArray[np.float64] | None:
        """No array."""
        return None


def tables_of(manifest: Mapping[str, Any], runs: Sequence[OneRun | str]) -> Tables:
    """Verdicts of all runs that can be read; the others count as damaged."""
    goal, _, thresholds = aims_of(manifest)
    axes, cells, rows = axis_values(manifest), cell_numbers(manifest["runs"]), []
    for index, (entry, run) in enumerate(zip(manifest["runs"], runs, strict=True)):
        own = {path: values[index] for path, values in axes.items()}
        key = {"cell": cells[index], "arm": entry["arm"], "name": entry["name"], **own, "seed": entry["seed"]}
        table = None if isinstance(run, str) else pa.Table.from_pandas(run.rows, preserve_index=False)
        found = Reading("damaged", reason=str(run)) if table is None else Reading("done", "budget", "as found", int(table["step"][-1].as_py()), rows=table)
        rows.append(run_row(entry["run_id"], key, found, None if table is None else verdict_on(table, "", thresholds), thresholds))
    return Tables(manifest, goal, thresholds, pd.DataFrame(rows), pd.DataFrame())
