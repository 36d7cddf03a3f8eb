"""Metrics of a run, read off the states that it saved: a new question about an old run does not train it again.

Values are those that the run itself would have logged, bit for bit on the same device and number of threads. Nothing that the run left is touched.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from lal.claim import Claim
from lal.config import RunConfig, parse, run_id
from lal.runs.packing import glimpsed, unpacked
from lal.runs.run import Row
from lal.runs.saving import STATE, holds, load
from lal.standing import refuse_other
from lal.store import RunFolder, kept_name

WRITE_EVERY_S = 10.0  # most work that a kill may lose


@dataclass
class Measured:
    """What was done for one run.

    Attributes:
        values: (metric, step) pairs that were measured now.   already: pairs that were there.
        damaged: names of checkpoints that are of no use.
        busy: another process is at work on the run; nothing was done.
    """

    run_id: str
    values: int = 0
    already: int = 0
    damaged: list[str] = field(default_factory=list)
    busy: bool = False


def config_of(folder: RunFolder) -> RunConfig | None:
    """The run that `folder` holds, whatever was asked to be measured of it; None where that is not known.

    Raises:
        pydantic.ValidationError: it was made by another version, with fields of its own.
    """
    record = folder.record()
    values = record.trajectory if record else folder.config()
    return None if values is None else parse({name: value for name, value in values.items() if name not in ("measure", "budget")})


def saved_states(folder: RunFolder) -> tuple[dict[int, str], list[str]]:
    """Names of the kept checkpoints by step, with the last state of a finished run (until then it is at no particular step); and what is damaged."""
    found = {step: kept_name(step) for step in folder.kept()}
    if not (folder.has("record.json") and folder.has("checkpoint.pt")):
        return found, []
    last = glimpsed(folder.get_bytes("checkpoint.pt"))  # its tensors are read, and found whole, when it is measured
    if not holds(last, STATE):
        return found, ["checkpoint.pt"]
    return {last["step"]: "checkpoint.pt"} | found, []


def measure(config: RunConfig, folder: RunFolder, metrics: Sequence[str], steps: Collection[int] | None = None, device: str = "cpu") -> Measured:
    """Measures `metrics`, of those that are `config.measurable()`, at its saved states (of these at `steps` alone), where that is not done yet.

    Raises:
        Refused: what is stored under this id is another run.
    """
    claim, done, threads = Claim(folder), Measured(run_id(config)), torch.get_num_threads()
    if not claim.taken():
        done.busy = True
        return done
    folder = folder.listed()
    folder.tidy()
    tables = Tables(folder, {name: config.columns_of(name) for name in metrics})
    try:
        _measure(config, folder, tables, steps, device, done, claim)
    finally:
        torch.set_num_threads(threads)
        try:
            tables.write()
        finally:
            claim.release()
    return done


def _measure(config: RunConfig, folder: RunFolder, tables: Tables, steps: Collection[int] | None, device: str, done: Measured, claim: Claim) -> None:
    states, done.damaged = saved_states(folder)
    run = None
    for step in sorted(states if steps is None else states.keys() & steps):
        missing = tables.lacking(step)
        done.already += len(tables.rows) - len(missing)
        if not missing:
            continue
        saved = state_in(config, folder, states[step])
        if saved is None or saved["step"] != step:
            done.damaged.append(states[step])
            continue
        torch.set_num_threads(saved.get("threads", 1))  # on another number, sums that are shared out differ in their last bits
        run = run or config.start(device)
        load(run, saved["state"], f"{folder.path}/{states[step]}")
        tables.add(step, run.measured(missing))
        done.values += len(missing)
        claim.beat()


def state_in(config: RunConfig, folder: RunFolder, name: str) -> dict[str, Any] | None:
    """The checkpoint `name`; None where it is damaged.

    Raises:
        Refused: it is of another trajectory.
    """
    saved = unpacked(folder.get_bytes(name))
    if not holds(saved, STATE):
        return None
    refuse_other(config, saved["trajectory"], folder)
    return saved


class Tables:
    """What is known of each metric: its rows by step. A table that is damaged counts as empty, and so does one from before a metric had all its columns."""

    def __init__(self, folder: RunFolder, columns: Mapping[str, tuple[str, ...]]):
        """`columns` of each metric, but for those named after single tensors."""
        self.folder, self.columns, self.written = folder, columns, time.monotonic()
        whole = {name for name, each in columns.items() if {*each} <= {*folder.measured_columns(name)}}
        self.rows: dict[str, dict[int, Row]] = {
            name: {row["step"]: row for row in (folder.measured(name) if name in whole else None) or ()} for name in columns
        }
        self.changed: set[str] = set()

    def lacking(self, step: int) -> list[str]:
        """The metrics that are not known at `step`."""
        return [name for name, rows in self.rows.items() if step not in rows]

    def add(self, step: int, values: dict[str, Row]) -> None:
        """Takes the columns of metrics at `step`; writes all now and then."""
        for name, row in values.items():
            self.rows[name][step] = {"step": step, **dict.fromkeys(self.columns[name]), **row}  # a column without a value is a column
        self.changed |= values.keys()
        if time.monotonic() - self.written >= WRITE_EVERY_S:
            self.write()

    def write(self) -> None:
        """Writes the tables that changed, each whole, in ascending steps."""
        for name in sorted(self.changed):
            self.folder.put_measured(name, [self.rows[name][step] for step in sorted(self.rows[name])])
        self.changed, self.written = set(), time.monotonic()
