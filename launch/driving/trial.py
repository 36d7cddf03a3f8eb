"""What all runs of one call share on their way to workers. Imports neither torch nor ray."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from lal.config import RunConfig
from lal.events import Goal
from lal.store import Store
from launch.driving.guarding import Guard
from launch.driving.time_budget import Deadline
from launch.following.marks import Marks
from launch.schedulers.scheduling import AnySchedule

NODE_LOST = "its node was lost"  # reason of a failure that is nobody's fault, and worth another try later


@dataclass(frozen=True)
class Trial:
    """How the runs of a sweep are trained.

    Attributes:
        name: what the dashboard calls them.   resources: Ray's, of one run.   device: auto, cpu or cuda.
        token: name of a file in the results folder that workers must see there; None = they are on this machine.
        threads: of one run; None = as many as `resources` have cores.
        marks: run id -> what numbers of that run are labelled with where they are followed; a run without has none.
        seconds: run id -> seconds that it is expected to take, where that is known.
        schedule: what compares runs while they are trained, or None; then `goal` is what it looks at, `steps` are the most that a run takes, and
            `rivals` are all runs that it compares: of those that are finished it knows from the beginning.
        deadline: when the call is over.   call: a name of its own.
        ended: hears of runs, by id, whose outcome no worker could report: they were lost, killed, or cut by the scheduler.
    """

    name: str
    store: Store
    resources: Mapping[str, float]
    device: str
    token: str | None = None
    threads: int | None = None
    marks: Mapping[str, Marks] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    schedule: AnySchedule | None = None
    goal: Goal | None = None
    steps: int = 0
    rivals: Sequence[RunConfig] = ()
    deadline: Deadline = field(default_factory=Deadline)
    call: str = field(default_factory=lambda: uuid4().hex)
    ended: Callable[[str, str], None] = lambda name, outcome: None

    def scheduler(self, guard: Guard, cut: Callable[[str], None]) -> Any:
        """A new member of `ray.tune.schedulers`, whose cuts workers can tell from other ends; or None. `cut` hears of them, by the run's id."""
        from launch.schedulers.cutting import noting
        from launch.schedulers.recalling import recalled

        if self.schedule is None or self.goal is None:
            return None
        return noting(recalled(self.schedule, self.schedule.build(self.goal, self.steps), self.goal, self.rivals, self.store), self, guard, cut)

    def facts(self) -> dict[str, Any]:
        """What a worker is told of them, beside the run's own configuration."""
        threads = self.threads or threads_of(self.resources["cpu"])
        return {
            "sweep": self.name,
            "results": self.store.address,
            "device": self.device,
            "threads": threads,
            "share": dict(self.resources),
            "token": self.token,
            "schedule": None if self.schedule is None else self.schedule.model_dump(mode="json"),
            "call": self.call,
        }


def threads_of(cpu: float) -> int:
    """Threads of a run that asks for `cpu` cores: a part of a core is one thread's."""
    return max(1, int(cpu))
