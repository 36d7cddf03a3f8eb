"""`lal sweep`, on a Ray of our own or on a cluster that is there: run what a plan says is missing, and say how it went."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console

from lal.config import RunConfig, run_id
from lal.errors import Refused
from lal.standing import Standing, standing
from lal.store import Store
from launch.cluster import Reach
from launch.driving.chances import Chances
from launch.driving.preflight import NoRoom
from launch.driving.summary import Summary, summed
from launch.driving.time_budget import Deadline
from launch.driving.trial import Trial
from launch.following.gauges import Published
from launch.following.marks import Marks, marker, marks_of
from launch.following.progress import Board, display, follower
from launch.plan import Plan
from launch.planning.resources import resources_of
from launch.sweep import Expanded, Planned, manifest

if TYPE_CHECKING:
    from launch.searching.study import Study


@dataclass(frozen=True)
class Options:
    """How to run, not what. `again` is the command that goes on, as a person typed it."""

    reach: Reach = field(default_factory=Reach)
    device: str = "auto"
    quiet: bool = False
    fresh: bool = False
    pending_timeout_s: float = 900.0
    again: str = "lal sweep ..."


def drive(planned: Plan, store: Store, options: Options, console: Console) -> Summary:
    """Runs what is missing of a sweep. Finished runs are never touched, unless `fresh` says to forget them.

    Raises:
        Refused: the sweep asks for something that this machine can never give; nothing was written then.
    """
    begun, store = time.monotonic(), store.patient()
    refuse_twin(store, planned.sweep.folder)
    driver = Driver(planned, store, options, console)
    signalled = driver.train() if planned.to_train or planned.unknown else driver.note_manifest()
    driver.chances.conclude(planned.room.wanted)
    summary = summed(driver.grown(), store, signalled, time.monotonic() - begun, driver.board.failures)
    summary = replace(summary, not_begun=driver.not_begun, search=driver.search)
    late = driver.deadline.past and summary.unfinished and signalled is None
    return replace(summary, time_up_s=planned.sweep.sweep.time_budget) if late else summary


class Driver:
    """One call of `lal sweep`."""

    def __init__(self, planned: Plan, store: Store, options: Options, console: Console):
        self.planned, self.store, self.options, self.console = planned, store, options, console
        self.sweep = planned.sweep
        self.chances = Chances(store, self.sweep.schedule)
        self.deadline = Deadline.after(self.sweep.sweep.time_budget)
        self.found = planned.sweep  # with the points that a search finds
        self.marks: dict[str, Marks] = {}  # by run id, of those that are known by now
        self.before: dict[str, Standing] = {}  # how the runs of these stood when they were handed out
        self.study: Study | None = None
        self.search: dict[str, Any] | None = None  # how far it is
        self.not_begun: str | None = None  # why nothing was begun
        self.board = Board(len(planned.to_train) + planned.unknown_runs, self.sweep.goal.column, labels(self.sweep.runs))

    def train(self) -> int | None:
        """Trains what is missing, on one Ray after another where a worker had to be killed for its memory.

        Returns the signal that interrupted, or None.
        """
        from launch.tuner import KilledForMemory

        if self.options.fresh:
            self._refuse_shared()
        left, first = list(self.planned.to_train), True
        try:
            while (left or self.planned.unknown) and not self.deadline.past:
                try:
                    return self._train_on_ray(left, first)
                except KilledForMemory:
                    left, first = [config for config in left if not self.chances.over(config)], False
        finally:
            if self.study is not None:
                self.study.leave()
        return None

    def grown(self) -> Plan:
        """The plan, with the points that a search has found meanwhile."""
        new = {name: config for name, config in self.found.configs().items() if name not in self.planned.standings}
        stood = {name: self.before.get(name) or standing(config, self.store) for name, config in new.items()}
        to_train = (*self.planned.to_train, *(config for name, config in new.items() if stood[name].state != "done"))
        return replace(self.planned, sweep=self.found, standings={**self.planned.standings, **stood}, to_train=to_train)

    def note_manifest(self) -> None:
        """Writes down which runs the sweep has: what reports show."""
        self.store.put_json(f"{self.store.sweep(self.sweep.folder)}/manifest.json", manifest(self.found))

    def _train_on_ray(self, runs: list[RunConfig], first: bool) -> int | None:
        from launch.cluster import connected
        from launch.driving.interrupts import interruptible

        # Ray prints of dead workers to the driver's stdout; the summary says it better, and scripts read stdout.
        with silence(), interruptible() as came:
            try:
                with connected(self.options.reach, self.sweep.folder) as address, self._head_watched():
                    self._train_connected(runs, first, address)
            except KeyboardInterrupt:
                pass  # workers end with our connection, and their runs go on from what they saved
            except NoRoom as error:
                self.not_begun = str(error)
        return came[0] if came else None

    @contextmanager
    def _head_watched(self) -> Iterator[None]:
        """Inside, a cluster whose head is lost is no reason to wait for ever."""
        from launch.driving.head import watched

        if self.options.reach.address is None:  # of a Ray of our own, the head ends with us
            yield
            return
        with watched(self.options.reach.address, self._give_up):
            yield

    def _give_up(self, why: str) -> NoReturn:
        """Ends this process: whatever it waits for will not come."""
        from launch.driving.interrupts import leave
        from launch.driving.summary import head_lost

        head_lost(self.console, why, self.options.again)
        leave(1)

    def _train_connected(self, runs: list[RunConfig], first: bool, address: str | None) -> None:
        from launch.driving import preflight

        options = self.options
        nodes = [*preflight.nodes_now(), *preflight.nodes_to_come()]
        resources = resources_of(self.sweep.resources, nodes, options.device)
        with ExitStack() as kept:
            token = None
            if options.reach.address is not None:
                token = kept.enter_context(preflight.shared(self.store))
                preflight.wait_for_room(resources, options.pending_timeout_s)
            if first and options.device == "cuda":
                preflight.refuse_unusable_gpu(resources)
            board = self.board
            if first:
                self.study = self._opened_study()
                self._begin(runs, address)
                board.begun = time.monotonic()
            board.running.clear()  # a Ray that was started anew took them along
            shown = (display(board, self.console, quiet=options.quiet), Published(board, self.sweep.folder))
            for each in shown:
                kept.callback(each.close)
            self.marks |= marks_of(self.found.runs, self.sweep.axes, self._marked)
            seconds = {name: each.seconds for name, each in self.planned.estimates.items()}
            trial = Trial(
                self.sweep.folder, self.store, resources, options.device, token, marks=self.marks, seconds=seconds, deadline=self.deadline, ended=board.end
            )
            if self.study is not None:
                self._search(self.study, trial, board, follower(board, shown))
                return
            if self.sweep.sweep.schedule is not None:
                rivals = tuple(self.sweep.configs().values())
                steps = max(run.budget.steps for run in rivals)
                trial = replace(trial, schedule=self.sweep.sweep.schedule, goal=self.sweep.goal, steps=steps, rivals=rivals)
            self.chances.train(runs, trial, preflight.nodes_now, self._free, follower(board, shown))

    def _opened_study(self) -> Study | None:
        """The memory of a search."""
        if self.sweep.space is None:
            return None
        from launch.searching.study import opened

        return opened(self.sweep.space, self.store, self.sweep.folder, fresh=self.options.fresh)

    @cached_property
    def _marked(self) -> Callable[[Planned], Marks]:
        """What marks a run."""
        space = self.sweep.space
        return marker(self.sweep.runs, self.sweep.axes) if space is None else marker(space.corners, self.sweep.axes, space.ranges)

    def _search(self, study: Study, trial: Trial, board: Board, callback: Any) -> None:
        """Trains the points that `study` proposes; those of their runs that failed by no fault of theirs, or for want of memory, once more after all others."""
        from launch.driving import preflight
        from launch.searching.hunt import Hunt
        from launch.tuner import feed_all, slots_of

        def found(runs: Sequence[Planned]) -> None:
            board.labels |= labels(runs)
            self.marks.update(marks_of(runs, self.sweep.axes, self._marked))

        def note(sweep: Expanded) -> None:
            self.found = sweep
            self.note_manifest()

        late, slots = lambda: self.deadline.past, lambda: slots_of(trial.resources)
        hunt = Hunt(self.found, self.store, study, slots, note, found=found, late=late, ended=trial.ended, before=self.before)
        try:
            feed_all(hunt, trial, callback)
            again = [config for config in hunt.handed_out() if not self.chances.over(config)]
            if again and not self.deadline.past:
                self.chances.train(again, trial, preflight.nodes_now, self._free, callback)
                hunt.tell_late()
        finally:
            hunt.close()
            self.search = vars(hunt.report)

    def _free(self, wanted: Mapping[str, float]) -> bool:
        """Whether there is room for a run that asks for `wanted`, on a cluster that others use, too, within the time that is waited for room."""
        from launch.driving import preflight

        if self.options.reach.address is None:
            return True
        with suppress(NoRoom):
            preflight.wait_for_room(wanted, min(self.options.pending_timeout_s, max(0.0, self.deadline.left_s)))
            return True
        return False

    def _begin(self, runs: list[RunConfig], address: str | None) -> None:
        """Only now that it is known that the runs can be trained: the manifest, and an end to old failures, or to everything."""
        forgotten = self._known_before() if self.options.fresh else ()
        self.note_manifest()
        for name in forgotten:
            self.store.run(name).reset()
        seen = self.store.listed("runs")
        for config in runs:
            folder = seen.run(run_id(config))
            folder.reset() if self.options.fresh else folder.forgive()
        if address and not self.options.quiet:
            self.console.print(f"Ray dashboard: {address}", highlight=False)

    def _known_before(self) -> tuple[str, ...]:
        """Ids of the runs of points that a search found in earlier calls: what `--fresh` forgets, too."""
        if self.sweep.space is None or not self.store.has(f"{self.store.sweep(self.sweep.folder)}/manifest.json"):
            return ()
        return tuple(run["run_id"] for run in self.store.manifest(self.sweep.folder)["runs"])

    def _refuse_shared(self) -> None:
        """Refuses `--fresh` where it would forget runs that other sweeps count on."""
        mine = {run_id(config) for config in self.planned.to_train} | {*self._known_before()}
        for name in self.store.names("sweeps"):
            if name == self.sweep.folder or not self.store.has(f"{self.store.sweep(name)}/manifest.json"):
                continue
            shared = mine & {run["run_id"] for run in self.store.manifest(name)["runs"]}
            if shared:
                what = f"--fresh must not forget runs of other sweeps, but {len(shared)} of these are runs of {name}, too"
                raise Refused(f"{what}; leave --fresh out, or use another --results")


def refuse_twin(store: Store, folder: str) -> None:
    """Refuses a sweep whose folder differs from another's in the case of letters alone: where file systems do not tell them apart, one would be the other's."""
    twin = next((each for each in store.names("sweeps") if each != folder and each.casefold() == folder.casefold()), None)
    if twin is not None:
        raise Refused(f"sweeps must differ in more than the case of letters, but {store.where('sweeps')} has {twin!r} beside {folder!r}; rename one of them")


@contextmanager
def silence() -> Iterator[None]:
    """Inside, what is printed to sys.stdout is dropped; a console that holds the stream itself goes on."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield


def labels(runs: Sequence[Planned]) -> dict[str, str]:
    """How a person knows each run."""
    return {run.run_id: label(run.arm, run.point, run.seed) for run in runs}


def label(arm: str, point: dict[str, Any], seed: int) -> str:
    """How a person knows a run: arm, last words of the paths that vary, seed."""
    values = ", ".join(f"{path.split('.')[-1]}={value:g}" if isinstance(value, float) else f"{path.split('.')[-1]}={value}" for path, value in point.items())
    return " ".join(part for part in ("" if arm == "all" else arm, values, f"seed {seed}") if part)
