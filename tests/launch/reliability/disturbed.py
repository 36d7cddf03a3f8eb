"""What these tests look at: a sweep of enough small runs, who is left running, what was trained once, and whether the end is that of an undisturbed sweep."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.collect import collect
from analysis.table_files import write
from lal.store import Store
from tests.launch.cli import TINY

MARK = "LAL_TEST_MARK"
Undisturbed = Callable[[dict[str, Any]], Path]  # from a sweep to its results: see conftest.py
TIMES = {"seconds", "results"}  # columns of tables that tell when and where, not what


def many(seeds: int = 4, steps: int = 1500) -> dict[str, Any]:
    """Two arms of the gated network, `seeds` runs each, of a second or so; saved five times a second."""
    sweep: dict[str, Any] = copy.deepcopy(TINY) | {"seeds": seeds}
    sweep["base"]["budget"] = {"steps": steps, "stop": None, "checkpoint_every_s": 0.2}
    return sweep


def assert_same(results: Path, expected: Path, sweep: str = "tiny") -> None:
    """The tables, and the histories as bytes, are those of an undisturbed sweep, times aside."""
    assert histories(results) == histories(expected)
    for each in (results, expected):
        write(Store(each), sweep, collect(Store(each), sweep))
    for name in ("runs", "cells"):
        found, wanted = (pq.read_table(each / f"sweeps/{sweep}/tables/{name}.parquet") for each in (results, expected))
        assert untimed(found) == untimed(wanted), name


LONG = many(2, 2000)  # enough to be disturbed in the middle of


def marked() -> dict[str, str]:
    """An environment by which a process and all that come from it are found again, whoever their parent is by then."""
    return {MARK: uuid4().hex}


def alive(env: dict[str, str]) -> list[int]:
    """Ids of processes that were started in the environment `env`; those that wait to be reaped are none."""
    wanted = f"{MARK}={env[MARK]}".encode()
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and wanted in environ(each).split(b"\0")]


def environ(process: Path) -> bytes:
    """The environment that a process was started in; empty of one that is gone."""
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def gone(env: dict[str, str], within_s: float = 60) -> bool:
    """Whether all processes that were started in `env` end by themselves."""
    deadline = time.monotonic() + within_s
    while alive(env) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left := alive(env):
        for pid in left:
            print(pid, Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())  # noqa: T201
    return not left


def finished(root: Path) -> dict[str, bytes]:
    """The records by run id, as they are on the disk: the seconds in them tell one training from another."""
    return {path.parent.name: path.read_bytes() for path in root.glob("runs/*/record.json")}


def saved(root: Path, run_id: str) -> list[dict[str, Any]]:
    """The rows of a run that are saved, with their seconds: a row that is trained again has others."""
    return Store(root).run(run_id).saved_rows(10**9) or []


def until(ready: Callable[[], Any], process: Any, within_s: float = 300) -> Any:
    """Waits for something of `ready`; a process that ends, or takes longer, is a failed test."""
    deadline = time.monotonic() + within_s
    while not (found := ready()):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(process.communicate()[0])
        time.sleep(0.02)
    return found


def histories(root: Path) -> dict[str, bytes | None]:
    """The histories by run id as bytes, times aside."""
    return {path.name: untimed(pq.read_table(path / "history.parquet")) for path in sorted(root.glob("runs/*"))}


def untimed(table: pa.Table) -> bytes:
    """A table without the columns that tell when and where, as bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.select([name for name in table.column_names if name not in TIMES]).replace_schema_metadata(None), sink)
    return sink.getvalue().to_pybytes()
