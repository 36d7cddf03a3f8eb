"""What a new scheduler knows of runs that are finished: Tune begins anew with every call, and within one after a loss; its schedulers begin knowing nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from lal.config import RunConfig, run_id
from lal.events import Goal
from lal.standing import standing
from lal.store import Store
from launch.schedulers.scheduling import Comparing


@dataclass(frozen=True)
class Finished:
    """A run as schedulers name it."""

    trial_id: str


def recalled(schedule: Comparing, scheduler: Any, goal: Goal, runs: Iterable[RunConfig], store: Store) -> Any:
    """`scheduler`, which `schedule` built, with the recorded histories of those of `runs` that are done under it: what they would have been compared with.

    Runs that go on report their earlier evaluations by themselves, and are compared at them again, with all that is known by then.
    """
    spec = schedule.model_dump(mode="json")
    for config in runs:
        if standing(config, store, spec).state == "done":
            rows = store.run(run_id(config)).history() or ()
            schedule.recall(scheduler, Finished(run_id(config)), [each for row in rows if (each := compared(row, goal, config.budget.steps)) is not None])
    return scheduler


def compared(row: dict[str, Any], goal: Goal, steps: int) -> dict[str, Any] | None:
    """What a scheduler is told of a row; None of one that it cannot compare, or that is beyond the run's `steps`."""
    value = row.get(goal.column)
    return {"step": row["step"], goal.column: value} if value is not None and isfinite(value) and 0 < row["step"] <= steps else None
