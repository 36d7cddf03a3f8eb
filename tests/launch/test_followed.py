"""What the driver makes of what Tune says: counts of runs that agree, whatever became of workers; and errors of its own that reach the person as they are."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import RayActorError
from ray.tune import Callback
from ray.tune.callback import CallbackList
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from lal.errors import Refused, Unreachable
from lal.runs.session import attempt
from lal.store import Store
from launch import tuner
from launch.driving.feeding import Feed
from launch.driving.guarding import Guard
from launch.driving.trial import Trial
from launch.following.progress import Board, follower
from launch.schedulers.cutting import noting
from launch.tuner import Bridge, error_of
from tests.launch.test_feeding import IDS, RUNS

GONE = RayActorError(error_msg="gone")


class Tune:
    """Stands in for Tune: calls what a bridge gave it, in Tune's order."""

    def __init__(self, store: Store, n: int, callbacks: Any = (), **facts: Any):
        self.board = Board(n, "test_acc", {})
        self.trial = Trial("t", store, {"cpu": 1}, "cpu", ended=self.board.end, **facts)
        seconds = dict.fromkeys(IDS, 1.0)
        schedule = {"kind": "asha"} if facts.get("call") == "scheduled" else None
        self.bridge = Bridge(Feed(store, RUNS[:n], seconds, lambda: 1, schedule=schedule, ended=self.trial.ended), self.trial)
        self.searcher = self.bridge.searcher()
        self.callback = CallbackList([self.bridge.guard.callback([self.bridge.callback(), follower(self.board, ()), *callbacks])])
        self.trials: list[Any] = []

    def start(self) -> Any:
        """A worker begins the next pack."""
        name = f"t{len(self.trials)}"
        params = self.searcher.suggest(name)
        assert isinstance(params, dict)
        self.trials.append(SimpleNamespace(trial_id=name, config=params, pickled_error_file=None, error_file=None))
        self._say("on_trial_start", self.trials[-1])
        return self.trials[-1]

    def report(self, trial: Any, place: int, **facts: Any) -> None:
        """The worker of `trial` reports of one of its runs."""
        self._say("on_trial_result", trial, result={"run_id": trial.config["job"]["ids"][place], "step": 1, "outcome": None, **facts})

    def die(self, trial: Any, tmp_path: Path) -> None:
        trial.pickled_error_file = str(tmp_path / "error.pkl")
        Path(trial.pickled_error_file).write_bytes(pickle.dumps(GONE))
        self._say("on_trial_error", trial)

    def end(self, trial: Any) -> None:
        self._say("on_trial_complete", trial)

    def _say(self, what: str, trial: Any, **facts: Any) -> None:
        getattr(self.callback, what)(iteration=0, trials=self.trials, trial=trial, **facts)


def counts(tune: Tune) -> tuple[int, int, int]:
    """Runs in training, over, and failed."""
    found = tune.board.counts()
    return found["running"], found["done"], found["failed"]


def test_a_pack_that_is_killed_is_not_over(tmp_path: Path) -> None:
    """Its runs wait again; each is counted once, and the one that kills its workers as failed once it is given up."""
    tune = Tune(Store(tmp_path / "results"), 8)
    first = tune.start()
    assert len(first.config["job"]["ids"]) > 2
    tune.report(first, 0)
    tune.report(first, 0, outcome="budget")
    tune.report(first, 1)
    assert counts(tune) == (1, 1, 0)
    tune.die(first, tmp_path)
    assert counts(tune) == (0, 1, 0)
    for tries in (2, 3):
        again = tune.start()
        assert again.config["job"]["ids"] == [IDS[1]]
        tune.report(again, 0)
        assert counts(tune) == (1, 1, 0)
        tune.die(again, tmp_path)
        assert counts(tune) == (0, 2, 1) if tries == 3 else (0, 1, 0)
    rest = tune.start()
    assert rest.config["job"]["ids"][0] == IDS[2]
    assert counts(tune) == (1, 2, 1)


def test_a_run_that_was_finished_when_its_worker_died_is_over(tmp_path: Path) -> None:
    tune = Tune(Store(tmp_path / "results"), 4)
    first = tune.start()
    tune.report(first, 0)
    attempt(RUNS[0], tune.trial.store)
    tune.die(first, tmp_path)
    assert counts(tune) == (0, 1, 0)


def test_a_second_chance_takes_the_first_ones_failure_back() -> None:
    board = Board(2, "test_acc", {})
    board.report("a", {"outcome": "out_of_memory", "reason": "r", "step": 3})
    assert (board.done, board.failed) == (1, 1)
    board.begin("a")
    assert (board.done, board.failed, len(board.running)) == (0, 0, 1)
    board.report("a", {"outcome": "lost", "reason": "r", "step": 3})
    board.report("a", {"outcome": None, "step": 4})
    assert board.line().startswith("0/2 done, 1 running")


@pytest.mark.parametrize("cut", [True, False])
def test_only_what_the_scheduler_cut_is_pruned(tmp_path: Path, cut: bool) -> None:
    """Tune ends runs for want of time, too, and says the same of both."""
    store = Store(tmp_path / "results")
    tune = Tune(store, 1, call="scheduled")

    class Strict(FIFOScheduler):
        def on_trial_result(self, tune_controller: Any, trial: Any, result: dict) -> str:
            return TrialScheduler.STOP

    trial = tune.start()
    if cut:
        scheduler = noting(Strict(), tune.trial, tune.bridge.guard, tune.bridge.cut.add)
        assert scheduler.on_trial_result(None, trial, {"step": 1}) == TrialScheduler.STOP
        assert store.run(IDS[0]).take_cut_note("scheduled")
    tune.report(trial, 0)
    tune.end(trial)
    assert tune.board.outcomes == ({IDS[0]: "pruned"} if cut else {})
    assert counts(tune) == (0, int(cut), 0)


ERRORS = [Refused("no access"), Unreachable("s3://x cannot be read"), OSError(errno.ENOSPC, "No space left on device"), ZeroDivisionError()]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("place", ["callback", "feed", "scheduler"])
def test_an_error_of_the_driver_ends_tune_and_is_raised_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, place: str) -> None:
    calls: list[str] = []

    class Failing(Callback):
        def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            calls.append("start")
            if place == "callback":
                raise error

        def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
            calls.append("result")

    tune = Tune(Store(tmp_path / "results"), 4)
    bridge = tune.bridge

    def fail(*values: Any) -> Any:
        raise error

    def fit(trial: Trial, callback: Any, *, search_alg: Any, scheduler: Any, guard: Guard) -> None:
        """As Tune: asks, starts, hears, and looks whether to stop."""
        if place == "scheduler":
            guard.call(fail, instead=None)
        if place == "feed":
            monkeypatch.setattr(bridge.feed, "next", fail)
        params = search_alg.suggest("a")
        if place != "callback":
            assert params == search_alg.FINISHED
            return
        one = SimpleNamespace(trial_id="a", config=params)
        everything = CallbackList([callback])
        everything.on_trial_start(iteration=0, trials=[one], trial=one)
        assert guard.error is error  # the first, which is what ends Tune
        everything.on_trial_result(iteration=0, trials=[one], trial=one, result={"run_id": IDS[0]})
        assert search_alg.suggest("b") == search_alg.FINISHED

    monkeypatch.setattr(tuner, "fit", fit)
    with pytest.raises(type(error)) as raised:
        bridge.fit([Failing()])
    assert raised.value is error
    assert calls == (["start"] if place == "callback" else [])


def test_a_stopper_ends_tune_when_told() -> None:
    said = [False, True]
    ends = tuner.stopper(lambda: said.pop(0))
    assert (ends.stop_all(), ends.stop_all()) == (False, True)
    assert ends("t", {}) is False


class Odd(Exception):
    """One that cannot be made again from what it is pickled as."""

    def __init__(self, one: int, two: int):
        super().__init__("odd")


def test_an_error_that_cannot_be_read_back_is_told_by_its_text(tmp_path: Path) -> None:
    pickled, text = tmp_path / "error.pkl", tmp_path / "error.txt"
    text.write_text("Failure # 1\nOdd: odd\n", encoding="utf-8")
    pickled.write_bytes(pickle.dumps(Odd(1, 2)))
    trial = SimpleNamespace(pickled_error_file=str(pickled), error_file=str(text))
    assert str(error_of(trial)) == "Failure # 1\nOdd: odd\n"
    pickled.write_bytes(pickle.dumps(Unreachable("away")))
    assert isinstance(error_of(trial), Unreachable)
