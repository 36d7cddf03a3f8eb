"""Runs -> `ray.tune.Tuner`: packs that are handed out one by one, workers that are used again, a driver that stays small."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from lal.claim import owner_of
from lal.config import RunConfig
from lal.store import Failure, Store
from launch.cluster import scratch
from launch.driving.feeding import Feed
from launch.driving.guarding import Guard
from launch.driving.packs import Pack, ids_of, job_of
from launch.driving.trial import Trial
from launch.driving.watchdog import watching
from launch.trainable import returned, train_reported

ASKED_FOR = 16  # workers beyond those that are there, where an autoscaler may start nodes: it sees trials that wait as demand
TRIALS, ROUNDS = 2_000, 50  # that one Tune may have, at least, and on each worker: it keeps some 40 KB of each; between two, workers wait for the last
NEVER_S = "1e9"  # between two snapshots of Tune's state, which nobody reads
MOST_S = 60.0  # a worker begins no more runs of a pack after that, however wrong the guess was
SAVE_S = 20.0  # that a run which is stopped may take to save
LOW_MEMORY = "running low on memory"  # how Ray words a kill; other deaths mention memory, too, as one of many possible causes


class KilledForMemory(Exception):
    """Ray's memory monitor killed a worker, and Tune stopped."""


def run_all(runs: Sequence[RunConfig], trial: Trial, callback: Any) -> None:
    """Trains `runs` on the connected Ray cluster, in their order, until `trial.deadline`. Results are in their folders; workers that died leave a failure.

    `callback` is a `ray.tune.Callback`, called in this process.

    Raises:
        KilledForMemory: see `feed_all`.
    """
    schedule = None if trial.schedule is None else trial.schedule.model_dump(mode="json")
    feed = Feed(
        trial.store,
        runs,
        trial.seconds,
        lambda: slots_of(trial.resources),
        schedule=schedule,
        late=lambda: trial.deadline.past,
        ended=trial.ended,
    )
    feed_all(feed, trial, callback)


def feed_all(feed: Source, trial: Trial, callback: Any) -> None:
    """Trains what `feed` hands out on the connected Ray cluster.

    Raises:
        KilledForMemory: Ray killed a worker to save the node. Its run has a failure; the others go on with the next call,
            on a Ray that is started anew: Tune gives up all of them at such a death, and leaves their resources taken.
        Exception: what `feed` or `callback` raised, once Tune has ended.
    """
    bridge = Bridge(feed, trial)
    most = max(TRIALS, ROUNDS * slots_of(trial.resources)) if trial.schedule is None else None
    try:
        while not feed.finished:
            bridge.open_for(most)
            bridge.fit([watching(trial.store), bridge.callback(), callback])
            if not bridge.closed:
                break
    except RuntimeError as error:
        if LOW_MEMORY not in str(error):
            raise
        for name in note_killed(trial.store, bridge.in_training(), str(error)):
            trial.ended(name, "out_of_memory")
        raise KilledForMemory from error


def fit(trial: Trial, callback: Any, *, search_alg: Any, scheduler: Any, guard: Guard) -> Any:
    """Trains what `search_alg` (a `ray.tune.search.Searcher`) suggests, each {"job": see `job_of`}, until it has no more, or `guard` has an error.

    As many trials wait for a worker as are trained: Tune's own choice is one, and workers would start one after the other.
    """
    from ray import tune

    from launch.driving.preflight import nodes_to_come

    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(slots_of(trial.resources) + ASKED_FOR * bool(nodes_to_come()))
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = NEVER_S
    folder = scratch()
    try:
        tuner = tune.Tuner(
            named(trial),
            tune_config=tune.TuneConfig(
                search_alg=search_alg,
                scheduler=scheduler,
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_trial_name,
                trial_dirname_creator=_trial_name,
            ),
            run_config=tune.RunConfig(
                storage_path=folder,
                name="sweep",
                verbose=0,
                callbacks=[callback],
                stop=stopper(lambda: trial.deadline.past or guard.error is not None),
            ),
        )
        return tuner.fit()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Source(Protocol):
    """What hands out packs of runs, and hears what became of them: see `launch.driving.feeding.Feed`."""

    @property
    def finished(self) -> bool: ...
    def next(self) -> Pack | None: ...
    def over(self, name: str) -> None: ...
    def returned(self, ids: Sequence[str]) -> None: ...
    def lost(self, ids: Sequence[str], error: Exception) -> None: ...
    def in_training(self, ids: Sequence[str]) -> str | None: ...


def stopper(over: Callable[[], bool]) -> Any:
    """Ends all trials once it is `over`: runs save, and go on another time."""
    from ray.tune import Stopper

    class Over(Stopper):
        def __reduce__(self) -> tuple:
            return Stopper, ()  # nor is this ever restored

        def __call__(self, trial_id: str, result: dict) -> bool:
            return False

        def stop_all(self) -> bool:
            return over()

    return Over()


class Bridge:
    """Between a source of packs and Tune, which asks for them, and says what became of them."""

    def __init__(self, feed: Source, trial: Trial):
        self.feed, self.trial, self.guard = feed, trial, Guard()
        self.cut: set[str] = set()  # ids of runs that the scheduler cut
        self.packs: dict[str, Sequence[str]] = {}  # Tune's id of a trial -> ids of its runs, of those that are on their way
        self.left: int | None = None  # trials that Tune may still know; None = any number

    def open_for(self, most: int | None) -> None:
        """Another Tune begins, which may have so many trials."""
        self.left = most

    @property
    def closed(self) -> bool:
        """Whether this Tune has had all that it may."""
        return self.left == 0

    def in_training(self) -> list[str]:
        """Ids of the runs that workers are at."""
        return [name for ids in self.packs.values() if (name := self.feed.in_training(ids)) is not None]

    def fit(self, callbacks: Sequence[Any]) -> None:
        """Has Tune train what the source has, as much of it as one Tune may.

        Raises:
            Exception: the first one of the source, of one of `callbacks`, or of what notes the scheduler's cuts.
        """
        scheduler = self.trial.scheduler(self.guard, self.cut.add)
        fit(self.trial, self.guard.callback(callbacks), search_alg=self.searcher(), scheduler=scheduler, guard=self.guard)
        if self.guard.error is not None:
            raise self.guard.error

    def pack(self, trial_id: str) -> dict[str, Any] | None:
        """The job for Tune's trial of this id; None while there is none."""
        pack = self.feed.next()
        if pack is None:
            return None
        job = job_of(pack, self.trial, at_most_s=MOST_S)
        self.packs[trial_id] = job["ids"]
        self.left = None if self.left is None else self.left - 1
        return {"job": job}

    def searcher(self) -> Any:
        """What Tune asks whenever it has room for one more trial."""
        from ray.tune.search import Searcher

        bridge = self

        class Packs(Searcher):
            def __reduce__(self) -> tuple:
                return Searcher, ()  # as of what is restored never: see save

            def suggest(self, trial_id: str) -> Any:
                if bridge.closed:
                    return Searcher.FINISHED
                job = bridge.guard.call(bridge.pack, trial_id, instead=None)
                over = bridge.guard.error is not None or bridge.feed.finished
                return Searcher.FINISHED if job is None and over else job

            def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
                pass  # the callback knows why

            def save(self, checkpoint_path: str) -> None:
                pass  # nothing of Tune's is ever restored: what is missing is known from the runs' folders

            def restore(self, checkpoint_path: str) -> None:
                raise NotImplementedError

        return Packs()

    def callback(self) -> Any:
        """What hears of each trial."""
        from ray.tune import Callback

        bridge = self

        class Ends(Callback):
            def __reduce__(self) -> tuple:
                return Callback, ()  # Tune pickles its callbacks into an experiment state that nobody reads

            def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
                if result.get("outcome"):
                    bridge.feed.over(result["run_id"])

            def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
                ids = bridge.packs.pop(trial.trial_id)
                bridge.feed.returned(ids)
                for name in bridge.cut.intersection(ids):  # its worker says nothing more
                    bridge.trial.ended(name, "pruned")

            def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
                bridge.feed.lost(bridge.packs.pop(trial.trial_id), error_of(trial))

        return Ends()


def error_of(trial: Any) -> Exception:
    """Why a Tune trial failed, as Tune has just written it down; its own way to read it looks where it is put only at the end."""
    from ray import cloudpickle

    if trial.pickled_error_file:
        with suppress(Exception):  # errors of other libraries may not come back; then there is the text
            return cloudpickle.loads(Path(trial.pickled_error_file).read_bytes())
    return RuntimeError(Path(trial.error_file).read_text(encoding="utf-8") if trial.error_file else "the trial failed")


def slots_of(resources: Mapping[str, float]) -> int:
    """Runs that the connected cluster can train at the same time."""
    from launch.driving.preflight import nodes_now
    from launch.planning.slots import Room

    return Room(resources, nodes_now()).slots


def named(trial: Trial) -> Any:
    """The trainable under the sweep's name: the dashboard lists actors by it."""
    from ray import tune
    from ray.tune.trainable import wrap_function

    class Patient(wrap_function(train_reported)):  # type: ignore[misc]
        def cleanup(self) -> None:
            """Tells the function to return, as Tune's own does; and waits until it has: a run that is stopped saves first."""
            super().cleanup()
            returned(SAVE_S)

    trainable = tune.with_resources(Patient, dict(trial.resources))
    trainable.__name__ = trainable.__qualname__ = trial.name
    return trainable


def _trial_name(trial: Any) -> str:
    """Short, readable, as error messages show it: the first run's."""
    return ids_of(trial.config)[0]


def note_killed(store: Store, in_training: Iterable[str], text: str) -> list[str]:
    """Notes a failure for the run that Ray killed for its memory, and returns its id: the one of those `in_training` whose claim names a process of Ray's list.

    A worker that was killed before it claimed its run cannot be told: then it counts against all that are claimed, or all.
    """
    killed = set(re.findall(r"Selected to kill:.*?pid=(\d+)", text))
    ids = list(in_training)
    owners = {name: owner for name in ids if (owner := owner_of(store.run(name))) is not None}
    chosen = [name for name, owner in owners.items() if str(owner["pid"]) in killed]
    killed_runs = chosen or list(owners) or ids
    for name in killed_runs:
        store.run(name).fail(Failure(name, "out_of_memory", "Ray killed the worker to save the machine's memory", 0, text))
    return killed_runs
