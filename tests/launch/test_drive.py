"""Runs that were lost: with a worker, or with its node. Only the second is nobody's fault, and tried again later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ray.core.generated.common_pb2 import ActorDiedErrorContext
from ray.exceptions import ActorDiedError
from rich.console import Console

from lal.config import run_id
from lal.store import Failure, Store
from launch import drive, tuner
from launch.plan import plan
from launch.sweep import load
from launch.trainable import refuse_unshared
from launch.trial import NODE_LOST, Trial
from tests.launch.cli import TINY, written


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> drive.Driver:
    """Of a sweep of four runs, on a cluster that gets new nodes at once."""
    monkeypatch.setattr(drive, "BACK_OFF_S", (0.0, 0.0, 0.0))
    store = Store(tmp_path / "results")
    return drive.Driver(plan(load(str(tmp_path / written(tmp_path, TINY))), store), store, drive.Options(), Console())


def trial_of(driver: drive.Driver) -> Trial:
    return Trial("tiny", driver.store, {"cpu": 1}, "cpu")


@pytest.mark.parametrize(("losses", "calls"), [(0, [4]), (1, [4, 1]), (3, [4, 1, 1, 1]), (9, [4, 1, 1, 1])])
def test_runs_lost_with_their_nodes_are_tried_again(driver: drive.Driver, monkeypatch: pytest.MonkeyPatch, losses: int, calls: list[int]) -> None:
    """The third run loses its node `losses` times; the first loses its worker, which is its own doing."""
    runs, seen = driver.planned.to_train, []
    first, third = (run_id(runs[index]) for index in (0, 2))

    def run_all(asked: Any, trial: Trial, callback: Any) -> None:
        seen.append(len(asked))
        if len(seen) == 1:
            driver.store.run(first).fail(Failure(first, "lost", "the worker died 3 times", 0, ""))
        if len(seen) <= losses:
            driver.store.run(third).fail(Failure(third, "lost", NODE_LOST, 0, ""))

    monkeypatch.setattr(tuner, "run_all", run_all)
    driver._through_lost_nodes(runs, trial_of(driver), None)
    assert seen == calls
    assert driver.store.run(first).failure() is not None
    assert (driver.store.run(third).failure() is None) == (losses <= 3)


@pytest.mark.parametrize(("text", "reason"), [("The actor died because its node has died. Node Id: 00ff", NODE_LOST), ("", "the worker died 3 times")])
def test_a_lost_node_is_told_from_a_lost_worker(text: str, reason: str) -> None:
    failure = tuner.unnoted("run", ActorDiedError(ActorDiedErrorContext(error_message=text, actor_id=bytes(16))))
    assert (failure.outcome, failure.reason) == ("lost", reason)


def test_a_node_that_came_late_looks_for_the_drivers_token(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    job = {"results": str(store.root), "token": ".shared-1"}
    with pytest.raises(ValueError, match="is not that of the driver on"):
        refuse_unshared(job)
    store.put(".shared-1", b"")
    refuse_unshared(job)
    refuse_unshared({**job, "token": None})
