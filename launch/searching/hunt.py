"""A search on its way: which points are proposed, travel and are over, and what the study is told of them. Knows no Tune.

It hands out packs as `launch.feeding.Feed` does: a pack is the runs of one point that are still to be trained.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isnan
from statistics import fmean

from optuna.trial import TrialState

from lal.config import RunConfig
from lal.errors import Refused
from lal.objectives import objective_of
from lal.standing import standing
from lal.store import Store
from launch.feeding import LOST_TRIES, unnoted
from launch.packs import Pack
from launch.searching.space import Found, Space
from launch.searching.study import Study
from launch.sweep import Expanded, Planned

Key = tuple[str, ...]  # the ids of a point's runs: what tells points apart
VAIN = 30  # proposals of points that are known, one after the other, before one is taken that is not


@dataclass
class Report:
    """What became of the points of one call.

    Attributes:
        points: that the search has by now, of `wanted`.   told: of these, how many the study was told objectives of.
        failed: why it was told of others that they failed, in words, each with its number of points.
        exhausted: whether nothing new was proposed any more.
    """

    wanted: int
    points: int = 0
    told: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    exhausted: bool = False


@dataclass
class Travelling:
    """A point on its way: the number of its trial, all its runs, and ids of those that are not over."""

    number: int
    runs: tuple[Planned, ...]
    left: set[str]


class Hunt:
    """Proposes points until there are as many as wanted, and tells the study what they came to."""

    def __init__(
        self,
        sweep: Expanded,
        store: Store,
        study: Study,
        slots: Callable[[], int],
        found: Callable[[Expanded], None],
        *,
        late: Callable[[], bool] = lambda: False,
    ):
        """`found` hears of the sweep with each new point, before its runs are handed out. `slots`: points on their way at once, lest proposals know nothing;
        once it is `late`, nothing more is handed out."""
        assert sweep.space is not None
        self.space: Space = sweep.space
        self.sweep, self.store, self.study, self.slots, self.found, self.late = sweep, store, study, slots, found, late
        self.waiting: deque[Pack] = deque()  # of points on their way, back from a worker that died or had enough
        self.points: dict[Key, tuple[Found, tuple[Planned, ...]]] = {}
        self.open: dict[str, Travelling] = {}  # by id of a run
        self.losses: Counter[str] = Counter()
        self.impossible: set[str] = set()
        self.told: set[Key] = set()
        self.reasons: dict[Key, str] = {}  # why points of this call have no objectives
        self.report = Report(self.space.search.points)
        self.done = False
        self._resume()

    def _resume(self) -> None:
        """Takes up what earlier calls left: points of the manifest that the study has lost, and those whose runs are not all finished."""
        self.study.close_stale()
        before = self.study.before()
        for point in (*(point for point, _ in before), *self.sweep.found):
            if runs := self._runs(point):
                self.points.setdefault(ids(runs), (point, runs))
        complete = {json.dumps(point.plain()) for point, trial in before if trial.state == TrialState.COMPLETE}
        self.told = {key for key, (point, _) in self.points.items() if json.dumps(point.plain()) in complete}
        self.again = {key for key, (_, runs) in self.points.items() if self._worth_it(runs, key in self.told)}
        self.study.enqueue(point for key, (point, _) in self.points.items() if key in self.again)
        self._note()

    def _worth_it(self, runs: Sequence[Planned], told: bool) -> bool:
        """Whether a known point can come to more: runs are not finished, and no failure says to leave them alone; or all are, but the study was not told."""
        unfinished = [run for run in runs if not self._finished(run.config)]
        if unfinished:
            return all(self.store.run(run.run_id).failure() is None for run in unfinished)
        return not told and self._objectives(runs)[0] is not None

    def _runs(self, point: Found) -> tuple[Planned, ...]:
        """The runs of a point; none of one that cannot be."""
        try:
            return self.space.runs(point)
        except Refused:
            return ()

    @property
    def finished(self) -> bool:
        """Whether no run is waiting, or may yet come back; or it is late."""
        return self.late() or (self.done and not self.waiting and not self.open)

    def next(self) -> Pack | None:
        """The runs for the next free worker; None while none can be proposed."""
        if self.late():
            return None
        if self.waiting:
            return self.waiting.popleft()
        if self.done or len({each.number for each in self.open.values()}) >= self.slots():
            return None
        for _ in range(VAIN):
            if len(self.points) >= self.space.search.points and not self.study.waiting():
                self.done = True
                return None
            if pack := self._proposed():
                return pack
        unseen = self._unseen()
        if unseen is None:
            self.done = self.report.exhausted = True
            return None
        self.study.enqueue([unseen])
        return self._proposed() or None

    def _unseen(self) -> Found | None:
        """A point that was never proposed, of a search that has only so many."""
        seen = {json.dumps(point.plain()) for point, _ in self.points.values()} | self.impossible
        return next((point for point in self.space.points() if json.dumps(point.plain()) not in seen), None)

    def _proposed(self) -> Pack:
        """The runs to train of the point that the study proposes now; none where it is known already, cannot be, or is all there."""
        number, point = self.study.ask()
        try:
            runs = self.space.runs(point)
        except Refused as error:
            self.impossible.add(json.dumps(point.plain()))
            self.reasons[(str(number),)] = f"the point cannot be: {error}"
            self.study.tell(number, None, f"the point cannot be: {error}")
            self._count()
            return ()
        if any(run.run_id in self.open for run in runs):
            self.study.tell(number, None, "the same point is on its way already", ids(runs))
            return ()
        new = ids(runs) not in self.points
        self.points.setdefault(ids(runs), (point, runs))
        if new:
            self._note()
        left = tuple(run.config for run in runs if not self._finished(run.config))
        if not left or not (new or ids(runs) in self.again):
            self.again.discard(ids(runs))
            self._tell(number, runs)
            return ()
        self.again.discard(ids(runs))
        for run in runs:
            if not self._finished(run.config):
                self.store.run(run.run_id).forgive()
        travelling = Travelling(number, runs, {run.run_id for run in runs if not self._finished(run.config)})
        self.open |= dict.fromkeys(travelling.left, travelling)
        return left

    def over(self, name: str) -> None:
        """The run of id `name` has ended, in one way or the other; the last one of a point ends that."""
        travelling = self.open.pop(name, None)
        if travelling is None:
            return
        travelling.left.discard(name)
        if not travelling.left:
            self._tell(travelling.number, travelling.runs)

    def returned(self, ids: Sequence[str]) -> None:
        """The worker of this pack is free: what it has not begun waits again."""
        self._wait_again(ids)

    def lost(self, ids: Sequence[str], error: Exception) -> None:
        """The worker of this pack died, or could not even begin: the first run that was not over is why."""
        name = self.in_training(ids)
        if name is None:
            return
        self.losses[name] += 1
        if self.losses[name] >= LOST_TRIES:
            self.store.run(name).fail(unnoted(name, error))
        self._wait_again(ids)

    def in_training(self, ids: Sequence[str]) -> str | None:
        """The run of this pack that is not over and comes first."""
        return next((name for name in ids if name in self.open), None)

    def _wait_again(self, ids: Sequence[str]) -> None:
        configs: Mapping[str, RunConfig] = {run.run_id: run.config for name in ids if name in self.open for run in self.open[name].runs}
        for name in ids:
            if name in self.open and (self._finished(configs[name]) or self.store.run(name).failure() is not None):
                self.over(name)
        if left := tuple(configs[name] for name in ids if name in self.open):
            self.waiting.append(left)

    def _finished(self, config: RunConfig) -> bool:
        return standing(config, self.store).state == "done"

    def _tell(self, number: int, runs: Sequence[Planned]) -> None:
        """Tells the study what the runs of a point came to. It may have been told before: the point counts once."""
        values, reason = self._objectives(runs)
        self.study.tell(number, values, reason, ids(runs))
        if values is not None:
            self.told.add(ids(runs))
        self.reasons[ids(runs)] = reason
        self._count()

    def _count(self) -> None:
        self.report.points, self.report.told = len(self.points), len(self.told)
        self.report.failed = dict(Counter(reason for reason in self.reasons.values() if reason))

    def _objectives(self, runs: Sequence[Planned]) -> tuple[list[float] | None, str]:
        """The objectives of a point, each the mean over its runs; or None, and why there are none."""
        unfinished = sum(not self._finished(run.config) for run in runs)
        if unfinished:
            return None, f"{unfinished} of {len(runs)} runs did not finish"
        values = []
        for column, when, _ in self.space.search.objectives.columns:
            seen = [objective_of(run.config, self.store, run.run_id, column, when) for run in runs]
            missing = sum(map(isnan, seen))
            if missing:
                return None, f"{column} at {when} was not measured, or no number, in {missing} of {len(runs)} runs"
            values.append(fmean(seen))
        return values, ""

    def _note(self) -> None:
        """The sweep has another point."""
        self._count()
        known = self.points.values()
        self.sweep = replace(self.sweep, found=tuple(point for point, _ in known), runs=tuple(run for _, runs in known for run in runs))
        self.found(self.sweep)


def ids(runs: Sequence[Planned]) -> Key:
    """The ids of the runs of a point: what tells points apart."""
    return tuple(run.run_id for run in runs)
