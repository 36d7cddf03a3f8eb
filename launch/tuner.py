"""Plan -> `ray.tune.Tuner`: resources, actors that are used again, chunks that keep the driver small."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

from lal.claim import owner_of
from lal.config import RunConfig, run_id
from lal.standing import standing
from lal.store import Failure, Store
from launch.cluster import scratch
from launch.packs import Pack, ids_of, job_of, singles
from launch.trainable import train_reported
from launch.trial import NODE_LOST, Trial

CHUNK = 256  # trials known to Tune at once: choosing one scans all of them, and its snapshot of them is rewritten whole
LOST_TRIES = 3  # attempts at a run whose worker died under it
NODE_DIED = "its node has died"  # how Ray words the end of an actor whose machine went
LOW_MEMORY = "running low on memory"  # how Ray words a kill; other deaths mention memory, too, as one of many possible causes


class KilledForMemory(Exception):
    """Ray's memory monitor killed a worker, and Tune stopped."""


def run_all(runs: Sequence[RunConfig], trial: Trial, callback: Any) -> None:
    """Trains `runs` on the connected Ray cluster, in their order. Results are in their folders; workers that died leave a failure there.

    `callback` is a `ray.tune.Callback`, called in this process.

    Raises:
        KilledForMemory: Ray killed a worker to save the node. Its run has a failure; the others go on with the next call,
            on a Ray that is started anew: Tune gives up all of them at such a death, and leaves their resources taken.
    """
    for chunk in chunked(runs, CHUNK):
        try:
            note_lost(trial.store, chunk, _fit(singles(chunk), trial, callback))
        except RuntimeError as error:
            if LOW_MEMORY not in str(error):
                raise
            note_killed(trial.store, chunk, str(error))
            raise KilledForMemory from error


def chunked(items: Sequence[RunConfig], size: int) -> Iterator[Sequence[RunConfig]]:
    """Consecutive slices of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _fit(packs: Sequence[Pack], trial: Trial, callback: Any) -> Any:
    from ray import tune

    jobs = [job_of(pack, trial) for pack in packs]
    folder = scratch()
    try:
        tuner = tune.Tuner(
            named(trial),
            param_space={"job": tune.grid_search(jobs)},
            tune_config=tune.TuneConfig(reuse_actors=True, trial_name_creator=_trial_name, trial_dirname_creator=_trial_name),
            run_config=tune.RunConfig(
                storage_path=folder,
                name="sweep",
                verbose=0,
                callbacks=[callback],
                failure_config=tune.FailureConfig(max_failures=LOST_TRIES - 1),
            ),
        )
        return tuner.fit()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def named(trial: Trial) -> Any:
    """The trainable under the sweep's name: the dashboard lists actors by it."""
    from ray import tune
    from ray.tune.trainable import wrap_function

    trainable = tune.with_resources(wrap_function(train_reported), dict(trial.resources))
    trainable.__name__ = trainable.__qualname__ = trial.name
    return trainable


def _trial_name(trial: Any) -> str:
    """Short, unique, readable, as error messages show it: the first run's."""
    return ids_of(trial.config)[0]


def note_lost(store: Store, runs: Sequence[RunConfig], results: Any) -> None:
    """Notes a failure for every run whose worker died each time, and which therefore could not note it itself."""
    errors = {run_id: result.error for result in results if result.error is not None for run_id in ids_of(result.config)}
    for config in runs:
        folder, error = store.run(run_id(config)), errors.get(run_id(config))
        if error is not None and folder.failure() is None and standing(config, store).state != "done":
            folder.fail(unnoted(run_id(config), error))


def unnoted(run_id: str, error: Exception) -> Failure:
    """The facts of what was seen from outside: a worker that died, or one that could not even begin its run."""
    from ray.exceptions import RayActorError

    if isinstance(error, RayActorError) and NODE_DIED in str(error):
        return Failure(run_id, "lost", NODE_LOST, 0, str(error))
    if isinstance(error, RayActorError):
        return Failure(run_id, "lost", f"the worker died {LOST_TRIES} times", 0, str(error))
    return Failure(run_id, "error", str(error).strip().rpartition("\n")[2], 0, str(error))


def note_killed(store: Store, runs: Sequence[RunConfig], text: str) -> None:
    """Notes a failure for the run that Ray killed for its memory: the one whose claim names a process of Ray's list.

    A worker that was killed before it claimed its run cannot be told: then it counts against all runs in training, or the first.
    """
    killed = set(re.findall(r"Selected to kill:.*?pid=(\d+)", text))
    owners = {run_id(run): owner for run in runs if (owner := owner_of(store.run(run_id(run)))) is not None}
    named = [each for each, owner in owners.items() if str(owner["pid"]) in killed]
    for each in named or list(owners) or [run_id(runs[0])]:
        store.run(each).fail(Failure(each, "out_of_memory", "Ray killed the worker to save the machine's memory", 0, text))
