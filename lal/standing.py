"""What is already there of a run that is asked for: nothing, a part, or all of it. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from lal.config import RunConfig, dump, identity, run_id
from lal.errors import Refused
from lal.stopping import Stopper, end_of
from lal.store import Record, RunFolder, Store, flattened

State = Literal["new", "done", "continue", "again"]
SHOWN = 8  # differences in an error
OPERATIONAL = ("checkpoint_every_s", "timeout_s", "hang_s")  # of a budget: how it runs, not when it is over


@dataclass(frozen=True)
class Standing:
    """How a run stands.

    Attributes:
        state: new       nothing is there;
               continue  saved work is there, and is gone on with, as far as it is whole;
               again     it was trained, but what is asked was not measured: trained anew, bit for bit the same;
               done      nothing to do.
        reason: why, in words; empty for new.
        steps: optimizer steps that are saved.
        record: of a finished run, whatever the state.
        failed: outcome of the last attempt if that did not finish, else None.
    """

    state: State
    reason: str = ""
    steps: int = 0
    record: Record | None = None
    failed: str | None = None


def standing(config: RunConfig, store: Store, schedule: Mapping[str, Any] | None = None) -> Standing:
    """How `config` stands in `store`. What a scheduler cut is done only for who asks under that very `schedule`.

    Raises:
        Refused: a finished run of this id has another trajectory.
    """
    folder = store.run(run_id(config))
    failure = folder.failure()
    failed = failure.outcome if failure else None
    record = folder.record()
    if record is None:
        begun = failure is not None or folder.has("checkpoint.pt")
        why = "its record is damaged" if folder.has("record.json") else "was not finished"
        return Standing("continue", why, failed=failed) if begun else Standing("new")
    refuse_other(config, record.trajectory, folder)
    lacking = config.lacks(record.measure)
    if lacking:
        return Standing("again", f"its record lacks {lacking}", 0, record, failed)
    if not folder.history_intact(record):
        return Standing("continue", "its history is damaged or was being written", 0, record, failed)
    if record.outcome == "pruned" and record.schedule != schedule:
        return Standing("continue", f"was pruned by a scheduler at step {record.steps:,}", record.steps, record, failed)
    if record.outcome == "diverged" or same_rules(config, record) or _would_have_ended(config, folder):
        return Standing("done", record.reason, record.steps, record)
    return Standing("continue", f"asked to go on beyond step {record.steps:,}", record.steps, record, failed)


def refuse_other(config: RunConfig, trajectory: dict, folder: RunFolder) -> None:
    """Refuses a stored run of the same id that computed something else: another configuration, or one made under other defaults."""
    try:
        stored = type(config).model_validate(trajectory)
    except ValidationError:
        stored = None
    if stored is None or identity(stored) != identity(config):
        mine, theirs = dict(flattened(config.whole_trajectory())), dict(flattened(stored.whole_trajectory() if stored else trajectory))
        differ = sorted(key for key in {*mine, *theirs} if mine.get(key) != theirs.get(key))
        shown = "; ".join(f"{key}: stored {theirs.get(key)!r}, asked {mine.get(key)!r}" for key in differ[:SHOWN])
        remedy = "move that folder away or use another --results"
        raise Refused(f"a stored run must have the trajectory that is asked for, but {folder.path} differs ({shown}); {remedy}")


def same_rules(config: RunConfig, record: Record) -> bool:
    """Whether the record was written under the very rules of ending, and the very cadence, that `config` has."""
    asked = dump(config)["budget"]
    rules = {*asked, *record.budget} - set(OPERATIONAL)
    return record.measure.get("eval_every") == config.eval_every and all(asked.get(key) == record.budget.get(key) for key in rules)


def _would_have_ended(config: RunConfig, folder: RunFolder) -> bool:
    rows = folder.history()
    return rows is not None and end_of(rows, Stopper(config.budget, config.goal, config.fit, config.eval_every)) is not None
