"""Ends workers that hang: stuck in native code, in a deadlock, or stopped. The driver does, as a worker that hangs can do nothing about it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lal.claim import owner_of, told
from lal.config import parse
from lal.store import Failure, Store
from launch.driving.feeding import ended_as
from launch.driving.packs import ids_of, opened

START_S = 120.0  # that a worker may need before its first word, however little `hang_s` is: it imports torch, and its first run is made
GLANCE_S = 1.0  # most that the time between two looks counts: a driver that was stopped itself has heard nobody


@dataclass
class Watched:
    """One worker, from where it began a pack.

    Attributes:
        limits_s: the pack's runs, in order, and the silence that each may keep; None = for ever.   over: runs that have ended.
        last: what it said last.   silent_s: since then.   heard: whether it has said anything.
    """

    limits_s: Mapping[str, float | None]
    over: set[str] = field(default_factory=set)
    last: Mapping[str, Any] = field(default_factory=dict)
    silent_s: float = 0.0
    heard: bool = False

    @property
    def run_id(self) -> str:
        """The run in training; where all are over, the last."""
        return next((name for name in self.limits_s if name not in self.over), list(self.limits_s)[-1])

    @property
    def limit_s(self) -> float | None:
        limit_s = self.limits_s[self.run_id]
        return limit_s if self.heard or limit_s is None else max(limit_s, START_S)

    @property
    def hangs(self) -> bool:
        return self.limit_s is not None and self.silent_s > self.limit_s


class Watchdog:
    """Counts the silence of workers. A run says something twice a second, or as often as it has rows; see `Run.rows`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock, self.looked = clock, clock()
        self.watched: dict[str, Watched] = {}  # by trial

    def begin(self, trial: str, params: Mapping[str, Any]) -> None:
        """A worker begins the pack of Tune's `params`."""
        self.watched[trial] = Watched(dict(zip(ids_of(params), params["job"]["hang_s"], strict=True)))

    def hear(self, trial: str, report: Mapping[str, Any]) -> None:
        """A worker says something."""
        worker = self.watched[trial]
        worker.last, worker.silent_s, worker.heard = report, 0.0, True
        if report.get("outcome"):
            worker.over.add(report["run_id"])

    def end(self, trial: str) -> None:
        """A worker is done with its pack, or dead."""
        self.watched.pop(trial, None)

    def hanging(self) -> dict[str, Watched]:
        """The workers, by trial, that have been silent for too long. Each is named once."""
        now = self.clock()
        passed, self.looked = min(now - self.looked, GLANCE_S), now
        for worker in self.watched.values():
            worker.silent_s += passed
        hung = {trial: worker for trial, worker in self.watched.items() if worker.hangs}
        for trial in hung:
            self.end(trial)
        return hung


def hung(worker: Watched, owner: Mapping[str, Any] | None = None) -> Failure:
    """The facts of a run that hangs, which `owner` has claimed. What it said last is kept: rows since its last save died with the worker."""
    last = worker.last if worker.last.get("run_id") == worker.run_id else {}
    shown = {name: value for name, value in last.items() if name in ("step", "t_mem", "t_grok") or isinstance(value, float)}
    where = f"after step {last['step']}" if last else "before its first row"
    who = f"It was {told(owner)}.\n" if owner else ""
    log = "Where its threads were is at the end of its worker's log; budget.hang_s says for how long a run may be silent."
    reason = f"it hung: no row for {worker.limit_s:g} s {where}{f', in {told(owner)}' if owner else ''}"
    return Failure(worker.run_id, "timeout", reason, last.get("step", 0), f"last heard: {json.dumps(shown)}\n{who}{log}\n")


def note_hung(store: Store, worker: Watched, params: Mapping[str, Any]) -> None:
    """Notes that a run of Tune's `params` hangs, unless it is over: then it is what its worker had to do after it."""
    job = params["job"]
    config = next(parse(run["config"]) for run in opened(job)["runs"] if run["run_id"] == worker.run_id)
    if ended_as(config, store, job["schedule"]) is None:
        folder = store.run(worker.run_id)
        folder.fail(hung(worker, owner_of(folder)))


def watching(store: Store, watchdog: Watchdog | None = None) -> Any:
    """A Tune callback that notes a failure of runs that hang, and ends their workers. The rest of their packs goes on elsewhere."""
    import ray
    from ray.tune import Callback

    dog = watchdog or Watchdog()

    class Watching(Callback):
        def __reduce__(self) -> tuple:
            return Callback, ()  # Tune pickles its callbacks into an experiment state that nobody reads

        def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            dog.begin(trial.trial_id, trial.config)

        def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
            if trial.trial_id in dog.watched:
                dog.hear(trial.trial_id, result)

        def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            dog.end(trial.trial_id)

        def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            dog.end(trial.trial_id)

        def on_step_end(self, iteration: int, trials: list, **info: Any) -> None:
            hanging = dog.hanging()
            for trial in trials if hanging else ():
                if trial.trial_id in hanging and trial.temporary_state.ray_actor is not None:
                    note_hung(store, hanging[trial.trial_id], trial.config)
                    ray.kill(trial.temporary_state.ray_actor)

    return Watching()
