"""What a report of a worker costs for its gauges, on a real Ray, and what the driver's cost. Reports; asserts no times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.launch.cli import environment

pytestmark = [pytest.mark.bench, pytest.mark.ray]

COSTS = """
import time
from launch.cluster import Reach, connected
from launch.following.gauges import Published, watched
from launch.following.progress import Board

def cost(each, n=5000):
    begun = time.perf_counter()
    for step in range(n):
        each(step)
    return (time.perf_counter() - begun) / n * 1e6

with connected(Reach(cpus=1)):
    for n_axes in (1, 12):
        marks = {"arm": "all", "column": "test_acc", "axes": {f"axis{index}": "0.1" for index in range(n_axes)}}
        report = watched(lambda facts: None, {"sweep": "s", "runs": [{"run_id": "a", "marks": marks}]})
        spent = cost(lambda step: report({"run_id": "a", "step": step, "trained": step, "test_acc": 0.5}))
        print(f"{n_axes} axes: {spent:.0f} us a report")
    shown, counts = Published(Board(9, "test_acc", {}), "s"), Board(9, "test_acc", {}).counts()
    print(f"the driver's: {cost(lambda step: shown._publish(counts)):.0f} us")
"""


def test_gauges_cost_microseconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run([sys.executable, "-c", COSTS], cwd=tmp_path, env=environment(None), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with capsys.disabled():
        print("\n" + done.stdout, end="")
