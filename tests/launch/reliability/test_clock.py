"""The clock on the wall is set while a sweep runs: nothing looks at it."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

from tests.launch.cli import ROOT, started, written
from tests.launch.reliability.disturbed import LONG, Undisturbed, assert_same, finished, until

WALL = {"time", "time_ns", "datetime", "st_mtime", "st_mtime_ns", "st_ctime", "st_ctime_ns", "getmtime"}
ONLY_COMPARED = {"local.py": ["st_mtime_ns", "st_ctime_ns"]}  # whether a file is still the one that was read: equal or not, never before or after
SET_BACK = """
import os, time
real, real_ns, DAY = time.time, time.time_ns, 86400
back = lambda: DAY if os.path.exists(os.environ["SET_BACK"]) else 0
time.time = lambda: real() - back()
time.time_ns = lambda: real_ns() - back() * 10**9
"""


def clocks(source: str) -> list[str]:
    """Names by which a module reads the clock on the wall, or what was written by it."""
    nodes = [*ast.walk(ast.parse(source))]
    read = [node.attr for node in nodes if isinstance(node, ast.Attribute) and node.attr in WALL and getattr(node.value, "id", "") != "self"]
    taken = [each.name for node in nodes if isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime") for each in node.names]
    return [*read, *(name for name in taken if name in WALL)]


@pytest.mark.parametrize("room", ["lal", "launch"])
def test_nothing_that_trains_looks_at_the_clock_on_the_wall(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert len(files) > 20
    found = {path.name: read for path in files if (read := clocks(path.read_text(encoding="utf-8")))}
    assert {name: read for name, read in found.items() if read != ONLY_COMPARED.get(name)} == {}


@pytest.mark.parametrize("line", ["import time\ntime.time()", "from time import time", "import datetime\ndatetime.datetime.now()", "x.stat().st_mtime"])
def test_such_looks_are_seen(line: str) -> None:
    assert clocks(line)


@pytest.mark.ray
@pytest.mark.slow
def test_a_clock_that_goes_back_a_day_changes_nothing(tmp_path: Path, undisturbed: Undisturbed) -> None:
    """For the driver, its workers, and Ray's own processes, in the middle of the training."""
    written(tmp_path, LONG)
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock/sitecustomize.py").write_text(SET_BACK)
    assert importlib.util.find_spec("sitecustomize") is None
    results, jump = tmp_path / "results", tmp_path / "jump"
    env = {"PYTHONPATH": str(tmp_path / "clock"), "SET_BACK": str(jump)}
    process = started("sweep", "tiny.yaml", "--no-report", cwd=tmp_path, env=env)
    until(lambda: finished(results), process)
    before = finished(results)
    jump.touch()
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    assert before.items() <= finished(results).items()
    assert_same(results, undisturbed(LONG))
