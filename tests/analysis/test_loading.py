"""The Python API: a sweep as tables, figures, findings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from lal.errors import Refused
from tests.analysis.synthetic import WEIGHT, WHERE, Folder, Truth, quickstart


@pytest.fixture
def sweep(store):
    return analysis.load(quickstart(store), results=store.address)


def test_what_was_planned_is_there_and_what_is_lacking_is_said(sweep):
    assert len(sweep.runs) == 55 and "of 55 planned runs finished" in repr(sweep) and "1 failed (1 error)" in sweep.standing
    assert sweep.cells["n_planned"].sum() == 55 and any("half of the runs" in each or "planned" in each for each in sweep.findings)


def test_a_sweep_is_loaded_by_the_path_of_its_folder(sweep, store):
    assert analysis.load(store.where("sweeps/quickstart")).runs.equals(sweep.runs)
    with pytest.raises(Refused, match="quickstart"):
        analysis.load("quickstrat", results=store.address)
    run = store.names("runs")[0]
    store.run(run).put_config({})
    for name in (run, store.where(f"runs/{run}")):
        with pytest.raises(Refused, match="is a run; `lal report`"):
            analysis.load(name, results=store.address)
    for name in (store.where("runs"), store.where(""), store.where("sweeps/none")):
        with pytest.raises(Refused, match="not the folder of one; write the name of a sweep"):
            analysis.load(name, results=store.address)


def test_places_and_several_values_are_told_as_python_has_them(store, sweep):
    assert analysis.load(Path(store.where("sweeps/quickstart")), Path(store.address)).runs.equals(sweep.runs)
    for seeds in (range(2), np.array([0, 1]), pd.Series([0, 1]), (0, 1)):
        assert sweep.history("test_acc", seed=seeds).equals(sweep.history("test_acc", seed=[0, 1]))


def test_history_has_what_is_asked_and_of_whom(sweep):
    rows = sweep.history("test_acc", arm="hard", seed=[0, 1])
    assert list(rows) == ["run_id", "cell", "arm", "name", WEIGHT, "seed", "step", "test_acc"]
    assert set(rows["arm"]) == {"hard"} and set(rows["seed"]) == {0, 1}
    runs = sweep.runs.query("arm == 'hard' and seed in [0, 1]")
    assert len(rows) == runs["n_evaluations"].sum() and set(sweep.history()) == set(sweep.columns)
    with pytest.raises(Refused, match="test_acc"):
        sweep.history("test_ac")
    with pytest.raises(Refused, match="a column of runs must be"):
        sweep.history("test_acc", arms="hard")
    for where, message in (({"arm": "hrad"}, "did you mean 'hard'"), ({"seed": [0, 9]}, "got 9; write one of: 0, 1, 2"), ({WEIGHT: 7.0}, "but got 7.0")):
        with pytest.raises(Refused, match=message):
            sweep.history("test_acc", **where)
    assert sweep.history("test_acc", outcome="pruned").empty  # which none came to, though some might have


def test_figures_by_name(sweep):
    assert {"phase", "pareto", "gates"} <= set(sweep.figures)
    assert sweep.figure("phase", view="probability").data and sweep.figure("curves").data
    with pytest.raises(Refused, match="must apply"):
        sweep.figure("routing")
    with pytest.raises(Refused, match="a figure must be one"):
        sweep.figure("fase")


def test_a_mixture_of_commits_is_flagged(store):
    folder = Folder(store, arms=("all",))
    ids = [folder.add("all", {WEIGHT: 0.0}, seed, Truth()) for seed in range(3)]
    name = folder.write()
    assert analysis.load(name, results=store.address).mixed == []
    record = store.get_json(f"runs/{ids[0]}/record.json") | {"environment": {**WHERE, "commit": "fedcba98", "versions": {"python": "3.11.9", "torch": "2.9"}}}
    store.put_json(f"runs/{ids[0]}/record.json", record)
    loaded = analysis.load(name, results=store.address)
    assert loaded.mixed == ["commit", "torch"] and sorted(loaded.environments["n_runs"]) == [1, 2]


def test_sql_reads_the_tables_or_says_what_is_lacking(sweep):
    query = "SELECT arm, count(*) AS n, max(test_acc) AS best FROM history JOIN runs USING (run_id, arm) GROUP BY arm ORDER BY arm"
    try:
        import duckdb  # noqa: F401
    except ImportError:
        with pytest.raises(Refused, match=r"lal\[sql\]"):
            sweep.sql(query)
        return
    found = sweep.sql(query)
    assert found["arm"].tolist() == ["hard", "soft"] and found["best"].tolist() == [1.0, 1.0]
