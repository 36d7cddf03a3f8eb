"""Plan -> `ray.tune.Tuner`: resources, actors that are used again, chunks that keep the driver small."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import Any

from lal.config import RunConfig, dump, run_id
from lal.store import Failure, Store
from launch.cluster import scratch
from launch.trainable import train_reported

CHUNK = 256  # trials known to Tune at once: choosing one scans all of them, and its snapshot of them is rewritten whole
LOST_TRIES = 3  # attempts at a run whose worker died under it


def run_all(runs: Sequence[RunConfig], store: Store, resources: dict[str, float], device: str, callback: Any) -> None:
    """Trains `runs` on the connected Ray cluster, in their order. Results are in their folders; workers that died leave a failure there.

    `callback` is a `ray.tune.Callback`, called in this process.
    """
    for chunk in chunked(runs, CHUNK):
        _fit(chunk, store, resources, device, callback)


def chunked(items: Sequence[RunConfig], size: int) -> Iterator[Sequence[RunConfig]]:
    """Consecutive slices of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _fit(runs: Sequence[RunConfig], store: Store, resources: dict[str, float], device: str, callback: Any) -> None:
    from ray import tune

    threads = max(1, int(resources["cpu"]))
    jobs = [{"config": dump(run), "results": str(store.root), "device": device, "threads": threads, "run_id": run_id(run)} for run in runs]
    folder = scratch()
    try:
        tuner = tune.Tuner(
            tune.with_resources(train_reported, resources),
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
        note_lost(store, tuner.fit())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _trial_name(trial: Any) -> str:
    """Short, unique, readable: the dashboard and error messages show it."""
    return str(trial.config["job"]["run_id"])


def note_lost(store: Store, results: Any) -> None:
    """Notes a failure for every run whose worker died each time, and which therefore could not note it itself."""
    for result in results:
        if result.error is None:
            continue
        folder = store.run(result.config["job"]["run_id"])
        if folder.record() is None and folder.failure() is None:
            folder.fail(lost(folder.path.rpartition("/")[2], result.error))


def lost(run_id: str, error: Exception) -> Failure:
    """The facts of a death that was seen from outside. Ray's memory monitor says so when it was the killer."""
    text = str(error)
    killed_for_memory = "running low on memory" in text  # other deaths mention memory, too, as one of many possible causes
    reason = "the worker was killed for its memory" if killed_for_memory else f"the worker died {LOST_TRIES} times"
    return Failure(run_id, "out_of_memory" if killed_for_memory else "lost", reason, 0, text)
