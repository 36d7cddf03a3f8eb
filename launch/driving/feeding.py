"""The runs of one call on their way: which wait, which travel, which are over, and what becomes of those whose worker died. Knows no Tune."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from lal.claim import owner_of, told
from lal.config import RunConfig, run_id
from lal.standing import standing
from lal.store import UNREACHABLE, Failure, Store, is_away
from launch.driving.packs import Pack, cost, next_pack
from launch.driving.trial import NODE_LOST

LOST_TRIES = 3  # attempts at a run whose worker died under it
NODE_DIED = "its node has died"  # how Ray words the end of an actor whose machine went


class Feed:
    """Hands out packs of `runs`, in their order, and takes back what was not finished.

    A run whose worker died is tried LOST_TRIES times in all, from the second time on alone: it does not take others along. Those
    that were to be trained after it, in the same pack, go on without it, and nothing is held against them. What a worker answers
    of a run is not asked again.
    """

    def __init__(
        self,
        store: Store,
        runs: Iterable[RunConfig],
        seconds: Mapping[str, float],
        slots: Callable[[], int],
        *,
        schedule: Mapping[str, Any] | None = None,
        late: Callable[[], bool] = lambda: False,
        ended: Callable[[str, str], None] = lambda name, outcome: None,
    ):
        """`seconds` that runs are expected to take, by id; `slots`: workers now; under a `schedule` every run travels by itself, whatever it takes; once
        it is `late`, nothing more is handed out. `ended` hears of runs, by id, whose outcome no worker could report."""
        self.store, self.seconds, self.slots, self.schedule, self.late, self.ended = store, seconds, slots, schedule, late, ended
        self.waiting = deque(runs)
        self.left_s = sum(cost(config, seconds) for config in self.waiting)
        self.travelling: dict[str, RunConfig] = {}
        self.losses: Counter[str] = Counter()

    @property
    def finished(self) -> bool:
        """Whether no run is waiting, or may yet come back; or it is late."""
        return self.late() or (not self.waiting and not self.travelling)

    def next(self) -> Pack | None:
        """The pack for the next free worker; None while none waits."""
        if not self.waiting or self.late():
            return None
        pack = self._next()
        for config in pack:
            self.waiting.popleft()
            self.left_s -= cost(config, self.seconds)
            self.travelling[run_id(config)] = config
        return pack

    def _next(self) -> Pack:
        first = self.waiting[0]
        if self.schedule is not None or self.losses[run_id(first)]:
            return (first,)
        harmless = takewhile(lambda config: not self.losses[run_id(config)], self.waiting)
        return next_pack(harmless, self.seconds, self.left_s, self.slots())

    def over(self, name: str) -> None:
        """The run of id `name` has ended, in one way or the other."""
        self.travelling.pop(name, None)

    def returned(self, ids: Sequence[str]) -> None:
        """The worker of this pack is free: what it has not begun waits again, before all others. A single run was taken from its worker: cut."""
        if self.schedule is not None:
            for name in ids:
                self.over(name)
        self._wait_again(self._unfinished(ids))

    def lost(self, ids: Sequence[str], error: Exception) -> None:
        """The worker of this pack died, or could not even begin: the run that it was at is why, unless how that ended is known."""
        first, unfinished = self.in_training(ids), self._unfinished(ids)
        if first in self.travelling:
            self.losses[first] += 1
            if not worth_another(error) or self.losses[first] >= LOST_TRIES:
                failure = unnoted(first, error, owner_of(self.store.run(first)))
                self.store.run(first).fail(failure)
                self._end(first, failure.outcome)
                unfinished = unfinished[1:]
        self._wait_again(unfinished)

    def in_training(self, ids: Sequence[str]) -> str | None:
        """The run of this pack that is not over and comes first."""
        return next((name for name in ids if name in self.travelling), None)

    def _unfinished(self, ids: Sequence[str]) -> list[RunConfig]:
        """The runs of a pack that are not over, in order. A worker may have died after it finished a run, and before it could say so."""
        runs = [self.travelling[name] for name in ids if name in self.travelling]
        for config in runs:
            if (outcome := ended_as(config, self.store, self.schedule)) is not None:
                self._end(run_id(config), outcome)
        return [config for config in runs if run_id(config) in self.travelling]

    def _end(self, name: str, outcome: str) -> None:
        self.over(name)
        self.ended(name, outcome)

    def _wait_again(self, runs: Sequence[RunConfig]) -> None:
        for config in reversed(runs):
            self.over(run_id(config))
            self.waiting.appendleft(config)
            self.left_s += cost(config, self.seconds)


def ended_as(config: RunConfig, store: Store, schedule: Mapping[str, Any] | None = None) -> str | None:
    """How a run ended that was begun after older failures were forgotten; None where it did not. A failure of what is finished was noted too late."""
    stands = standing(config, store, schedule)
    if stands.state == "done" and stands.record is not None:
        return stands.record.outcome
    failure = store.run(run_id(config)).failure()
    return None if failure is None else failure.outcome


def cause_of(error: Exception) -> Exception:
    """What was raised in the worker, of an error that Ray wrapped."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, Exception) else error


def worth_another(error: Exception) -> bool:
    """Whether it was the worker that died, rather than something that it says."""
    from ray.exceptions import RayActorError

    return isinstance(error, RayActorError)


def unnoted(run_id: str, error: Exception, owner: Mapping[str, Any] | None = None) -> Failure:
    """The facts of what was seen from outside: a worker that died, or one that could not even begin its run. `owner` claimed it last."""
    from ray.exceptions import RayActorError

    cause, text = cause_of(error), f"{error}\n" if owner is None else f"{error}\nLast claimed by {told(owner)}.\n"
    if isinstance(error, RayActorError) and NODE_DIED in str(error):
        return Failure(run_id, "lost", NODE_LOST, 0, text)
    if isinstance(error, RayActorError):
        return Failure(run_id, "lost", f"the worker died {LOST_TRIES} times{f', last {told(owner)}' if owner else ''}", 0, text)
    if is_away(cause):
        return Failure(run_id, "lost", f"{UNREACHABLE}: {cause}", 0, text)
    return Failure(run_id, "error", str(cause).strip().rpartition("\n")[2], 0, text)
