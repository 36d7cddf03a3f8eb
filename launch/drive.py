"""`lal sweep` on this machine: expand, subtract what is done, run the rest, say how it went."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from lal.config import RunConfig, run_id
from lal.standing import standing
from lal.store import Failure, Store
from launch.plan import plan
from launch.progress import Board, display, duration, follower
from launch.sweep import Expanded, manifest


@dataclass
class Summary:
    """How a call of `lal sweep` ended.

    Attributes:
        folder: of the sweep, below `sweeps/`.   planned: runs of the sweep.   trained: finished by this call.
        already: finished before.   failures: of runs that are not finished.   signal: that interrupted, or None.
    """

    folder: str
    planned: int
    already: int
    trained: int = 0
    seconds: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    missing: int = 0
    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """0 done, 1 some failed, 128 + n interrupted by signal n."""
        if self.signal is not None:
            return 128 + self.signal
        return 1 if self.failures or self.missing else 0


@dataclass(frozen=True)
class Options:
    """How to run, not what."""

    cpus: int | None = None
    gpus: int | None = None
    device: str = "auto"
    dashboard: bool = False
    quiet: bool = False
    skip_failed: bool = False
    fresh: bool = False


def drive(sweep: Expanded, store: Store, options: Options, console: Console) -> Summary:
    """Runs what is missing of `sweep`. Finished runs are never touched.

    Raises:
        Refused: the sweep asks for something that this machine can never give.
    """
    begun = time.monotonic()
    everything = unique([run.config for run in sweep.runs])
    missing = everything if options.fresh else unique(plan(sweep, store, skip_failed=options.skip_failed).to_train)
    store.put_json(f"{store.sweep(sweep.folder)}/manifest.json", manifest(sweep))
    signalled = train_missing(sweep, missing, store, options, console) if missing else None
    return summed(sweep, len(everything), missing, store, signalled, time.monotonic() - begun)


def train_missing(sweep: Expanded, missing: list[RunConfig], store: Store, options: Options, console: Console) -> int | None:
    """Trains `missing`, on one Ray after another where a worker had to be killed for its memory. Returns the signal that interrupted, or None."""
    from launch.tuner import KilledForMemory

    left, fresh = missing, options.fresh
    while left:
        try:
            return train_on_ray(sweep, left, store, options, console, fresh=fresh)
        except KilledForMemory:
            left, fresh = [config for config in left if not over(config, store)], False
    return None


def over(config: RunConfig, store: Store) -> bool:
    """Whether a run is finished or has failed in this call, which began by forgetting older failures."""
    return store.run(run_id(config)).failure() is not None or standing(config, store).state == "done"


def train_on_ray(sweep: Expanded, missing: list[RunConfig], store: Store, options: Options, console: Console, *, fresh: bool) -> int | None:
    """Trains `missing` on an embedded Ray. Returns the signal that interrupted, or None.

    Raises:
        KilledForMemory: of one of them there is a failure now; the rest can go on.
    """
    from launch.cluster import embedded, nodes_now, resources_of
    from launch.interrupts import interruptible
    from launch.tuner import run_all

    labels = {run.run_id: label(run.arm, run.point, run.seed) for run in sweep.runs}
    board = Board(len(missing), missing[0].goal.column, labels)
    # Ray prints of dead workers to the driver's stdout; the summary says it better, and scripts read stdout.
    with silence(), embedded(options.cpus, options.gpus, dashboard=options.dashboard) as address, interruptible() as came:
        resources = resources_of(sweep.resources, nodes_now())
        for config in missing:
            folder = store.run(run_id(config))
            folder.reset() if fresh else folder.forgive()
        if address and not options.quiet:
            console.print(f"Ray dashboard: {address}", highlight=False)
        shown = display(board, console, quiet=options.quiet)
        try:
            run_all(missing, store, resources, options.device, follower(board, shown))
        except KeyboardInterrupt:
            pass  # workers end with Ray, and their runs go on from what they saved
        finally:
            shown.close()
    return came[0] if came else None


@contextmanager
def silence() -> Iterator[None]:
    """Inside, what is printed to sys.stdout is dropped; a console that holds the stream itself goes on."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield


def label(arm: str, point: dict[str, Any], seed: int) -> str:
    """How a person knows a run: arm, last words of the paths that vary, seed."""
    values = ", ".join(f"{path.split('.')[-1]}={value:g}" if isinstance(value, float) else f"{path.split('.')[-1]}={value}" for path, value in point.items())
    return " ".join(part for part in ("" if arm == "all" else arm, values, f"seed {seed}") if part)


def summed(sweep: Expanded, planned: int, missing: list[RunConfig], store: Store, signalled: int | None, seconds: float) -> Summary:
    """The facts of the folders of what this call had to train, counted. Only finished runs and untouched failures were left out of it."""
    summary = Summary(sweep.folder, planned, planned - len(missing), seconds=seconds, signal=signalled)
    for config in missing:
        failure, stands = store.run(run_id(config)).failure(), standing(config, store)
        if failure is not None:
            summary.failures.append(failure)
        elif stands.state == "done" and stands.record:
            summary.trained += 1
            summary.outcomes[stands.record.outcome] = summary.outcomes.get(stands.record.outcome, 0) + 1
        else:
            summary.missing += 1
    return summary


def unique(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """Each run once."""
    return list({run_id(config): config for config in configs}.values())


def say(summary: Summary, console: Console, again: str) -> None:
    """The last lines: what was done, what failed and why, how to go on."""
    outcomes = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(summary.outcomes.items()))
    trained = f"{summary.trained} trained now in {duration(summary.seconds)}{f' ({outcomes})' if outcomes else ''}"
    finished = summary.already + summary.trained
    console.print(f"{finished}/{summary.planned} runs finished: {trained}, {summary.already} were there.", highlight=False)
    if summary.failures:
        first = summary.failures[0]
        console.print(f"{len(summary.failures)} failed; the first, {first.run_id}: {first.outcome}, {first.reason}", highlight=False, markup=False)
        console.print(first.traceback.rstrip(), highlight=False, markup=False, style="dim")
    if summary.signal is not None:
        console.print("Interrupted; what runs had saved is kept. To go on:", highlight=False)
    elif summary.failures or summary.missing:
        console.print("To try again what did not finish:", highlight=False)
    if summary.signal is not None or summary.failures or summary.missing:
        console.print(f"  {again}", highlight=False, markup=False, soft_wrap=True)
