"""Requests that would be found wrong only after hours, or lose what others count on: refused before anything is trained."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from rich.console import Console

from lal.errors import Refused
from lal.store import Store
from launch.drive import Options, drive
from launch.plan import plan
from launch.sweep import load, manifest
from tests.launch.cli import TINY, written


def loaded(folder: Path, sweep: dict, name: str = "tiny.yaml"):
    return load(str(folder / written(folder, sweep, name)))


@pytest.mark.parametrize("number", ["031", "1:31", "-0_17", "1:31.5"])
def test_numbers_that_yaml_would_read_as_others_are_refused(tmp_path: Path, number: str) -> None:
    (tmp_path / "s.yaml").write_text(f"name: s\nbase:\n  task: {{kind: modular, p: {number}}}\n")
    with pytest.raises(Refused, match=r"numbers must be decimal, but .*s.yaml:3 has"):
        load(str(tmp_path / "s.yaml"))


@pytest.mark.parametrize("column", ["test_ac", "routing_entropy", "no_such/tensor"])
def test_an_objective_that_nobody_measures_is_refused(tmp_path: Path, column: str) -> None:
    with pytest.raises(Refused, match="must name a column that runs measure"):
        loaded(tmp_path, TINY | {"report": {"pareto": {"maximise": {column: "end"}, "minimise": {"functional_depth": "end"}}}})


def test_fresh_forgets_no_run_of_another_sweep(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    other = loaded(tmp_path, copy.deepcopy(TINY) | {"name": "other"}, "other.yaml")
    store.put_json("sweeps/other/manifest.json", manifest(other))
    mine = loaded(tmp_path, TINY)
    with pytest.raises(Refused, match="4 of these are runs of other, too"):
        drive(plan(mine, store, fresh=True), store, Options(fresh=True, quiet=True), Console(quiet=True))
    assert store.names("sweeps") == ["other"]
