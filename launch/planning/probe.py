"""`lal plan --probe`: a few real steps of a sweep's runs on each kind of device that is here, as many side by side as would share it.

    probe = probed(planned.ahead, planned.room.wanted, this_machine())
    probe.cells         what was measured, by place and run         probe.best      the place to suggest, or None
    retimed(planned, probe)     the plan with times by what was measured           launch/planning/probe_shown.py tells of it

Imports no torch: its processes do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import floor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import geometric_mean, mean
from time import monotonic
from typing import Any

from lal.config import RunConfig, dump, run_id
from lal.errors import Refused
from launch.driving.trial import threads_of
from launch.plan import Plan, yet_unknown
from launch.planning.estimate import shape, wall_seconds
from launch.planning.probing import READY, serve
from launch.planning.resources import Node
from launch.planning.slots import share

SECONDS = 1.5  # of each measurement
BOUND_S = 20.0  # after which no other is begun
ANSWER_S = 60.0  # that one may take at most, as may the import of torch before: a step may be long
MOST = 8  # processes at once; what more cores would do is by proportion
ON_A_GPU = (1, 2, 4)  # runs on one GPU that are tried
AS_GOOD = 1.05  # times as fast: not worth more of a machine


@dataclass(frozen=True)
class Place:
    """Where and how a run may be trained.

    Attributes:
        device: torch's.   threads: of one run.   gpu: its share of one; 0 = none.
        at_once: runs that are measured side by side: all that share a GPU, or the cores.   slots: those that this machine holds at once.
    """

    device: str
    threads: int
    gpu: float
    at_once: int
    slots: int

    @property
    def resources(self) -> dict[str, float]:
        """What to write in a sweep."""
        return {"cpu": self.threads, **({"gpu": self.gpu} if self.gpu else {})}


@dataclass(frozen=True)
class Cell:
    """What was measured of one run in one place: steps a second of each of those at once, most MiB of memory of one; or the trouble."""

    place: Place
    run_id: str
    rate: float = 0.0
    peak_mib: int = 0
    trouble: str | None = None

    @property
    def total(self) -> float:
        """Steps a second of all that this machine holds at once."""
        return self.rate * self.place.slots


@dataclass(frozen=True)
class Probe:
    """What came of it.

    Attributes:
        asked: the place that the sweep asks for.   runs: that were to be measured, by shape.   left_out: cells, for want of time.
        busy: processes that wanted a core meanwhile, ours aside, as the system counted them before.
    """

    asked: Place
    runs: Mapping[str, RunConfig]
    cells: tuple[Cell, ...]
    left_out: int = 0
    busy: float = 0.0

    @property
    def best(self) -> Place | None:
        """Where the runs get through soonest together; of places that are as good, the one that takes least: cores, few threads, a small share."""
        times = {place: self._time(place) for place in dict.fromkeys(cell.place for cell in self.cells)}
        known = {place: time for place, time in times.items() if time is not None}
        good = [place for place, time in known.items() if time <= AS_GOOD * min(known.values())]
        return min(good, key=lambda place: (place.gpu, place.threads), default=None)

    def _time(self, place: Place) -> float | None:
        """Of a step of each run that was measured, each in units of the fastest; None where one was not, or cannot be."""
        totals = [self._total(place, run_id(config)) for config in self.runs.values()]
        return None if 0 in totals else sum(self._fastest(run_id(config)) / total for config, total in zip(self.runs.values(), totals, strict=True))

    def _total(self, place: Place, name: str) -> float:
        return next((cell.total for cell in self.cells if (cell.place, cell.run_id) == (place, name)), 0.0)

    def _fastest(self, name: str) -> float:
        return max(cell.total for cell in self.cells if cell.run_id == name)

    def step_s(self) -> dict[str, float]:
        """Seconds of a step by shape of run, as the sweep asks to be trained."""
        rates = {cell.run_id: cell.rate for cell in self.cells if cell.place == self.asked and cell.rate}
        return {key: 1 / rates[run_id(config)] for key, config in self.runs.items() if run_id(config) in rates}

    def words(self) -> str:
        """The suggestion."""
        best = self.best
        if best is None:
            return "nothing to suggest: not every run could be measured in one place"
        written = f"resources: {{{', '.join(f'{name}: {amount:g}' for name, amount in best.resources.items())}}}"
        others = [time for cell in self.cells if (time := self._time(cell.place)) is not None and bool(cell.place.gpu) != bool(best.gpu)]
        if not others:
            return written
        times = min(others) / (self._time(best) or 1)
        if best.gpu:
            return f"{written}: {times:.1f} x as many steps a second as cores alone"
        return f"{written}: these networks are {'as fast on the cores as' if times < AS_GOOD else f'{times:.1f} x as fast on the cores as'} on the GPU"


def probed(configs: Sequence[RunConfig], wanted: Mapping[str, float], machine: Node, places: Sequence[Place] = ()) -> Probe:
    """Measures the median and the largest of `configs`, by operations of a step, in all `places` (default: those of `machine`, and what is `wanted`).

    Raises:
        Refused: there is no run to measure.
    """
    if not configs:
        raise Refused("--probe measures runs that are to be trained, but nothing is left to train; leave it out, or add --fresh to plan all of it again")
    runs = chosen(configs)
    every = list(places) or places_of(machine, wanted)
    jobs = [(config, place) for config in runs.values() for place in every]
    cells: list[Cell] = []
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    with processes(max(place.at_once for place in every)) as pipes:
        until = monotonic() + BOUND_S
        for config, place in jobs:
            if cells and monotonic() > until:
                break
            cells.append(measurement(config, place, pipes[: place.at_once]))
    return Probe(every[0], runs, tuple(cells), len(jobs) - len(cells), busy)


def chosen(configs: Sequence[RunConfig]) -> dict[str, RunConfig]:
    """The median and the largest run, the largest last, by shape: one where they are alike."""
    by_size = sorted(configs, key=lambda config: config.flops_per_step())
    both = (by_size[(len(by_size) - 1) // 2], by_size[-1])
    return {shape(config.whole_trajectory(), config.whole_measure()): config for config in both}


def places_of(machine: Node, wanted: Mapping[str, float]) -> list[Place]:
    """What `wanted` means on `machine`, then the others: a thread, two threads, several shares of a GPU."""
    cores, gpus = int(machine.has["CPU"]), int(machine.has.get("GPU", 0))
    asked = on_gpu(cores, gpus, wanted["gpu"], threads_of(wanted["cpu"])) if gpus and wanted.get("gpu") else on_cores(cores, threads_of(wanted["cpu"]))
    others = [on_cores(cores, threads) for threads in (1, 2) if threads <= cores]
    shares = [on_gpu(cores, gpus, share(runs), 1) for runs in ON_A_GPU if gpus and runs <= cores]
    return list(dict.fromkeys([asked, *others, *shares]))


def on_cores(cores: int, threads: int) -> Place:
    """Runs of `threads` threads on all cores."""
    slots = max(1, cores // threads)
    return Place("cpu", threads, 0.0, min(slots, MOST), slots)


def on_gpu(cores: int, gpus: int, gpu: float, threads: int) -> Place:
    """Runs with a share `gpu`, on as many GPUs as the cores can feed; one of them is measured."""
    each = max(1, min(floor(1 / gpu + 1e-6), cores // threads, MOST))
    return Place("cuda", threads, min(1.0, gpu), each, min(each * gpus, max(1, cores // threads)))


@contextmanager
def processes(n: int) -> Iterator[list[Connection]]:
    """`n` processes that serve, until the end."""
    fresh = get_context("spawn")
    pairs = [fresh.Pipe() for _ in range(n)]
    started = [fresh.Process(target=serve, args=(far,), daemon=True) for _, far in pairs]
    try:
        for process in started:
            process.start()
        for _, far in pairs:
            far.close()
        pipes = [near for near, _ in pairs]
        for pipe in pipes:
            answer(pipe)
        yield pipes
    finally:
        for process in started:
            if process.pid is not None:
                process.kill()  # it holds nothing that is worth a farewell
                process.join()


def measurement(config: RunConfig, place: Place, pipes: Sequence[Connection]) -> Cell:
    """Has `config` trained through each of `pipes` at the same time."""
    job = {"config": dump(config), "threads": place.threads, "share": place.resources, "device": place.device, "seconds": SECONDS}
    for pipe in pipes:
        pipe.send(job)
    answers = [answer(pipe) for pipe in pipes]
    begun = [pipe for pipe, said in zip(pipes, answers, strict=True) if said == READY]
    for pipe in begun:
        pipe.send(None)
    answers = [said for said in answers if said != READY] + [answer(pipe) for pipe in begun]
    trouble = next((said["trouble"] for said in answers if "trouble" in said), None)
    if trouble is not None:
        return Cell(place, run_id(config), trouble=trouble)
    return Cell(place, run_id(config), mean(said["steps"] / said["seconds"] for said in answers), max(said["peak_mib"] for said in answers))


def answer(pipe: Connection) -> Any:
    """What comes through `pipe`, in time."""
    try:
        return pipe.recv() if pipe.poll(ANSWER_S) else {"trouble": f"no answer in {ANSWER_S:g} s"}
    except (EOFError, OSError):
        return {"trouble": "its process died"}


def retimed(planned: Plan, probe: Probe) -> Plan:
    """The plan with times by what was measured: of runs of the same shape as they are; of others that no finished run tells of, in proportion."""
    step_s, unfound = probe.step_s(), yet_unknown(planned.sweep)[1] * planned.unknown
    runs = [*((config, planned.estimates[run_id(config)]) for config in planned.to_train), *zip(unfound, planned.unfound, strict=True)]
    keyed = [(shape(config.whole_trajectory(), config.whole_measure()), each) for config, each in runs]
    modelled = [(key, each) for key, each in keyed if key in step_s and not each.runs and each.steps]
    ratio = geometric_mean(step_s[key] * each.steps / each.seconds for key, each in modelled) if modelled else 1.0
    told = [replace(each, seconds=each.steps * step_s[key] if key in step_s else each.seconds if each.runs else each.seconds * ratio) for key, each in keyed]
    estimates = dict(zip(planned.estimates, told, strict=False))
    wall_s = wall_seconds((each.seconds for each in told), planned.slots)
    return replace(planned, estimates=estimates, unfound=tuple(told[len(estimates) :]), wall_s=wall_s, probed=bool(step_s))
