"""Collecting again: only what is new is read, and the tables are those that a first collection would give."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from analysis import gathering, packing, side_by_side
from analysis.collect import Tables, collect, objective
from analysis.new_runs import read_new
from lal.budget import Budget
from lal.store import RunFolder, Store
from tests.analysis.synthetic import BUDGET, ODD, WEIGHT, Folder, Truth, filled, quickstart, rows_of


@pytest.fixture
def counted(monkeypatch):
    """How many histories of runs are read."""
    read = []
    whole = RunFolder.whole_history
    monkeypatch.setattr(RunFolder, "whole_history", lambda self, record: read.append(self.path) or whole(self, record))
    return read


def forget(store: Store, name: str) -> None:
    """Removes all that collecting kept."""
    into = f"sweeps/{name}/tables"
    for path in [f"{into}/readings.json", f"{into}/readings.parquet", *(f"{into}/history/{each}" for each in store.names(f"{into}/history"))]:
        store.remove(path)


def same(mine: Tables, theirs: Tables) -> None:
    """Whether two collections are of the same."""
    pd.testing.assert_frame_equal(mine.runs, theirs.runs, check_dtype=False)
    pd.testing.assert_frame_equal(mine.cells, theirs.cells, check_dtype=False)
    pd.testing.assert_frame_equal(mine.history[list(mine.history.columns)], theirs.history[list(mine.history.columns)], check_dtype=False)
    assert sorted(mine.history.columns) == sorted(theirs.history.columns)
    for one, other in zip(mine.readings, theirs.readings, strict=True):
        assert (one.state, one.outcome, one.reason, one.step, one.record, one.failure) == (
            other.state,
            other.outcome,
            other.reason,
            other.step,
            other.record,
            other.failure,
        )


@pytest.mark.parametrize("kind", ODD)
def test_again_gives_the_same_and_reads_nothing(store, kind, counted):
    name = ODD[kind](store)
    first = collect(store, name)
    n_first = len(counted)
    again = collect(store, name)
    assert len(counted) == n_first
    same(again, first)


def test_only_what_is_new_is_read_and_tables_are_those_of_a_first_collection(store, counted):
    folder = Folder(store, arms=("soft", "hard"))
    ids = [folder.add(arm, {WEIGHT: weight}, seed, Truth(grok=500 + 50 * seed)) for arm in ("soft", "hard") for weight in (0.0, 0.1) for seed in range(2)]
    name = folder.write()
    collect(store, name)
    counted.clear()
    new = [folder.add("soft", {WEIGHT: 0.05}, 0, Truth(grok=None)), folder.add("soft", {WEIGHT: 0.1}, 7, Truth(fails="error"))]
    folder.runs.sort(key=lambda entry: (entry["arm"], entry["point"][WEIGHT], entry["seed"]))
    folder.finish(ids[2], rows_of(Truth(grok=900), 3, 3000), Budget.model_validate(BUDGET))
    store.run(ids[3]).put_measured("rank", [{"step": 0, "rank": 2.0}])
    folder.write()
    again = collect(store, name)
    assert sorted(counted) == sorted(f"runs/{each}" for each in (ids[2], ids[3], new[0]))
    assert len(store.names(f"sweeps/{name}/tables/history")) == 1
    forget(store, name)
    same(again, collect(store, name))


def test_a_run_that_is_damaged_later_or_taken_out_is_not_shown_from_what_was_kept(store):
    name = filled(store, lambda *_: Truth())
    ids = collect(store, name).runs["run_id"].tolist()
    store.run(ids[0]).put_bytes("history.parquet", b"PAR1")
    store.run(ids[1]).reset()
    manifest = store.manifest(name)
    store.put_json(f"sweeps/{name}/manifest.json", manifest | {"runs": manifest["runs"][:-1]})
    tables = collect(store, name)
    assert tables.runs["state"].tolist()[:3] == ["damaged", "missing", "done"] and len(tables.runs) == 17
    assert set(tables.history["run_id"]) == set(ids[2:-1])


@pytest.mark.parametrize("file", ["readings.json", "readings.parquet", "history"])
@pytest.mark.parametrize("damage", ["absent", "cut", "other"])
def test_what_was_kept_is_not_believed_when_it_is_damaged(store, file, damage):
    name = quickstart(store)
    into = f"sweeps/{name}/tables"
    first = collect(store, name)
    path = f"{into}/{file}" if file != "history" else f"{into}/history/{store.names(f'{into}/history')[0]}"
    data = store.get(path)
    store.remove(path)
    if damage != "absent":
        store.put(path, data[: len(data) // 2] if damage == "cut" else data[:-40] + b"x" * 40)
    same(collect(store, name), first)


def test_rows_that_vanish_while_tables_are_in_use_are_read_from_the_runs(store):
    name = filled(store, lambda *_: Truth())
    tables, other = collect(store, name), collect(store, name)
    forget(store, name)
    assert tables.history["test_acc"].tolist() == other.history["test_acc"].tolist()
    assert other.readings[3].rows.num_rows == int(tables.runs["n_evaluations"][3])


def test_other_thresholds_are_judged_without_reading_runs_again(store, counted):
    name = filled(store, lambda arm, weight, seed: Truth(acc=0.97, grok=500 + 25 * seed))
    collect(store, name)
    counted.clear()
    strict, mild = collect(store, name, threshold=0.98), collect(store, name, threshold=0.9)
    assert not counted and not strict.runs["event"].any() and mild.runs["event"].all()
    forget(store, name)
    same(mild, collect(store, name, threshold=0.9))


def test_where_nothing_can_be_written_tables_are_the_same(store, monkeypatch):
    name = quickstart(store)
    put = Store.put

    def refused(self, path, data):
        if "/tables/" in path:
            raise PermissionError(13, "read-only")
        put(self, path, data)

    monkeypatch.setattr(Store, "put", refused)
    first = collect(store, name)
    assert store.names(f"sweeps/{name}/tables") == []
    monkeypatch.undo()
    same(collect(store, name), first)
    assert store.names(f"sweeps/{name}/tables/history")


def test_many_runs_are_in_several_files_and_small_ones_are_joined(store, monkeypatch):
    monkeypatch.setattr(packing, "MOST_RUNS", 4)
    monkeypatch.setattr(gathering, "FEW_RUNS", 3)
    folder = Folder(store, arms=("all",))
    for seed in range(9):
        folder.add("all", {WEIGHT: 0.0}, seed, Truth(grok=500 + 25 * seed))
    name = folder.write()
    assert len(collect(store, name).readings) == 9
    before = store.names(f"sweeps/{name}/tables/history")
    assert len(before) == 3
    folder.add("all", {WEIGHT: 0.0}, 9, Truth(grok=None))
    folder.write()
    tables = collect(store, name)
    after = store.names(f"sweeps/{name}/tables/history")
    assert len(after) == 3 and len(set(before) & set(after)) == 2
    assert (objective(tables, "test_acc", 610) > 0.5).tolist() == [seed <= 4 for seed in range(9)] + [False]
    assert tables.history["run_id"].drop_duplicates().tolist() == tables.runs["run_id"].tolist()


def test_what_a_stranger_kept_is_not_taken_for_ours(store):
    """A copy of a folder has other stamps: what was kept there is not believed here."""
    name = filled(store, lambda *_: Truth())
    collect(store, name)
    index = json.loads(store.get(f"sweeps/{name}/tables/readings.json"))
    for each in index["parts"][0]["readings"]:
        each["outcome"] = "diverged"
        each["stamp"] = "1 2 3 4 | None | None"
    store.put(f"sweeps/{name}/tables/readings.json", json.dumps(index).encode())
    assert (collect(store, name).runs["outcome"] == "target_reached").all()


def test_several_processes_read_what_one_would(store, monkeypatch):
    monkeypatch.setattr(packing, "MOST_RUNS", 4)
    folder = Folder(store, arms=("all",))
    for seed in range(9):
        folder.add("all", {WEIGHT: 0.0}, seed, Truth(fails="error") if seed == 7 else Truth(grok=500 + 25 * seed))
    name = folder.write()
    alone = collect(store, name)
    forget(store, name)
    monkeypatch.setattr(side_by_side, "AT_LEAST", 3)
    monkeypatch.setattr(side_by_side, "usable_cpus", lambda: 4)
    here = []
    monkeypatch.setattr(side_by_side, "read_new", lambda *of: here.append([*of[2]]) or read_new(*of))
    together = collect(store, name)
    assert [len(each) for each in here] == [3]
    same(together, alone)
    monkeypatch.undo()
    same(collect(store, name), alone)


@pytest.mark.parametrize("gone", ["it cannot be started", "it is killed"])
def test_what_another_process_does_not_read_is_read_here(store, monkeypatch, gone):
    name = filled(store, lambda *_: Truth())
    alone = collect(store, name)
    forget(store, name)
    monkeypatch.setattr(side_by_side, "n_processes", lambda n: 2)
    monkeypatch.setattr(side_by_side.sys, "executable", "/nowhere/python" if gone == "it cannot be started" else "/bin/false")
    same(collect(store, name), alone)
