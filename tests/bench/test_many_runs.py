"""What a run costs a sweep beside its training: thousands of trivial ones, and hundreds of half a second. Reports; asserts no times.

The aims are in docs/performance.md, "Many short runs".
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lal.store import Store
from tests.launch.cli import ROOT, TINY, command, environment, written
from tests.launch.pool import pool

pytestmark = [pytest.mark.bench, pytest.mark.ray]

CORES = 2
TRIVIAL = copy.deepcopy(TINY) | {"base": TINY["base"] | {"budget": {"steps": 1, "stop": None}}}
SHORT = {
    **copy.deepcopy(TINY),
    "axes": {},
    "base": {
        "task": {"kind": "modular", "p": 31, "train_frac": 0.6},
        "model": {"kind": "mlp", "width": 64},
        "optim": {"kind": "adamw", "lr": 0.01},
        "measure": {"eval_every": 100},
        "budget": {"steps": 500, "stop": None},
    },
}


@dataclass
class Measured:
    """One call of `lal sweep`: wall time, time in which runs were finished, seconds that they spent in their loops, peak memory of the driver."""

    n_runs: int
    wall_s: float
    finishing_s: float
    loops_s: float
    driver_mib: float

    def told(self) -> str:
        overhead = 1000 * (self.wall_s - self.loops_s / CORES) / self.n_runs
        without = 1000 * (self.finishing_s - self.loops_s / CORES) / self.n_runs
        return (
            f"{self.n_runs} runs: {self.wall_s:.1f} s, {overhead:.1f} ms of overhead each, {without:.1f} ms without Ray's start and end; "
            f"{self.loops_s / CORES / self.wall_s:.0%} of {CORES} cores' time in training, {self.loops_s / CORES / self.finishing_s:.0%} without; "
            f"driver {self.driver_mib:.0f} MiB at most"
        )


def measured(folder: Path, sweep: dict[str, Any], seeds: int, *words: str) -> Measured:
    """Runs `sweep` with so many `seeds` to its end."""
    folder.mkdir()
    written(folder, sweep | {"seeds": seeds})
    begun = time.perf_counter()
    with subprocess.Popen(command("sweep", "tiny.yaml", "--no-report", "--quiet", *words), cwd=folder, env=environment(None)) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - begun
    assert process.returncode == 0
    store = Store(folder / "results")
    paths = [folder / "results/runs" / name / "record.json" for name in store.names("runs")]
    ends = sorted(path.stat().st_mtime for path in paths)
    loops_s = sum(json.loads(path.read_text())["seconds"] for path in paths)
    return Measured(len(paths), wall_s, ends[-1] - ends[0], loops_s, usage.ru_maxrss / 1024)


@pytest.mark.parametrize("seeds", [100, 1000])
def test_trivial_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str], seeds: int) -> None:
    """The driver's memory must be as good as the same with ten times the runs."""
    told = measured(tmp_path / "here", TRIVIAL, seeds, "--cpus", str(CORES)).told()
    with capsys.disabled():
        print(f"\ntrivial, this machine: {told}")


def test_trivial_runs_on_two_nodes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pool(cpus=1, nodes=CORES) as up:
        told = measured(tmp_path / "there", TRIVIAL, 1000, "--address", up.address).told()
    with capsys.disabled():
        print(f"\ntrivial, two nodes: {told}")


def test_runs_of_half_a_second(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = measured(tmp_path / "here", SHORT, 400, "--cpus", str(CORES)).told()
    with capsys.disabled():
        print(f"\np=31 networks, this machine: {told}")


@pytest.mark.parametrize(("n_runs", "how"), [(2000, "packed"), (10_000, "packed"), (1500, "alone")])
def test_what_runs_cost_the_driver(capsys: pytest.CaptureFixture[str], n_runs: int, how: str) -> None:
    """Without any training."""
    words = [sys.executable, "-m", "tests.bench.driver", str(n_runs), how]
    found = json.loads(subprocess.run(words, cwd=ROOT, env=environment(None), capture_output=True, text=True, check=True).stdout)
    with capsys.disabled():
        memory = f"{found['early_mib']:.0f} MiB after a tenth, {found['late_mib']:.0f} MiB at the end"
        print(f"\n{n_runs} runs, {how}: {found['driver_ms']:.1f} ms of the driver's processor time each, {found['wall_s']:.1f} s in all; {memory}")
