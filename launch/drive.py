"""`lal sweep` on this machine: run what a plan says is missing, and say how it went."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from lal.config import RunConfig, run_id
from lal.errors import Refused
from lal.standing import standing
from lal.store import Store
from launch.plan import Plan
from launch.progress import Board, display, follower
from launch.summary import Summary, summed
from launch.sweep import manifest


@dataclass(frozen=True)
class Options:
    """How to run, not what."""

    cpus: int | None = None
    gpus: int | None = None
    device: str = "auto"
    dashboard: bool = False
    quiet: bool = False
    fresh: bool = False


def drive(planned: Plan, store: Store, options: Options, console: Console) -> Summary:
    """Runs what is missing of a sweep. Finished runs are never touched, unless `fresh` says to forget them.

    Raises:
        Refused: the sweep asks for something that this machine can never give; nothing was written then.
    """
    begun = time.monotonic()
    driver = Driver(planned, store, options, console)
    signalled = driver.train() if planned.to_train else driver.note_manifest()
    return summed(planned, store, signalled, time.monotonic() - begun)


class Driver:
    """One call of `lal sweep`."""

    def __init__(self, planned: Plan, store: Store, options: Options, console: Console):
        self.planned, self.store, self.options, self.console = planned, store, options, console
        self.sweep = planned.sweep

    def train(self) -> int | None:
        """Trains what is missing, on one Ray after another where a worker had to be killed for its memory.

        Returns the signal that interrupted, or None.
        """
        from launch.tuner import KilledForMemory

        if self.options.fresh:
            self._refuse_shared()
        left, first = list(self.planned.to_train), True
        while left:
            try:
                return self._train_on_ray(left, first)
            except KilledForMemory:
                left, first = [config for config in left if not self._over(config)], False
        return None

    def note_manifest(self) -> None:
        """Writes down which runs the sweep has: what reports show."""
        self.store.put_json(f"{self.store.sweep(self.sweep.folder)}/manifest.json", manifest(self.sweep))

    def _train_on_ray(self, runs: list[RunConfig], first: bool) -> int | None:
        from launch.cluster import embedded, nodes_now, resources_of
        from launch.interrupts import interruptible
        from launch.tuner import run_all

        options = self.options
        # Ray prints of dead workers to the driver's stdout; the summary says it better, and scripts read stdout.
        with silence(), embedded(options.cpus, options.gpus, dashboard=options.dashboard) as address, interruptible() as came:
            resources = resources_of(self.sweep.resources, nodes_now())
            if first:
                self._begin(runs, address)
            board = Board(len(runs), runs[0].goal.column, {run.run_id: label(run.arm, run.point, run.seed) for run in self.sweep.runs})
            shown = display(board, self.console, quiet=options.quiet)
            try:
                run_all(runs, self.store, resources, options.device, follower(board, shown))
            except KeyboardInterrupt:
                pass  # workers end with Ray, and their runs go on from what they saved
            finally:
                shown.close()
        return came[0] if came else None

    def _begin(self, runs: list[RunConfig], address: str | None) -> None:
        """Only now that it is known that the runs can be trained: the manifest, and an end to old failures, or to everything."""
        self.note_manifest()
        for config in runs:
            folder = self.store.run(run_id(config))
            folder.reset() if self.options.fresh else folder.forgive()
        if address and not self.options.quiet:
            self.console.print(f"Ray dashboard: {address}", highlight=False)

    def _refuse_shared(self) -> None:
        """Refuses `--fresh` where it would forget runs that other sweeps count on."""
        mine = {run_id(config) for config in self.planned.to_train}
        for name in self.store.names("sweeps"):
            if name == self.sweep.folder or not self.store.has(f"{self.store.sweep(name)}/manifest.json"):
                continue
            shared = mine & {run["run_id"] for run in self.store.manifest(name)["runs"]}
            if shared:
                what = f"--fresh must not forget runs of other sweeps, but {len(shared)} of these are runs of {name}, too"
                raise Refused(f"{what}; leave --fresh out, or use another --results")

    def _over(self, config: RunConfig) -> bool:
        """Whether a run is finished or has failed in this call, which began by forgetting older failures."""
        return self.store.run(run_id(config)).failure() is not None or standing(config, self.store).state == "done"


@contextmanager
def silence() -> Iterator[None]:
    """Inside, what is printed to sys.stdout is dropped; a console that holds the stream itself goes on."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield


def label(arm: str, point: dict[str, Any], seed: int) -> str:
    """How a person knows a run: arm, last words of the paths that vary, seed."""
    values = ", ".join(f"{path.split('.')[-1]}={value:g}" if isinstance(value, float) else f"{path.split('.')[-1]}={value}" for path, value in point.items())
    return " ".join(part for part in ("" if arm == "all" else arm, values, f"seed {seed}") if part)
