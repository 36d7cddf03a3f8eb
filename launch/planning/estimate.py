"""How long runs take and how much they store, before they are run: as finished runs of their shape, else by a model. Torch-free."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heapreplace
from itertools import islice
from typing import Any

from lal.config import RunConfig
from lal.errors import Refused
from lal.optim import AdamW
from lal.part import kind_of
from lal.runs.supervised import Supervised
from lal.store import Record, Store
from launch.driving.packs import RUN_S
from launch.planning.machine import modelled, storage

TAU = 5.0  # decay time at which success is expected where nothing is known: published ones lie from 1 to 11
SIDE_BY_SIDE = 1.2  # runs at the same time share caches and memory; the constants of the model are of one alone
CENSORED = 1 / 3  # share of runs that never succeed, as in the quickstart
RAY_S = 8.0  # start of Ray and the first worker's imports
DEFAULT_OPTIM = kind_of(AdamW)  # what a trajectory, which holds no defaults, does not say
EXAMPLES = 8  # finished runs that are asked about one shape


@dataclass(frozen=True)
class Estimate:
    """What one run is expected to take: optimizer steps still to do, seconds of one thread, bytes at its end; `runs` finished ones told so."""

    steps: int
    seconds: float
    storage: int
    runs: int


@dataclass
class Mean:
    """The mean of the `n` numbers added so far."""

    n: int = 0
    total: float = 0.0

    def add(self, number: float) -> None:
        self.n, self.total = self.n + 1, self.total + number

    @property
    def value(self) -> float:
        return self.total / self.n


class Estimator:
    """Estimates for the runs of one plan."""

    def __init__(self, store: Store, records: Mapping[str, Record]):
        self.store, self.names = store, store.names("runs")
        self.records = dict(records)
        self.step_s: defaultdict[str, Mean] = defaultdict(Mean)  # seconds of a step, by shape
        self.steps: defaultdict[str, Mean] = defaultdict(Mean)  # of a whole run, by cell
        self.models: dict[tuple[tuple[str, str], int], tuple[float, int]] = {}  # seconds and bytes, by shape, cell and steps that are there
        self.looked_up: set[str] = set()

    def of(self, config: RunConfig, done: int = 0) -> Estimate:
        """The estimate for `config`, of which `done` steps are there."""
        self._look_up(config)
        budget, trajectory = config.budget.model_dump(mode="json"), config.whole_trajectory()
        kind = shape(trajectory, config.whole_measure()), cell(trajectory, budget)
        alike, same = self.step_s[kind[0]], self.steps[kind[1]]
        expected = round(same.value) if same.n else expected_steps(config)
        steps = (expected if expected > done else max(done, config.budget.steps)) - done
        if (kind, done) not in self.models:  # runs that differ in seeds alone take the same
            self.models[kind, done] = SIDE_BY_SIDE * modelled(config, steps), storage(config, done + steps)
        seconds, size = self.models[kind, done]
        return Estimate(steps, steps * alike.value if alike.n else seconds, size, alike.n)

    def _look_up(self, config: RunConfig) -> None:
        """Reads a few finished runs that may be of `config`'s shape, by the readable part of their ids."""
        label = config.label.rpartition("-s")[0]
        if label in self.looked_up:
            return
        self.looked_up.add(label)
        names = [name for name in self.names if name.startswith(f"{label}-s")]
        mine = [self.records[name] for name in names if name in self.records]
        others = (record for name in names if name not in self.records and (record := readable(self.store, name)))
        for record in (*mine, *islice(others, EXAMPLES)):
            if record.steps:
                self.step_s[shape(record.trajectory, record.measure)].add(record.seconds / record.steps)
                self.steps[cell(record.trajectory, record.budget)].add(record.steps)


def shape(trajectory: Mapping[str, Any], measure: Mapping[str, Any]) -> str:
    """Equal for runs of which a step costs the same: all but seeds, optimizer settings and cheap penalties."""
    task = unseeded(trajectory.get("task", {}))
    optim = trajectory.get("optim", {})
    kept = {key: value for key, value in trajectory.items() if key not in ("seed", "optim", "penalties", "task")}
    costly = trajectory.get("penalties", {}).get("spectral")
    return json.dumps([kept, task, optim.get("kind", DEFAULT_OPTIM), optim.get("batch_size"), costly and costly.get("every", 1), measure], sort_keys=True)


def cell(trajectory: Mapping[str, Any], budget: Mapping[str, Any]) -> str:
    """Equal for runs that differ in seeds alone."""
    task = unseeded(trajectory.get("task", {}))
    rules = {key: budget.get(key) for key in ("steps", "stop", "futility")}
    return json.dumps([{**trajectory, "seed": None, "task": task}, rules], sort_keys=True)


def unseeded(task: Mapping[str, Any]) -> dict[str, Any]:
    """`task` without the seeds of its split, and of its parts."""
    kept = {key: value for key, value in task.items() if key not in ("seed", "split_seed")}
    return {key: unseeded(value) if isinstance(value, Mapping) else value for key, value in kept.items()}


def expected_steps(config: RunConfig) -> int:
    """Mean steps, if success comes at decay time TAU, the tail follows, and CENSORED of the runs use their budget; the budget where nothing decays or stops."""
    budget = config.budget
    tau = config.optim.tau(budget.steps) if isinstance(config, Supervised) else 0.0
    if budget.stop is None or tau <= TAU:
        return budget.steps
    success = budget.steps * TAU / tau
    after = max(budget.stop.tail.min_steps, budget.stop.tail.factor * success)
    stopped = min(budget.steps, success + budget.stop.sustain + after)
    return round(CENSORED * budget.steps + (1 - CENSORED) * stopped)


def wall_seconds(runs: Iterable[float], slots: int) -> float:
    """Time until the last of `runs` seconds is over, if each starts, in order, on the first of `slots` that is free."""
    free = [0.0] * slots
    heapify(free)
    for seconds in runs:
        heapreplace(free, free[0] + seconds + RUN_S)
    return max(free) + RAY_S if max(free) else 0.0


def readable(store: Store, name: str) -> Record | None:
    """The record of a run that nobody asked for: one that cannot be read, or is not to be, is simply no example."""
    try:
        return store.run(name).record()
    except Refused:
        return None
