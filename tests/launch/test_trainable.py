"""A worker's side of a run: what it does when results are away as it begins, or refuse it, and what it says of rows that come twice."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from lal.claim import started
from lal.config import RunConfig, run_id
from lal.errors import Unreachable
from lal.runs.session import attempt
from lal.store import Record, Store, views
from lal.store.local import Local
from launch import trainable
from launch.trainable import Reporter, Stop, free_first, heard, refuse_unshared, train
from tests.lal.small import run_config
from tests.launch.test_feeding import RUNS


def trained(config: RunConfig, root: str) -> list[dict[str, Any]]:
    """What a worker says of a run."""
    said: list[dict[str, Any]] = []
    job = {"results": root, "schedule": None, "call": "c", "share": {"cpu": 1}}
    train(config, job, "cpu", said.append, Stop(job))
    return said


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The next so many questions, of each kind, that results do not answer."""
    monkeypatch.setattr(views, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(views, "LONGEST_PAUSE_S", 0.001)
    left = {"get": 0, "has": 0}

    def failing(name: str) -> Any:
        answer = getattr(Local, name)

        def asked(self: Local, path: str, *more: Any) -> Any:
            if left[name] > 0:
                left[name] -= 1
                raise Unreachable(f"{path} cannot be read")
            return answer(self, path, *more)

        return asked

    for name in left:
        monkeypatch.setattr(Local, name, failing(name))
    return left


def test_a_run_begins_although_its_results_are_away_for_a_while(tmp_path: Path, away: dict[str, int]) -> None:
    away["get"] = 3
    assert trained(RUNS[0], str(tmp_path))[-1]["outcome"] == "budget"
    Store(tmp_path).put(".shared-1", b"")
    away["has"] = 3
    refuse_unshared({"results": str(tmp_path), "token": ".shared-1"})
    assert away == {"get": 0, "has": 0}


def test_a_run_that_is_refused_has_failed_for_good(tmp_path: Path) -> None:
    """Another worker would say the same: it is no reason to end this one, which the rest of its pack waits for."""
    store = Store(tmp_path)
    other = run_config()
    record = attempt(other, store)
    assert isinstance(record, Record)
    name = run_id(RUNS[0])
    text = store.get(f"{store.run(run_id(other)).path}/record.json")
    assert text is not None
    store.put(f"{store.run(name).path}/record.json", text.replace(run_id(other).encode(), name.encode()))
    last = trained(RUNS[0], str(tmp_path))[-1]
    assert last["outcome"] == "error"
    assert "must have the trajectory that is asked for" in last["reason"]
    failure = store.run(name).failure()
    assert failure is not None
    assert failure.outcome == "error"


def rows(*steps: int) -> list[dict[str, Any]]:
    """Rows of which all from step 20 on are good."""
    good = {step: float(step >= 20) for step in steps}
    return [{"step": step, "seconds": 0.1, "test_acc": value, "train_acc": value} for step, value in good.items()]


def test_a_run_that_begins_again_is_reported_as_if_it_had_not() -> None:
    once, twice = ([], [])
    straight, again = Reporter(RUNS[0], once.append), Reporter(RUNS[0], twice.append)
    for row in rows(0, 10, 20, 30, 40, 50):
        straight.see(row)
    again.catch_up(rows(0, 10, 20))
    for row in rows(30, 40):
        again.see(row)
    again.catch_up(rows(0, 10, 20, 30))
    for row in (*rows(40, 50), *rows(10, 20, 30, 40, 50)):  # at last from an early step on, without a word
        again.see(row)
    assert (again.steps, again.fit, again.goal) == (straight.steps, straight.fit, straight.goal)
    assert straight.steps == [0, 10, 20, 30, 40, 50]
    facts = ("step", "t_mem", "t_grok", "test_acc")
    assert [again._facts(50)[name] for name in facts] == [straight._facts(50)[name] for name in facts]


def test_a_run_that_may_be_silent_for_ever_shows_no_threads_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    armed: list[float | None] = []
    monkeypatch.setattr(trainable.faulthandler, "dump_traceback_later", lambda seconds, file: armed.append(seconds))
    monkeypatch.setattr(trainable.faulthandler, "cancel_dump_traceback_later", lambda: armed.append(None))
    heard(lambda facts: None, 10.0)({})
    assert armed == [None, 9.0, 9.0]
    heard(lambda facts: None, None)({})
    assert armed[-1] is None


def test_a_run_that_another_driver_trains_comes_last_of_its_pack(tmp_path: Path) -> None:
    store, runs = Store(tmp_path), [{"run_id": run_id(config)} for config in RUNS[:3]]
    parent = {"host": socket.gethostname(), "pid": os.getppid(), "started": started(os.getppid()), "beat": 0}
    store.run(runs[0]["run_id"]).put_bytes("claim.json", json.dumps(parent).encode())
    store.run(runs[1]["run_id"]).put_bytes("claim.json", json.dumps({**parent, "started": "0"}).encode())
    assert list(free_first(runs, store)) == [runs[1], runs[2], runs[0]]
