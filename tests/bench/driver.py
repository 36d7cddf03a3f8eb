"""What runs cost the driver and Ray: `python -m tests.bench.driver RUNS packed|alone`, in a process of its own, whose memory and time are its own.

Its workers train nothing: they say of each run that it is over. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lal.config import parse, run_id
from lal.store import Store
from launch import tuner
from launch.cluster import Reach, connected
from launch.driving.packs import ALONE_S, opened
from launch.driving.trial import Trial
from launch.following.progress import Board, Silent, follower

CORES = 2
PAGE_MIB = 4 / 1024
PACKED_S = 0.05  # that each run is expected to take
BASE = {
    "task": {"kind": "modular", "p": 11, "train_frac": 0.6},
    "model": {"kind": "gated", "depth": 2, "width": 16},
    "optim": {"kind": "adamw", "lr": 0.01},
    "measure": {"eval_every": 1},
    "budget": {"steps": 1, "stop": None},
}


def answered(params: dict[str, Any]) -> None:
    """A worker that says at once that each run of its pack is over."""
    from ray import tune

    for run in opened(params["job"])["runs"]:
        tune.report({"run_id": run["run_id"], "step": 1, "trained": 1, "test_acc": 0.5, "t_mem": None, "t_grok": None, "outcome": "budget", "reason": ""})


class Watched(Board):
    """A board that notes this process's memory once a tenth of the runs is over, and at the end."""

    early_mib = late_mib = 0.0

    def end(self, run_id: str, outcome: str) -> None:
        super().end(run_id, outcome)
        if self.done == self.planned // 10:
            self.early_mib = memory_mib()
        if self.done == self.planned:
            self.late_mib = memory_mib()


def memory_mib() -> float:
    """MiB that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_MIB


def measured(n_runs: int, expected_s: float) -> dict[str, float]:
    """Sends `n_runs` that are expected to take so long."""
    configs = [parse({**BASE, "seed": seed}) for seed in range(n_runs)]
    board = Watched(n_runs, "test_acc", {})
    tuner.train_reported = answered
    with tempfile.TemporaryDirectory() as folder, connected(Reach(cpus=CORES)):
        seconds = dict.fromkeys(map(run_id, configs), expected_s)
        trial = Trial("bench", Store(folder), {"cpu": 1.0}, "cpu", seconds=seconds, ended=board.end)
        wall, busy = time.perf_counter(), time.process_time()
        tuner.run_all(configs, trial, follower(board, (Silent(),)))
        wall, busy = time.perf_counter() - wall, time.process_time() - busy
    assert board.done == n_runs
    return {"runs": n_runs, "wall_s": wall, "driver_ms": 1000 * busy / n_runs, "early_mib": board.early_mib, "late_mib": board.late_mib}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(int(sys.argv[1]), {"packed": PACKED_S, "alone": 2 * ALONE_S}[sys.argv[2]])) + "\n")
