"""The runs of one call on their way: which wait, which travel, which are over, and what becomes of those whose worker died. Knows no Tune."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lal.config import RunConfig, run_id
from lal.standing import standing
from lal.store import Failure, Store
from launch.packs import Pack, cost, next_pack
from launch.trial import NODE_LOST

LOST_TRIES = 3  # attempts at a run whose worker died under it
NODE_DIED = "its node has died"  # how Ray words the end of an actor whose machine went


class Feed:
    """Hands out packs of `runs`, in their order, and takes back what was not finished.

    A run whose worker died is tried LOST_TRIES times in all, from the second time on alone: it does not take others along. Those
    that were to be trained after it, in the same pack, go on without it, and nothing is held against them.
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
    ):
        """`seconds` that runs are expected to take, by id; `slots`: workers now; under a `schedule` every run travels by itself, whatever it takes; once
        it is `late`, nothing more is handed out."""
        self.store, self.seconds, self.slots, self.schedule, self.late = store, seconds, slots, schedule, late
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
        return next_pack(self.waiting, self.seconds, self.left_s, self.slots())

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
        """The worker of this pack died, or could not even begin: the first run that was not over is why."""
        unfinished = self._unfinished(ids)
        if not unfinished:
            return
        name = run_id(unfinished[0])
        self.losses[name] += 1
        if self.losses[name] >= LOST_TRIES:
            self.store.run(name).fail(unnoted(name, error))
            self.over(name)
            unfinished = unfinished[1:]
        self._wait_again(unfinished)

    def in_training(self, ids: Sequence[str]) -> str | None:
        """The run of this pack that is not over and comes first."""
        return next((name for name in ids if name in self.travelling), None)

    def _unfinished(self, ids: Sequence[str]) -> list[RunConfig]:
        """The runs of a pack that are not over, in order. A worker may have died after it finished a run, and before it could say so."""
        runs = [self.travelling[name] for name in ids if name in self.travelling]
        for config in runs:
            if self.store.run(run_id(config)).failure() is not None or standing(config, self.store, self.schedule).state == "done":
                self.over(run_id(config))
        return [config for config in runs if run_id(config) in self.travelling]

    def _wait_again(self, runs: Sequence[RunConfig]) -> None:
        for config in reversed(runs):
            self.over(run_id(config))
            self.waiting.appendleft(config)
            self.left_s += cost(config, self.seconds)


def unnoted(run_id: str, error: Exception) -> Failure:
    """The facts of what was seen from outside: a worker that died, or one that could not even begin its run."""
    from ray.exceptions import RayActorError

    if isinstance(error, RayActorError) and NODE_DIED in str(error):
        return Failure(run_id, "lost", NODE_LOST, 0, str(error))
    if isinstance(error, RayActorError):
        return Failure(run_id, "lost", f"the worker died {LOST_TRIES} times", 0, str(error))
    return Failure(run_id, "error", str(error).strip().rpartition("\n")[2], 0, str(error))
