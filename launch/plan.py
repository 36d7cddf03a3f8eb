"""What a sweep would train: planned minus done, what that takes, what looks wrong. Imports neither torch nor ray.

planned = plan(expanded, Store("results"), skip_failed=False, nodes=None)
planned.to_train    configs that are not done, each once, in order     summary(planned)    plain data     show(planned, console)    a table
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lal.config import RunConfig
from lal.standing import Standing, standing
from lal.store import Store
from lal.terminal import harmless
from launch.following.progress import duration
from launch.planning.estimate import Estimate, Estimator, wall_seconds
from launch.planning.resources import Node, this_machine, wanted_on
from launch.planning.slots import Room
from launch.searching.known import known
from launch.sweep import Expanded

if TYPE_CHECKING:
    from rich.console import Console

STATES = ("new", "continue", "again", "done")
LEFT_ALONE = ("error", "timeout", "out_of_memory")  # by --skip-failed; interrupted and lost runs go on all the same
ENOUGH_SEEDS = 5
SHOWN_WARNINGS = 12


@dataclass(frozen=True)
class Plan:
    """What a sweep has, and what it still takes.

    Attributes:
        sweep: with the points of a search that are known.   unknown: points that it is still to find.   unfound: of each of their runs, at most.
        standings: of each run, by id.   to_train: the runs that are not done, each once, in order.
        estimates: of the runs to train, by id.   slots: runs at the same time, in `room`.   wall_s: until all are over.
        warnings: what looks wrong, each told once.   probed: whether times are by steps that were just measured here.
    """

    sweep: Expanded
    standings: dict[str, Standing]
    to_train: tuple[RunConfig, ...]
    estimates: dict[str, Estimate]
    slots: int
    room: Room
    wall_s: float
    warnings: tuple[str, ...]
    probed: bool = False
    unknown: int = 0
    unfound: tuple[Estimate, ...] = ()

    @property
    def unknown_runs(self) -> int:
        """Runs of the points that are still to be found."""
        return len(self.unfound)

    @property
    def unknown_s(self) -> float:
        """Seconds of work that these are at most."""
        return sum(each.seconds for each in self.unfound)

    @property
    def ahead(self) -> tuple[RunConfig, ...]:
        """Runs that stand for all that are left to train: those that are known, and the costliest of a point that is still to be found."""
        return (*self.to_train, *yet_unknown(self.sweep)[1]) if self.unknown else self.to_train

    @property
    def core_s(self) -> float:
        """Seconds of work, over all cores."""
        return sum(each.seconds for each in self.estimates.values())

    @property
    def storage(self) -> int:
        """Bytes that the runs to train will have in the results folder."""
        return sum(each.storage for each in self.estimates.values())

    @property
    def limit(self) -> str:
        """What keeps `slots` from being more: runs, cores or GPUs."""
        return "runs" if self.slots == len(self.to_train) < self.room.slots else self.room.limit

    @property
    def basis(self) -> str:
        """Where the times come from, in words."""
        every = (*self.estimates.values(), *self.unfound)
        told = [each for each in every if each.runs]
        if not every:
            return "nothing to train"
        if self.probed:
            return "from steps that were just measured on this machine"
        if not told:
            stops = any(config.budget.stop for config in self.ahead)
            return f"from a model of this machine, {'if success comes when it usually does' if stops else 'all of the budget'}"
        known = f"from up to {max(each.runs for each in told)} finished runs of the same shape"
        return known if len(told) == len(every) else f"{known} for {len(told)} runs, from a model of this machine for {len(every) - len(told)}"

    def counts(self, arm: str | None = None) -> dict[str, int]:
        """Runs of `arm` (of all arms together: each once) by state, and how many of those not done failed last time."""
        ids = dict.fromkeys(run.run_id for run in self.sweep.runs if arm in (None, run.arm))
        states = Counter(self.standings[run_id].state for run_id in ids)
        failed = sum(self.standings[run_id].failed is not None for run_id in ids)
        return {"runs": len(ids), **{state: states[state] for state in STATES}, "failed": failed}

    def reasons(self) -> dict[str, int]:
        """Why runs are continued or trained again, and how the failed ones failed, each with its number of runs."""
        told = [each.reason for each in self.standings.values() if each.state in ("continue", "again")]
        return dict(Counter([*told, *(f"last attempt: {each.failed}" for each in self.standings.values() if each.failed)]))

    def hints(self) -> tuple[str, ...]:
        """What could be had without training, of the runs to train again: metrics that kept checkpoints can tell."""
        left = zip(self.estimates, self.to_train, strict=True)
        lacking = [names for name, config in left if (names := measurable_later(config, self.standings[name]))]
        if not lacking:
            return ()
        metrics = ",".join(sorted({name for names in lacking for name in names}))
        runs = f"{len(lacking)} of the runs to train again keep" if len(lacking) > 1 else "1 of the runs to train again keeps"
        return (f"{runs} checkpoints: `lal measure {self.sweep.folder} --metric {metrics}` reads these metrics off them without training",)


def measurable_later(config: RunConfig, stands: Standing) -> tuple[str, ...]:
    """The metrics for which alone a finished run would be trained again, though it kept checkpoints on the way."""
    if stands.state != "again" or stands.record is None:
        return ()
    stored = stands.record.measure
    return config.unmeasured(stored) if stored.get("save_every") and config.eval_every % stored["eval_every"] == 0 else ()


def plan(
    sweep: Expanded,
    store: Store,
    *,
    skip_failed: bool = False,
    fresh: bool = False,
    nodes: Sequence[Node] | None = None,
    to_come: Sequence[Node] = (),
) -> Plan:
    """What is missing of `sweep` in `store`, on `nodes` (default: this machine) and those `to_come`; `fresh` counts nothing that is there.

    Raises:
        Refused: a stored run of the same id has another trajectory.
    """
    sweep = sweep if fresh else known(sweep, store)
    configs = sweep.configs()
    seen = store.listed("runs")
    found = [Standing("new") for _ in configs] if fresh else seen.map(lambda config: standing(config, seen, sweep.schedule), configs.values())
    standings = dict(zip(configs, found, strict=True))
    to_train = {
        run_id: config
        for run_id, config in configs.items()
        if standings[run_id].state != "done" and not (skip_failed and standings[run_id].failed in LEFT_ALONE)
    }
    estimator = Estimator(seen, {run_id: each.record for run_id, each in standings.items() if each.record})
    estimates = {run_id: estimator.of(config, standings[run_id].steps) for run_id, config in to_train.items()}
    points, largest = yet_unknown(sweep)
    unfound = tuple(estimator.of(config) for config in largest) * points
    nodes = [this_machine()] if nodes is None else nodes
    room = Room(wanted_on([*nodes, *to_come], sweep.resources), nodes)
    slots = min(room.slots, max(1, len(to_train) + len(unfound)))
    wall_s = wall_seconds((each.seconds for each in (*estimates.values(), *unfound)), slots)
    wrong = disk_warnings(store, sum(each.storage for each in estimates.values()))
    warnings = (*wrong, *room.warnings(len(to_train)), *warnings_of(sweep, configs))
    return Plan(sweep, standings, tuple(to_train.values()), estimates, slots, room, wall_s, warnings, unknown=points, unfound=unfound)


def yet_unknown(sweep: Expanded) -> tuple[int, list[RunConfig]]:
    """How many points a search is still to find, and the runs of one that takes as long as any."""
    if sweep.space is None:
        return 0, []
    return max(0, sweep.space.search.points - len(sweep.found)), [run.config for run in sweep.space.largest]


def disk_warnings(store: Store, n_bytes: int) -> Iterable[str]:
    """More bytes than there is room for where the results go, or will go."""
    free = store.free_bytes()
    if free is not None and n_bytes > free:
        yield f"the runs to train take about {size(n_bytes)}, but only {size(free)} are free for {store.where()}"


def warnings_of(sweep: Expanded, configs: dict[str, RunConfig]) -> list[str]:
    """What looks wrong with the sweep and its runs; a text that several runs share is told once, with their number."""
    counts = Counter(text for config in configs.values() for text in config.warnings())
    told = [text if count == len(configs) else f"{text} ({count} of {len(configs)} runs)" for text, count in counts.most_common()]
    more = [f"... and {len(told) - SHOWN_WARNINGS} more kinds of warning"] if len(told) > SHOWN_WARNINGS else []
    return [*sweep.left_out, *seed_warnings(sweep), *parameter_warnings(sweep), *told[:SHOWN_WARNINGS], *more]


def seed_warnings(sweep: Expanded) -> Iterable[str]:
    """Cells with too few seeds for an interval that says anything."""
    seeds = Counter((run.arm, json.dumps(run.point)) for run in sweep.runs)
    few = [count for count in seeds.values() if count < ENOUGH_SEEDS]
    if few:
        cells = f"{len(few)} of {len(seeds)} cells {'has' if len(few) == 1 else 'have'}"
        yield f"{cells} fewer than {ENOUGH_SEEDS} seeds (the fewest: {min(few)}): intervals will be wide"


def parameter_warnings(sweep: Expanded) -> Iterable[str]:
    """Arms that are compared at the same point, but differ in size."""
    sizes: dict[str, dict[str, int]] = {}
    for run in sweep.runs:
        sizes.setdefault(json.dumps(run.point), {}).setdefault(run.arm, run.config.n_parameters())
    if not sizes:
        return
    worst = max(sizes.values(), key=lambda by_arm: max(by_arm.values()) / min(by_arm.values()))
    small, large = min(worst, key=lambda arm: worst[arm]), max(worst, key=lambda arm: worst[arm])
    if worst[large] > 1.1 * worst[small]:
        yield f"arms differ in size by {worst[large] / worst[small] - 1:.0%}: {large} has {worst[large]:,} parameters where {small} has {worst[small]:,}"


def summary(plan: Plan) -> dict[str, Any]:
    """The plan as plain data, for scripts. Times in seconds and hours, storage in bytes."""
    return {
        "sweep": plan.sweep.folder,
        "command": plan.sweep.command,
        "arms": {arm: plan.counts(arm) for arm in plan.sweep.arms},
        **plan.counts(),
        "to_train": len(plan.to_train),
        "unknown": {"points": plan.unknown, "runs": plan.unknown_runs, "core_hours_at_most": round(plan.unknown_s / 3600, 4)},
        "reasons": plan.reasons(),
        "hints": list(plan.hints()),
        "resources": dict(plan.room.wanted),
        "slots": plan.slots,
        "limited_by": plan.limit,
        "wall_seconds": round(plan.wall_s, 1),
        "core_hours": round(plan.core_s / 3600, 4),
        "storage_bytes": plan.storage,
        "basis": plan.basis,
        "warnings": list(plan.warnings),
    }


def show(plan: Plan, console: Console) -> None:
    """The plan for a person."""
    from rich.table import Table

    if plan.sweep.sweep.question:
        console.print(harmless(plan.sweep.sweep.question), style="bold", markup=False, highlight=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("arm", "runs", *STATES, "failed", "parameters", "core time"):
        table.add_column(heading, justify="left" if heading == "arm" else "right")
    for arm in plan.sweep.arms:
        table.add_row(arm, *map(str, plan.counts(arm).values()), _sizes(plan, arm), duration(_core_s(plan, lambda run, arm=arm: run == arm)))
    if len(plan.sweep.arms) > 1:
        table.add_row("together", *map(str, plan.counts().values()), "", duration(plan.core_s))
    console.print(table, highlight=False)
    for reason, count in plan.reasons().items():
        console.print(harmless(f"{count} x {reason}"), markup=False, highlight=False)
    for text in plan.hints():
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    for text in plan.warnings:
        console.print(f"! {text}", style="yellow", markup=False, highlight=False)
    if plan.unknown:
        runs = f"{plan.unknown} points are still to be found, {plan.unknown_runs} runs: at most {duration(plan.unknown_s)} of work"
        console.print(f"{runs}; with what is to train, at most {duration(plan.wall_s)}, {plan.slots} at a time.", markup=False, highlight=False)
    elif plan.to_train:
        runs = f"{len(plan.to_train)} run{'s' if len(plan.to_train) > 1 else ''} to train"
        by = f", as {plan.limit} allow" if "gpu" in plan.room.wanted and plan.limit != "runs" else ""
        console.print(f"{runs}, {plan.slots} at a time{by}: about {duration(plan.wall_s)} ({plan.basis}), {size(plan.storage)}.", markup=False, highlight=False)
    else:
        console.print("Nothing to train.", highlight=False)


def _core_s(plan: Plan, wanted: Callable[[str], bool]) -> float:
    ids = dict.fromkeys(run.run_id for run in plan.sweep.runs if wanted(run.arm))
    return sum(plan.estimates[run_id].seconds for run_id in ids if run_id in plan.estimates)


def _sizes(plan: Plan, arm: str) -> str:
    sizes = {run.config.n_parameters() for run in plan.sweep.runs if run.arm == arm}
    if not sizes:
        return ""
    return f"{min(sizes):,}" if len(sizes) == 1 else f"{min(sizes):,} to {max(sizes):,}"


def size(n_bytes: float) -> str:
    """A size in bytes with a unit of its order."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} TiB"
