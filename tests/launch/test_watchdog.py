"""Silence of workers: what counts as hanging, and what is written of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lal.config import run_id
from lal.runs.session import attempt
from lal.store import Failure, Store
from launch.driving.packs import job_of
from launch.driving.trial import Trial
from launch.driving.watchdog import START_S, Watchdog, Watched, hung, note_hung
from tests.lal.small import run_config

IDS = ["a", "b", "c"]


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def params(hang_s: float | None = 10.0) -> dict[str, Any]:
    return {"job": {"ids": IDS, "hang_s": [hang_s] * len(IDS)}}


def silence(dog: Watchdog, clock: Clock, seconds: float) -> list[str]:
    """Trials that are found to hang, looked at ten times a second."""
    found = []
    for _ in range(round(10 * seconds)):
        clock.now += 0.1
        found += dog.hanging()
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dog(clock: Clock) -> Watchdog:
    return Watchdog(clock)


def test_who_says_something_in_time_does_not_hang(dog: Watchdog, clock: Clock) -> None:
    dog.begin("t", params())
    for step in range(5):
        assert silence(dog, clock, 9.5) == []
        dog.hear("t", {"run_id": "a", "step": step})
    assert silence(dog, clock, 20) == ["t"]


def test_who_never_says_anything_hangs_too(dog: Watchdog, clock: Clock) -> None:
    """After the time that a worker may need to start."""
    dog.begin("t", params())
    dog.begin("patient", params(hang_s=None))
    assert silence(dog, clock, START_S - 0.2) == []
    assert silence(dog, clock, 1000) == ["t"]


def test_each_run_of_a_pack_has_its_own_limit(dog: Watchdog, clock: Clock) -> None:
    dog.begin("t", {"job": {"ids": IDS, "hang_s": [None, 5.0, 50.0]}})
    assert silence(dog, clock, 100) == []
    dog.hear("t", {"run_id": "a", "step": 9, "outcome": "budget"})
    assert silence(dog, clock, 4.8) == []
    dog.hear("t", {"run_id": "b", "step": 9, "outcome": "budget"})
    assert silence(dog, clock, 49) == []
    assert silence(dog, clock, 2) == ["t"]


def test_a_driver_that_was_stopped_blames_nobody(dog: Watchdog, clock: Clock) -> None:
    dog.begin("t", params())
    clock.now += 3600
    assert dog.hanging() == {}


def test_who_is_done_is_not_watched(dog: Watchdog, clock: Clock) -> None:
    dog.begin("t", params())
    dog.end("t")
    assert silence(dog, clock, 100) == []


def test_the_run_in_training_is_named_with_what_it_said_last(dog: Watchdog, clock: Clock) -> None:
    dog.begin("t", params())
    dog.hear("t", {"run_id": "a", "step": 40, "outcome": "budget", "test_accuracy": 1.0})
    clock.now += 0.5
    dog.hear("t", {"run_id": "b", "step": 30, "outcome": None, "test_accuracy": 0.25})
    while not (hanging := dog.hanging()):
        clock.now += 0.5
    failure = hung(hanging["t"])
    assert (failure.run_id, failure.outcome, failure.step) == ("b", "timeout", 30)
    assert failure.reason == "it hung: no row for 10 s after step 30"
    assert '"test_accuracy": 0.25' in failure.traceback


def test_a_run_that_hangs_before_its_first_row_is_named_without(dog: Watchdog, clock: Clock) -> None:
    dog.begin("t", params())
    dog.hear("t", {"run_id": "a", "step": 40, "outcome": "budget"})
    while not (hanging := dog.hanging()):
        clock.now += 0.5
    failure = hung(hanging["t"])
    assert (failure.run_id, failure.step) == ("b", 0)
    assert failure.reason == "it hung: no row for 10 s before its first row"


def test_a_run_that_is_over_does_not_hang_and_one_that_does_is_named_with_its_worker(tmp_path: Path) -> None:
    """The worker may be silent for what it has to do after its last run, or finish that while the driver looks."""
    config, store = run_config(), Store(tmp_path)
    folder, params = store.run(run_id(config)), {"job": job_of((config,), Trial("t", store, {"cpu": 1}, "cpu"))}
    worker = Watched({run_id(config): 10.0}, heard=True)
    folder.put_bytes("claim.json", b'{"host": "node-7", "pid": 4711, "started": "", "beat": 3, "log": "/tmp/ray/worker-4711.err"}')
    note_hung(store, worker, params)
    failure = folder.failure()
    assert failure is not None
    assert failure.reason == "it hung: no row for 10 s before its first row, in process 4711 on node-7, which logged to /tmp/ray/worker-4711.err"
    first = Failure(run_id(config), "error", "it broke", 3)
    folder.fail(first)
    note_hung(store, worker, params)
    assert folder.failure() == first
    folder.forgive()
    attempt(config, store)
    note_hung(store, worker, params)
    assert folder.failure() is None
