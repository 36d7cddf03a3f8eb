"""Searches, schedulers and time budgets on an embedded Ray, as a person runs them."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import optuna
import pytest

from lal.store import Store
from tests.launch.cli import TINY, lal, started, tables, written

pytestmark = pytest.mark.ray
SEARCH: dict[str, Any] = {
    **TINY,
    "axes": {"optim.lr": {"log": [1e-3, 0.1]}, "penalties.compute": [None, {"kind": "sum", "weight": 0.1}]},
    "search": {"kind": "optuna", "points": 3, "startup": 2, "objectives": {"maximise": {"test_acc": "end"}, "minimise": {"functional_depth": "end"}}},
    "report": {"pareto": {"maximise": {"test_acc": "end"}, "minimise": {"functional_depth": "end"}}},
}
LONG: dict[str, Any] = {
    **TINY,
    "base": {**TINY["base"], "task": {"kind": "modular", "p": 31, "train_frac": 0.6}, "budget": {"steps": 1_000_000, "stop": None}},
    "axes": {},
}


def study(folder: Path) -> optuna.Study:
    return optuna.load_study(study_name="tiny", storage=f"sqlite:///{folder}/results/sweeps/tiny/study.db")


@pytest.mark.slow
def test_optuna_finds_points_and_the_report_shows_them(tmp_path: Path) -> None:
    done = lal("sweep", written(tmp_path, SEARCH), "--cpus", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 points found, 3 with objectives" in done.stdout
    manifest = Store(tmp_path / "results").manifest("tiny")
    assert (len(manifest["runs"]), len(manifest["search"]["points"])) == (6, 3)
    assert {trial.state.name for trial in study(tmp_path).trials} == {"COMPLETE"}
    page = (tmp_path / "results/sweeps/tiny/report.html").read_text(encoding="utf-8")
    assert "6 planned, 6 finished" in page
    assert "learning rate" in page


@pytest.mark.slow
def test_a_killed_search_goes_on_with_its_points(tmp_path: Path) -> None:
    file = written(tmp_path, {**SEARCH, "base": {**TINY["base"], "budget": {"steps": 2000, "stop": None}}})
    first = started("sweep", file, "--cpus", "2", "--no-report", cwd=tmp_path)
    store = Store(tmp_path / "results")
    deadline = time.monotonic() + 120
    while not any(store.run(name).record() for name in store.names("runs")) and time.monotonic() < deadline:
        time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)
    before = tables(tmp_path / "results")
    finished = {name: content for name, content in before.items() if content[0]}
    assert finished
    again = lal("sweep", file, "--cpus", "2", "--no-report", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    after = tables(tmp_path / "results")
    assert {name: after[name] for name in finished} == finished
    assert {run["run_id"] for run in store.manifest("tiny")["runs"]} == {*after}
    assert {*before} <= {*after}
    assert json.loads(again.stdout)["search"]["told"] == 3
    states = [trial.state.name for trial in study(tmp_path).trials]
    assert (states.count("COMPLETE"), states.count("RUNNING")) == (3, 0)


@pytest.mark.slow
def test_asha_cuts_runs_and_they_are_done_under_it(tmp_path: Path) -> None:
    schedule = {"kind": "asha", "grace": 20, "reduction": 2, "accept_late_grok_bias": True}
    lengths = {**TINY["base"], "budget": {"steps": 300, "stop": None}}
    file = written(tmp_path, {**TINY, "base": lengths, "axes": {"optim.lr": [0.03, 0.003, 0.0003]}, "seeds": 2, "schedule": schedule})
    done = lal("sweep", file, "--cpus", "2", "--no-report", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = json.loads(done.stdout)["outcomes"]
    assert outcomes.get("pruned", 0) >= 1
    assert sum(outcomes.values()) == 6
    store = Store(tmp_path / "results")
    records = [record for name in store.names("runs") if (record := store.run(name).record())]
    assert all((record.outcome == "pruned") == (record.schedule is not None) for record in records)
    assert all(record.steps in (20, 40, 80, 160) for record in records if record.outcome == "pruned")  # at a rung, whatever the machine's pace
    again = json.loads(lal("sweep", file, "--no-report", "--json", cwd=tmp_path).stdout)
    assert (again["already"], again["trained"]) == (6, 0)
    without = json.loads(lal("sweep", file, "schedule=null", "--cpus", "2", "--no-report", "--json", cwd=tmp_path).stdout)
    assert (without["already"], without["outcomes"]) == (6 - outcomes["pruned"], {"budget": outcomes["pruned"]})


@pytest.mark.slow
def test_a_time_budget_ends_a_sweep_with_what_runs_had(tmp_path: Path) -> None:
    file, store = written(tmp_path, LONG), Store(tmp_path / "results")
    for seconds in (15, 30, 60, 120):  # a busy machine may take long to begin
        done = lal("sweep", file, "--cpus", "2", "--no-report", f"time_budget={seconds}s", cwd=tmp_path)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "is used; what runs had saved is kept. To go on:\n  lal sweep tiny.yaml" in done.stdout
        if store.names("runs"):
            break
    saved = [store.run(name) for name in store.names("runs")]
    assert saved
    assert all(folder.has("checkpoint.pt") and folder.record() is None and folder.failure() is None for folder in saved)
    assert not any(folder.has("claim.json") for folder in saved)  # they ended by themselves: nobody killed them
