"""Killed or damaged at any point, the next attempt at a run ends with the same results."""

from __future__ import annotations

import errno
import os
import pickle
import shutil

import pytest

from lal.config import run_id
from lal.runs.packing import unpacked
from lal.runs.session import Interrupted, attempt
from lal.store import Failure, Record, Store
from tests.lal.sessions import CONFIGS, DAMAGES, GUMBEL, HARDEST, KINDS, Killed, assert_same, dying, results, stop_after, untimed, with_budget
from tests.lal.test_metrics import equal

pytestmark = pytest.mark.usefixtures("quick_disk")


def begun(config, store):
    """Nothing was there."""


def finished_short(config, store):
    """The run was finished with half the budget."""
    assert isinstance(attempt(with_budget(config, steps=4), store), Record)


def measured_less(config, store):
    """The run was finished with fewer rows."""
    values = config.model_dump(mode="json")
    values["measure"] = {"eval_every": 8, **({"metrics": ["accuracy"]} if config.kind == "supervised" else {})}
    assert isinstance(attempt(type(config).model_validate(values), store), Record)


SCENES = {"begun": begun, "finished_short": finished_short, "measured_less": measured_less}


@HARDEST
@pytest.mark.parametrize("scene", SCENES)
def test_killed_before_and_after_every_change_of_the_disk_it_ends_as_in_one_go(config, scene, tmp_path, uninterrupted):
    expected = uninterrupted(config)
    SCENES[scene](config, Store(tmp_path / "scene"))
    (tmp_path / "scene").mkdir(exist_ok=True)
    number, finished = 0, False
    while not finished:
        number += 3 if config is GUMBEL else 1  # the walk, which costs nothing, is killed at every change; the other at every third
        root = shutil.copytree(tmp_path / "scene", tmp_path / str(number))
        try:
            finished = isinstance(attempt(config, dying(root, number)), Record)
        except Killed:
            rows = []
            assert isinstance(attempt(config, Store(root), report=rows.append), Record), number
            if scene == "finished_short":
                assert all(row["step"] > 4 for row in rows), f"work was repeated after a kill before change {number}"
        assert_same(config, Store(root), expected)
    assert number > 10


def interrupted_folder(config, store):
    """A folder with parts, a checkpoint, a failure and a claim of a dead owner."""
    with pytest.raises(Interrupted):
        attempt(config, store, **stop_after(3))
    folder = store.run(run_id(config))
    folder.fail(Failure(run_id(config), "error", "x", 4))
    folder.put_bytes("claim.json", b'{"host": "elsewhere", "pid": 1, "started": "", "beat": 0}')


@pytest.mark.parametrize(("config", "damage"), [*((CONFIGS["walk"], damage) for damage in DAMAGES), (GUMBEL, "half"), (GUMBEL, "short of one byte")])
def test_any_damaged_file_of_an_interrupted_run_costs_work_not_results(config, damage, tmp_path, monkeypatch, uninterrupted):
    monkeypatch.setattr("lal.claim.SILENCE_S", 0.0)
    monkeypatch.setattr("lal.runs.session.WAIT_S", 0.0)
    expected = uninterrupted(config)
    scene = tmp_path / "scene"
    interrupted_folder(config, Store(scene))
    names = [path.relative_to(scene) for path in scene.rglob("*") if path.is_file()]
    assert {name.name for name in names} >= {"checkpoint.pt", "config.json", "failure.json", "best.pt", "claim.json", "part-00001.parquet"}
    for name in names:
        store = Store(shutil.copytree(scene, tmp_path / name.name))
        data = (store.place.root / name).read_bytes()
        (store.place.root / name).write_bytes(DAMAGES[damage](data))
        assert isinstance(attempt(config, store), Record), name
        found = results(config, store)
        assert found["history"] == expected["history"], name
        assert all(equal(found[each], expected[each]) for each in ("state", "arrays", "kept", "best")), name


@pytest.mark.parametrize(("config", "damage"), [*((CONFIGS["walk"], damage) for damage in DAMAGES), (GUMBEL, "half")])
@pytest.mark.parametrize("name", ["record.json", "history.parquet", "checkpoint.pt", "best.pt", "config.json"])
@pytest.mark.parametrize("steps", [8, 12])
def test_any_damaged_file_of_a_finished_run_costs_work_not_results(config, damage, name, steps, tmp_path, finished, uninterrupted):
    store = Store(shutil.copytree(finished(config), tmp_path / "results"))
    path = store.place.root / store.run(run_id(config)).path / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    asked = with_budget(config, steps=steps)
    record = attempt(asked, store)
    assert isinstance(record, Record)
    assert record.steps == steps
    expected = uninterrupted(asked)
    assert untimed(store.run(run_id(config)).history()) == expected["history"]
    assert steps == 8 or equal(results(asked, store)["best"], expected["best"])  # where nothing is to do, weights are not looked at


@HARDEST
@pytest.mark.parametrize("name", ["checkpoint.pt", "best.pt", "arrays/step-000000000.npz", "checkpoints/step-000000000.pt", "history/part-00001.parquet"])
def test_what_was_lost_and_made_good_is_said_in_the_record_even_after_another_interruption(config, name, store):
    interrupted_folder(config, store)
    folder = store.run(run_id(config))
    store.remove(f"{folder.path}/claim.json")
    folder.put_bytes(name, b"PK")
    with pytest.raises(Interrupted):
        attempt(config, store, **stop_after(1))
    record = attempt(config, store)
    assert isinstance(record, Record)
    lost = "its history" if name.startswith("history") else name
    assert record.environment["notes"] == [f"{lost} was damaged or missing: trained again from step 0"]


def dying_between(root, n):
    """Dies where the checkpoint of the `n`-th save is due, its part and best weights written."""
    store, left = Store(root), [n]
    put = store.place.put

    def counted(path, data):
        left[0] -= path.endswith("checkpoint.pt")
        if not left[0]:
            raise Killed
        put(path, data)

    store.place.put = counted
    return store


@HARDEST
@pytest.mark.parametrize("n", [2, 3, 4])
def test_best_weights_of_a_row_that_a_kill_lost_are_not_those_of_a_run_that_ends_before_it(config, n, store, uninterrupted):
    with pytest.raises(Killed):
        attempt(config, dying_between(store.where(), n))
    shorter = with_budget(config, steps=2 * (n - 2)) if n > 2 else config  # a budget has a step at least
    assert isinstance(attempt(shorter, store), Record)
    assert equal(results(shorter, store)["best"], uninterrupted(shorter)["best"])


def test_best_weights_that_are_damaged_while_a_run_goes_on_are_trained_again(store, uninterrupted):
    spoilt = []
    monotone = CONFIGS["walk"].model_copy(update={"drift": 5.0})  # its first row is its best
    folder = store.run(run_id(monotone))

    def spoil(row):
        if row["step"] == 8 and not spoilt:
            spoilt.append(row)
            folder.put_bytes("best.pt", b"PK")

    record = attempt(monotone, store, report=spoil)
    assert isinstance(record, Record)
    assert record.environment["notes"] == ["best.pt was damaged or missing: trained again from step 0"]
    assert_same(monotone, store, uninterrupted(monotone))


@KINDS
def test_a_missing_part_is_seen(config, store, uninterrupted):
    interrupted_folder(config, store)
    folder = store.run(run_id(config))
    store.remove(f"{folder.path}/claim.json")
    store.remove(f"{folder.path}/{folder.parts()[0]}")
    assert isinstance(attempt(config, store), Record)
    assert_same(config, store, uninterrupted(config))


@KINDS
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_a_failure_that_the_next_attempt_makes_good(config, call, store, monkeypatch, uninterrupted):
    real, calls = getattr(os, call), []

    def full(*values):
        calls.append(values)
        if len(calls) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*values)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, full)
        failure = attempt(config, store)
    assert isinstance(failure, Failure)
    assert "No space left on device" in failure.reason
    assert isinstance(attempt(config, store), Record)
    assert_same(config, store, uninterrupted(config))


def test_checkpoints_hold_tensors_numbers_and_text_alone(store):
    attempt(GUMBEL, store)
    for name in ("checkpoint.pt", "best.pt"):
        assert unpacked(store.run(run_id(GUMBEL)).get_bytes(name)) is not None  # loaded with weights_only


def test_a_hostile_checkpoint_runs_no_code(store, tmp_path):
    class Hostile:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "owned"),))

    assert unpacked(pickle.dumps(Hostile())) is None
    assert not (tmp_path / "owned").exists()
