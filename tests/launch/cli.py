"""The command line as a person has it: another process, real files, real Ray."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from lal.store import Store

ROOT = Path(__file__).parents[2]
TINY: dict[str, Any] = {
    "name": "tiny",
    "question": "Does it run?",
    "base": {
        "task": {"kind": "modular", "p": 11, "train_frac": 0.6},
        "model": {"kind": "gated", "depth": 2, "width": 16},
        "optim": {"kind": "adamw", "lr": 0.01},
        "measure": {"eval_every": 10},
        "budget": {"steps": 60, "stop": None},
    },
    "axes": {"penalties.compute": [None, {"kind": "sum", "weight": 0.1}]},
    "seeds": 2,
}


def lal(*words: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the command line to its end."""
    return subprocess.run(command(*words), cwd=cwd, env=environment(env), capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)


def started(*words: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Starts the command line."""
    out = subprocess.PIPE
    return subprocess.Popen(command(*words), cwd=cwd, env=environment(env), stdout=out, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "lal.cli", *words]


def environment(more: dict[str, str] | None) -> dict[str, str]:
    """Ray's tokens off unless a test says otherwise; this clone's code."""
    path = os.pathsep.join(each for each in (str(ROOT), (more or {}).get("PYTHONPATH", "")) if each)
    return {**os.environ, "RAY_AUTH_MODE": "disabled", "OMP_NUM_THREADS": "1", "COLUMNS": "200", **(more or {}), "PYTHONPATH": path}


def written(folder: Path, sweep: dict[str, Any], name: str = "tiny.yaml") -> str:
    """Writes a sweep file and returns its name."""
    (folder / name).write_text(yaml.safe_dump(sweep, sort_keys=False), encoding="utf-8")
    return name


def tables(root: Path) -> dict[str, Any]:
    """What the runs of a results folder hold, times aside."""
    store = Store(root)
    return {run_id: content(store, run_id) for run_id in store.names("runs")}


def content(store: Store, run_id: str) -> Any:
    folder = store.run(run_id)
    record, rows = folder.record(), folder.history()
    facts = (record.outcome, record.reason, record.steps) if record else None
    return facts, None if rows is None else [{name: value for name, value in row.items() if name != "seconds"} for row in rows]
