"""A search on its way: which points are proposed, travel and are over, and what the study is told of them. Knows no Tune.

It hands out packs as `launch.driving.feeding.Feed` does: a pack is the runs of one point that are still to be trained. Other drivers may be at the same study:
their points count, and are left to them as long as they live.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from lal.claim import owner_of
from lal.config import RunConfig
from lal.standing import Standing, standing
from lal.store import Store
from launch.driving.feeding import LOST_TRIES, ended_as, unnoted, worth_another
from launch.driving.packs import Pack
from launch.searching.points import Key, Points, Runs, ids, worded
from launch.searching.space import Found
from launch.searching.study import Study
from launch.sweep import Expanded

VAIN = 30  # proposals of points that are known, one after the other, before one is taken that is not
LOOK_S = 5.0  # between two looks for what drivers that are no more have left
NOTE_SHARE = 0.05  # of the time that notes of all points may take: each takes the longer, the more there are


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
    runs: Runs
    left: set[str]


class Hunt:
    """Proposes points until there are as many as wanted, and tells the study what they came to.

    Attributes:
        sweep: with the points that were known when they were noted last.   before: how runs stood when they were handed out, by id.
    """

    def __init__(
        self,
        sweep: Expanded,
        store: Store,
        study: Study,
        slots: Callable[[], int],
        note: Callable[[Expanded], None],
        *,
        found: Callable[[Runs], None] = lambda runs: None,
        late: Callable[[], bool] = lambda: False,
        ended: Callable[[str, str], None] = lambda name, outcome: None,
        before: dict[str, Standing] | None = None,
    ):
        """`found` hears of the runs of each new point before they are handed out, `note` of the sweep with all of them, as often as is cheap. `slots`: points
        on their way at once, lest proposals know nothing; once it is `late`, nothing more is handed out.
        `ended`: see `launch.driving.feeding.Feed`. `before` goes on from an earlier hunt of the same call."""
        assert sweep.space is not None
        self.sweep, self.store, self.study, self.slots = sweep, store, study, slots
        self.note, self.found, self.late, self.ended = note, found, late, ended
        self.before = {} if before is None else before
        self.points = Points(sweep.space, store)
        self.waiting: deque[Pack] = deque()  # of points on their way, back from a worker that died or had enough
        self.open: dict[str, Travelling] = {}  # by id of a run
        self.losses: Counter[str] = Counter()
        self.reasons: dict[Key, str] = {}  # why points of this call have no objectives
        self.report = Report(sweep.space.search.points)
        self.done = self._unsure = False
        self._looked = self._noted = self._rests_until = 0.0
        self._noting_s = 0.0  # that the last note took
        self._resume()

    def _resume(self) -> None:
        """Takes up what earlier calls left: points of the manifest that the study has lost, and those whose runs are not all finished."""
        _, self._unsure = self.study.close_silent(own=True)
        for point in self.sweep.found:
            self._learn(point)
        self._merge()
        elsewhere = {ids(self._learn(point)) for point in (*self.study.running(), *self.study.waiting())}
        self._take_up(point for key, (point, _) in list(self.points.known.items()) if key not in elsewhere)
        self._write()

    def _learn(self, point: Found) -> Runs:
        """The runs of a point, of which everybody hears once."""
        runs, new = self.points.learn(point)
        if new:
            self.found(runs)
        return runs

    def _merge(self) -> None:
        """Learns of the points that the study has meanwhile, from other drivers, too."""
        for point, told in self.study.news():
            runs = self._learn(point)
            if told and runs:
                self.points.told.add(ids(runs))

    def _take_up(self, points: Iterable[Found]) -> None:
        """Tells the study of those of known `points` that it has lost, and has those proposed again that can come to more."""
        for point in points:
            runs = self._learn(point)
            values = None if ids(runs) in self.points.told or not runs else self.points.objectives(runs)[0]
            if values is not None:
                self.study.add(point, values, ids(runs))
                self.points.told.add(ids(runs))
            elif runs and self.points.worth_training(runs):
                self.study.enqueue([point])

    @property
    def finished(self) -> bool:
        """Whether no run is waiting, or may yet come back; or it is late."""
        return self.late() or (self.done and not self.waiting and not self.open)

    def next(self) -> Pack | None:
        """The runs for the next free worker; None while none can be proposed."""
        if self.late():
            return None
        self._note()
        if self.waiting:
            return self.waiting.popleft()
        if self.done or time.monotonic() < self._rests_until or len({each.number for each in self.open.values()}) >= self.slots():
            return None
        self._look_around()
        for _ in range(VAIN):
            self._merge()
            if len(self.points.known) >= self.report.wanted and not self.study.waiting():
                return self._rest()
            if pack := self._proposed():
                return pack
        unseen = self.points.unseen()
        if unseen is None:
            self.report.exhausted = True
            return self._rest()
        self.study.enqueue([unseen])
        return self._proposed() or None

    def _rest(self) -> None:
        """All points are found. What drivers have on their way of which it is not known whether they live may yet have to be taken up."""
        self.done, self._rests_until = not self._unsure, time.monotonic() + LOOK_S

    def _look_around(self) -> None:
        """Takes up what drivers that are no more have left."""
        if time.monotonic() - self._looked >= LOOK_S:
            left, self._unsure = self.study.close_silent()
            self._looked = time.monotonic()
            self._take_up(left)

    def _proposed(self) -> Pack:
        """The runs to train of the point that the study proposes now; none where it is known already, cannot be, or is all there."""
        asked = self.study.ask()
        runs, new = self.points.learn(asked.point)
        if not runs:
            return self._refused(asked.number, asked.point)
        if new:
            self.found(runs)
        if any(run.run_id in self.open for run in runs):
            self.study.tell(asked.number, None, "the same point is on its way already", ids(runs))
            return ()
        left = self.points.unfinished(runs)
        if not left or not (new or asked.wanted):
            self._tell(asked.number, runs)
            return ()
        for run in left:
            self.before.setdefault(run.run_id, standing(run.config, self.store))
            self.store.run(run.run_id).forgive()
        travelling = Travelling(asked.number, runs, {run.run_id for run in left})
        self.open |= dict.fromkeys(travelling.left, travelling)
        self._note()
        return tuple(run.config for run in left)

    def _refused(self, number: int, point: Found) -> Pack:
        """Tells the study of a point that cannot be."""
        reason = f"the point cannot be: {self.points.impossible[worded(point)]}"
        self.reasons[(str(number),)] = reason
        self.study.tell(number, None, reason)
        return ()

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
        if left := self._unfinished(ids):
            self.waiting.append(tuple(left))

    def lost(self, ids: Sequence[str], error: Exception) -> None:
        """The worker of this pack died, or could not even begin: the run that it was at is why, unless how that ended is known. It goes on alone."""
        first, left = self.in_training(ids), self._unfinished(ids)
        if first is not None and first in self.open:
            self.losses[first] += 1
            if not worth_another(error) or self.losses[first] >= LOST_TRIES:
                failure = unnoted(first, error, owner_of(self.store.run(first)))
                self.store.run(first).fail(failure)
                self._end(first, failure.outcome)
            else:
                self.waiting.append((left[0],))
            left = left[1:]
        if left:
            self.waiting.append(tuple(left))

    def in_training(self, ids: Sequence[str]) -> str | None:
        """The run of this pack that is not over and comes first."""
        return next((name for name in ids if name in self.open), None)

    def _unfinished(self, ids: Sequence[str]) -> list[RunConfig]:
        """The runs of a pack that are not over, in order. A worker may have died after it finished a run, and before it could say so."""
        configs = self.points.configs
        for name in ids:
            if name in self.open and (outcome := ended_as(configs[name], self.store)) is not None:
                self._end(name, outcome)
        return [configs[name] for name in ids if name in self.open]

    def _end(self, name: str, outcome: str) -> None:
        self.over(name)
        self.ended(name, outcome)

    def _tell(self, number: int, runs: Runs) -> None:
        """Tells the study what the runs of a point came to. It may have been told before: the point counts once."""
        values, reason = self.points.objectives(runs)
        self.study.tell(number, values, reason, ids(runs))
        self._count(runs, told=values is not None, reason=reason)

    def _count(self, runs: Runs, *, told: bool, reason: str = "") -> None:
        """Counts what the study was told of a point; failures of other drivers are theirs to tell."""
        if told:
            self.points.told.add(ids(runs))
        if any(run.run_id in self.before for run in runs):
            self.reasons[ids(runs)] = reason

    def handed_out(self) -> list[RunConfig]:
        """The runs that this call was to train."""
        return [self.points.configs[name] for name in self.before]

    def tell_late(self) -> None:
        """Tells the study of points whose runs were finished by second chances, after it was told that they had failed."""
        for key, (point, runs) in self.points.known.items():
            if key not in self.points.told and any(name in self.before for name in key) and (values := self.points.objectives(runs)[0]) is not None:
                self.study.add(point, values, key)
                self._count(runs, told=True)

    def close(self) -> None:
        """Notes the points that are known by now."""
        self._merge()
        self._write()

    def _note(self) -> None:
        """Notes the points, if that is a while ago and there are new ones: until then the study has them."""
        if len(self.points.known) > len(self.sweep.found) and time.monotonic() - self._noted >= self._noting_s / NOTE_SHARE:
            self._write()

    def _write(self) -> None:
        begun, known = time.monotonic(), self.points.known.values()
        self.sweep = replace(self.sweep, found=tuple(point for point, _ in known), runs=tuple(run for _, runs in known for run in runs))
        self.report.points, self.report.told = len(self.points.known), len(self.points.told)
        self.report.failed = dict(Counter(reason for reason in self.reasons.values() if reason))
        self.note(self.sweep)
        self._noted = time.monotonic()
        self._noting_s = self._noted - begun
