"""From folder to record: interrupted, killed or damaged at any point, the next attempt ends with the same results."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
from dataclasses import asdict
from math import gcd

import pytest

from lal.budget import Budget, Stop, Tail
from lal.config import run_id
from lal.runs.packing import unpacked
from lal.runs.session import Interrupted, attempt
from lal.standing import standing
from lal.store import Failure, Record, Store, encoded_arrays, kept_name
from tests.lal.small import run_config
from tests.lal.test_metrics import equal
from tests.lal.walk import Walk, WalkMeasure

BUDGET = {"steps": 8, "stop": None, "checkpoint_every_s": 1e-9}  # every row is saved
# a slow metric is also read on the last row, wherever a budget puts that
METRICS = ["accuracy", "gates", "functional_depth", "weight_norm"]
EVERY_2 = {"eval_every": 2, "metrics": METRICS, "every": {"functional_depth": 2}, "snapshot_every": 4, "save_every": 8}
GUMBEL = run_config("gated-gumbel", {"kind": "adamw", "lr": 0.01, "batch_size": 5}, budget=BUDGET, measure=EVERY_2)
CONFIGS = {
    "gumbel": GUMBEL,
    "routed": run_config(
        "routed", budget=BUDGET, measure={"eval_every": 2, "metrics": ["accuracy", "price", "routing"]}, penalties={"routing": {"kind": "gini", "weight": 0.1}}
    ),
    "walk": Walk(budget=Budget(**BUDGET), measure=WalkMeasure(eval_every=2)),
}
KINDS = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
HARDEST = pytest.mark.parametrize("config", [CONFIGS["gumbel"], CONFIGS["walk"]], ids=["gumbel", "walk"])  # most to save, and another kind


def with_budget(config, **changes):
    return config.model_copy(update={"budget": config.budget.model_copy(update=changes)})


def untimed(rows):
    """The rows without what differs between two equal runs, and without nulls, which are not stored."""
    return [{name: value for name, value in row.items() if name != "seconds" and value is not None} for row in rows]


def results(config, store):
    """All that a finished run left, but its times and what depends on them."""
    folder = store.run(run_id(config))
    checkpoint, best = unpacked(folder.get_bytes("checkpoint.pt")), unpacked(folder.get_bytes("best.pt"))
    state = state_of(folder.get_bytes("checkpoint.pt"))
    arrays = {step: encoded_arrays(folder.arrays(step)) for step in folder.snapshots()}
    kept = {step: state_of(folder.get_bytes(kept_name(step))) for step in folder.kept()}
    record = {name: value for name, value in asdict(folder.record()).items() if name not in ("seconds", "history_sha256", "environment")}
    names = sorted(path.name for path in (store.root / folder.path).rglob("*") if path.is_file())
    counted = {name: checkpoint[name] for name in ("step", "rows", "trajectory")}
    found = {"history": untimed(folder.history()), "state": state, "best": best, "record": record, "names": names, "checkpoint": counted}
    return found | {"arrays": arrays, "kept": kept}


def state_of(data):
    return {name: value for name, value in unpacked(data)["state"].items() if name != "seconds"}


def assert_same(config, store, expected):
    found = results(config, store)
    assert found["history"] == expected["history"]
    assert found["record"] == expected["record"]
    assert found["names"] == expected["names"]
    assert found["arrays"] == expected["arrays"]
    assert equal(found["kept"], expected["kept"])
    assert found["checkpoint"] == expected["checkpoint"]
    assert equal(found["state"], expected["state"])
    assert equal(found["best"], expected["best"])


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The results of one go at a run, from a folder of its own; worked out once for each configuration."""
    known = {}

    def of(config):
        if config.model_dump_json() not in known:
            store = Store(tmp_path_factory.mktemp("whole"))
            assert isinstance(attempt(config, store), Record)
            known[config.model_dump_json()] = results(config, store)
        return known[config.model_dump_json()]

    return of


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """Nothing here cuts the power, so nothing need wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda number: None)


@KINDS
def test_a_run_leaves_its_history_record_and_weights(config, store):
    reported = []
    record = attempt(config, store, report=reported.append)
    assert isinstance(record, Record)
    assert (record.outcome, record.steps, record.run_id) == ("budget", 8, run_id(config))
    assert record.trajectory == config.whole_trajectory()
    assert [row["step"] for row in reported] == [0, 2, 4, 6, 8]
    folder = store.run(record.run_id)
    assert untimed(folder.history()) == untimed(reported)
    assert folder.config() == config.model_dump(mode="json")
    assert record.seconds == folder.history()[-1]["seconds"]


@KINDS
def test_a_finished_run_is_not_trained_again(config, store, monkeypatch):
    record = attempt(config, store)
    monkeypatch.setattr(type(config), "start", lambda *_: pytest.fail("it was started"))
    rows = []
    assert attempt(config, store, report=rows.append) == record
    assert rows == []


@KINDS
def test_best_weights_are_those_of_the_highest_goal_the_earliest_on_ties(config, store, tmp_path):
    attempt(config, store)
    folder = store.run(run_id(config))
    values = [(row["step"], row[config.goal.column]) for row in folder.history()]
    sign = 1 if config.goal.direction == "max" else -1
    step, value = max(values, key=lambda pair: (sign * pair[1], -pair[0]))
    best = unpacked(folder.get_bytes("best.pt"))
    assert (best["step"], best["goal"]) == (step, value)
    if step > 0:
        short = with_budget(config, steps=step)
        attempt(short, other := Store(tmp_path / "short"))
        state = unpacked(other.run(run_id(short)).get_bytes("checkpoint.pt"))["state"]
        assert equal(best["weights"], state["network"] if "network" in state else {"x": state["x"]})


def stop_after(rows):
    seen = []
    return {"report": seen.append, "stop_asked": lambda: len(seen) >= rows}


@KINDS
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_interrupted_every_few_rows_it_ends_as_in_one_go(config, rows, store, uninterrupted):
    attempts = 0
    while True:
        attempts += 1
        try:
            assert isinstance(attempt(config, store, **stop_after(rows)), Record)
            break
        except Interrupted:
            assert standing(config, store).state == "continue"
    assert attempts == {1: 5, 2: 3, 3: 2}[rows]
    assert_same(config, store, uninterrupted(config))


@KINDS
def test_timed_out_attempts_get_on_and_end_as_in_one_go(config, store, uninterrupted):
    hurried = with_budget(config, timeout_s=1e-9)
    outcomes = []
    while not isinstance(result := attempt(hurried, store), Record):
        outcomes.append((result.outcome, result.step))
        assert store.run(run_id(config)).failure() == result
    assert outcomes == [("timeout", 0), ("timeout", 2), ("timeout", 4), ("timeout", 6)]
    found, expected = results(hurried, store), uninterrupted(config)
    assert found["history"] == expected["history"]
    assert equal(found["state"], expected["state"])


class Killed(BaseException):
    """As kill -9: nothing that runs afterwards reaches the disk."""


class DyingStore(Store):
    """Dies before its n-th change of the disk. (On disk, after a change is before the next one.)"""

    def __init__(self, root, dies_before):
        super().__init__(root)
        self.changes, self.dies_before = 0, dies_before

    def _change(self, change, *values):
        if self.changes == self.dies_before - 1:
            raise Killed
        self.changes += 1
        return change(*values)

    def put(self, path, data):
        return self._change(super().put, path, data)

    def create(self, path, data):
        return self._change(super().create, path, data)

    def remove(self, path):
        return self._change(super().remove, path)


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
            finished = isinstance(attempt(config, DyingStore(root, number)), Record)
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


DAMAGES = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "zeroed": lambda data: bytes(len(data)),
    "short of one byte": lambda data: data[:-1],
}


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
        data = (store.root / name).read_bytes()
        (store.root / name).write_bytes(DAMAGES[damage](data))
        assert isinstance(attempt(config, store), Record), name
        found = results(config, store) if name.name != "best.pt" else None
        assert untimed(store.run(run_id(config)).history()) == expected["history"], name
        assert found is None or all(equal(found[each], expected[each]) for each in ("state", "arrays", "kept")), name


@HARDEST
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["record.json", "history.parquet", "checkpoint.pt", "best.pt", "config.json"])
@pytest.mark.parametrize("steps", [8, 12])
def test_any_damaged_file_of_a_finished_run_costs_work_not_results(config, damage, name, steps, store, uninterrupted):
    attempt(config, store)
    path = store.root / store.run(run_id(config)).path / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    asked = with_budget(config, steps=steps)
    record = attempt(asked, store)
    assert isinstance(record, Record)
    assert record.steps == steps
    assert untimed(store.run(run_id(config)).history()) == uninterrupted(asked)["history"]


@HARDEST
@pytest.mark.parametrize("name", ["checkpoint.pt", "arrays/step-000000000.npz", "checkpoints/step-000000000.pt", "history/part-00001.parquet"])
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


@KINDS
def test_a_run_that_lost_nothing_has_no_notes(config, store):
    with pytest.raises(Interrupted):
        attempt(config, store, **stop_after(3))
    resumed = []
    record = attempt(config, store, resumed=resumed.extend)
    assert isinstance(record, Record)
    assert "notes" not in record.environment
    assert [row["step"] for row in resumed] == [0, 2, 4]


@pytest.mark.parametrize("kept", [{"snapshot_every": 2}, {"save_every": 2}, {"snapshot_every": 6, "save_every": 6}])
def test_what_was_not_kept_is_kept_by_training_again_to_the_same_end(kept, store, tmp_path):
    """Asked for after the run was finished, with both askers served."""
    config = GUMBEL
    attempt(config, store)
    measure = config.measure.model_copy(update=kept)
    asked = config.model_copy(update={"measure": measure})
    words = {"snapshot_every": "snapshots", "save_every": "checkpoints"}
    lacking = " and ".join(f"{words[name]} every {steps} steps" for name, steps in kept.items())
    stands = standing(asked, store)
    assert (stands.state, stands.reason) == ("again", f"its record lacks {lacking}")
    assert isinstance(attempt(asked, store), Record)
    both = {name: gcd(getattr(config.measure, name), getattr(measure, name)) for name in words}
    attempt(config.model_copy(update={"measure": config.measure.model_copy(update=both)}), other := Store(tmp_path / "other"))
    found, expected = results(asked, store), results(asked, other)
    assert found["names"] == expected["names"]
    assert found["record"] == expected["record"]
    assert all(equal(found[each], expected[each]) for each in ("history", "state", "arrays", "kept"))
    assert standing(asked, store).state == standing(config, store).state == "done"


def test_a_run_that_is_extended_has_no_snapshot_of_its_first_end_unless_that_is_due(store):
    at_end = run_config("gated", measure={"eval_every": 2, "metrics": ["accuracy"]}, budget=BUDGET)
    attempt(with_budget(at_end, steps=3), store)
    folder = store.run(run_id(at_end))
    assert (folder.snapshots(), folder.kept()) == ([3], [])
    attempt(at_end, store)
    assert (folder.snapshots(), folder.kept()) == ([8], [])


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


@pytest.mark.parametrize(
    ("error", "outcome"), [(ValueError("wrong"), "error"), (MemoryError(), "out_of_memory"), (RuntimeError("can't allocate memory: 9 bytes"), "out_of_memory")]
)
def test_a_crash_is_noted_with_its_traceback_and_made_good_by_the_next_attempt(error, outcome, store, uninterrupted):
    def crash(row):
        if row["step"] == 4:
            raise error

    failure = attempt(GUMBEL, store, report=crash)
    folder = store.run(run_id(GUMBEL))
    assert isinstance(failure, Failure)
    assert failure == folder.failure()
    assert (failure.outcome, failure.step) == (outcome, 4)
    assert "Traceback" in failure.traceback
    assert type(error).__name__ in failure.reason
    assert standing(GUMBEL, store).failed == outcome
    assert isinstance(attempt(GUMBEL, store), Record)
    assert folder.failure() is None
    assert_same(GUMBEL, store, uninterrupted(GUMBEL))


@KINDS
def test_more_budget_continues_and_equals_one_go(config, store, uninterrupted):
    attempt(with_budget(config, steps=4), store)
    rows = []
    attempt(config, store, report=rows.append)
    assert [row["step"] for row in rows] == [6, 8]
    assert_same(config, store, uninterrupted(config))


@KINDS
def test_less_budget_than_was_saved_ends_there_and_loses_nothing(config, store, uninterrupted):
    with pytest.raises(Interrupted):
        attempt(config, store, **stop_after(4))
    record = attempt(with_budget(config, steps=2), store)
    assert isinstance(record, Record)
    assert (record.outcome, record.steps) == ("budget", 2)
    rows = []
    attempt(config, store, report=rows.append)
    assert [row["step"] for row in rows] == [8]
    assert_same(config, store, uninterrupted(config))


def test_a_higher_target_continues_and_equals_one_go(store, uninterrupted):
    def aimed(at_least):
        stop = Stop(at_least=at_least, sustain=2, tail=Tail(factor=0.5, min_steps=2))
        return Walk(drift=-1.0, seed=3, budget=Budget(steps=200, stop=stop, checkpoint_every_s=1e-9))

    easy = attempt(aimed(-3), store)
    hard = attempt(aimed(-12), store)
    assert isinstance(easy, Record)
    assert isinstance(hard, Record)
    assert easy.outcome == hard.outcome == "target_reached"
    assert easy.steps < hard.steps
    assert_same(aimed(-12), store, uninterrupted(aimed(-12)))


def test_a_record_that_lacks_a_metric_is_trained_again_for_both_askers(store):
    def asking(*metrics):
        return run_config("gated", measure={"eval_every": 2, "metrics": ["accuracy", *metrics]})

    attempt(asking("margin"), store)
    first = store.run(run_id(asking())).history()
    assert isinstance(attempt(asking("weight_norm"), store), Record)
    both = store.run(run_id(asking())).history()
    assert all({"train_margin", "weight_norm"} <= row.keys() for row in both)
    assert [{name: row[name] for name in old if name != "seconds"} for old, row in zip(first, both, strict=True)] == untimed(first)
    for config in (asking("margin"), asking("weight_norm"), asking("margin", "weight_norm"), asking()):
        assert standing(config, store).state == "done"


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
