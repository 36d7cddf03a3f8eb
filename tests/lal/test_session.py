"""From folder to record: what a run leaves, and that it may be interrupted at any point."""

from __future__ import annotations

from contextlib import suppress

import pytest

from lal.config import run_id
from lal.runs import stepping
from lal.runs.session import Interrupted, attempt
from lal.standing import standing
from lal.store import Failure, Record, Store
from tests.lal.sessions import GUMBEL, KINDS, assert_same, results, stop_after, untimed, whole, with_budget
from tests.lal.test_metrics import equal

pytestmark = pytest.mark.usefixtures("quick_disk")


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
    best = whole(folder.get_bytes("best.pt"))
    assert (best["step"], best["goal"]) == (step, value)
    if step > 0:
        short = with_budget(config, steps=step)
        attempt(short, other := Store(tmp_path / "short"))
        state = whole(other.run(run_id(short)).get_bytes("checkpoint.pt"))["state"]
        assert equal(best["weights"], state["network"] if "network" in state else {"x": state["x"]})


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


def test_interrupted_between_two_rows_it_ends_as_in_one_go(store, uninterrupted, monkeypatch):
    monkeypatch.setattr(stepping, "PULSE_S", 0.0)
    attempts = 0
    while not isinstance(interrupted(GUMBEL, store, rows=1), Record):
        attempts += 1
    assert attempts == 8
    assert_same(GUMBEL, store, uninterrupted(GUMBEL))


def interrupted(config, store, rows):
    """The record, if the run ends before it is interrupted."""
    with suppress(Interrupted):
        return attempt(config, store, **stop_after(rows))


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


@KINDS
def test_a_run_that_lost_nothing_has_no_notes(config, store):
    with pytest.raises(Interrupted):
        attempt(config, store, **stop_after(3))
    resumed = []
    record = attempt(config, store, resumed=resumed.extend)
    assert isinstance(record, Record)
    assert "notes" not in record.environment
    assert [row["step"] for row in resumed] == [0, 2, 4]


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
