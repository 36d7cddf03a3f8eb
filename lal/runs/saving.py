"""What a run leaves in its folder while it is trained, and how the next attempt finds it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any, TypeGuard

import torch

from lal.config import RunConfig, dump, run_id
from lal.runs.packing import packed, unpacked
from lal.runs.run import Row, Run, is_pulse
from lal.standing import refuse_other
from lal.stopping import End, Stopper, end_of
from lal.store import Record, RunFolder, arrays_name, kept_name

STATE = {"trajectory", "measure", "step", "state"}  # what a kept checkpoint holds
SAVED = STATE | {"rows", "part"}  # what the checkpoint to go on from holds, at least
TYPES: dict[str, Any] = {
    **dict.fromkeys(("trajectory", "measure", "state"), dict),
    **dict.fromkeys(("step", "rows", "part", "threads"), int),
    "notes": list,
}
MOST_THREADS = 4096


class Saver:
    """The rows, weights and arrays of one attempt, on their way to the disk.

    Snapshots and kept checkpoints are written with their row. What a kill leaves of them beyond the last checkpoint is
    written again by the next attempt, and what is not due in the end is removed.

    Attributes:
        config: the run, measured so that it serves everybody who asked before, too; and under the budget of a finished run that went
            further, where that is trained again.
        every: steps between the rows that may end it.
        rows: all so far, those of earlier attempts included.
        step: of the run's state: of the last row, pulses included.
        notes: what was lost on the disk and made good, in words.
    """

    def __init__(self, config: RunConfig, folder: RunFolder):
        self.config, self.folder, self.every = config, folder, config.eval_every
        self.rows: list[Row] = []
        self.step = 0
        self.notes: list[str] = []
        self._unsaved = 0  # index of the first row that no part holds
        self._part = 0
        self._best: tuple[Row, dict[str, Any]] | None = None
        self._best_value: float | None = None

    def resume(self) -> dict[str, Any] | None:
        """The state to go on from, with `rows` and counters set to match; None, and back to step 0, where nothing whole is there.

        Raises:
            Refused: the saved work is of another trajectory.
        """
        saved = unpacked(self.folder.get_bytes("checkpoint.pt"))
        if not holds(saved, SAVED):
            return self._restart(self._lost_checkpoint())
        refuse_other(self.config, saved["trajectory"], self.folder)
        if self.config.lacks(saved["measure"]):
            return self._restart(None)
        self.config = self.config.both(saved["measure"])
        rows = self.folder.saved_rows(saved["step"])
        damaged = "its history" if rows is None or len(rows) != saved["rows"] else self._first_damaged(rows, saved["step"])
        if rows is None or damaged:
            return self._restart(damaged)
        self.rows, self._unsaved, self._part, self.step = rows, len(rows), saved["part"], saved["step"]
        self.notes = list(saved.get("notes", ()))
        best = self._best_of(rows)
        self._best_value = None if best is None else best[self.config.goal.column]
        return saved["state"]

    def _first_damaged(self, rows: list[Row], step: int) -> str | None:
        """What is missing or damaged of a run whose saved `rows` go up to `step`, or None."""
        best, on_disk = self._best_of(rows), self._best_step()
        # weights better than all of `rows` were written just before a kill, and will be again
        whole = best is None or (on_disk is not None and (on_disk == best["step"] or on_disk > step))
        return self.folder.first_damaged(self._due(step)) or (None if whole else "best.pt")

    def _best_of(self, rows: Iterable[Row]) -> Row | None:
        """The first of the best `rows`; None where none has a value of the goal."""
        best, value = None, None
        for row in rows:
            if self.config.goal.better(row.get(self.config.goal.column), value):
                best, value = row, row[self.config.goal.column]
        return best

    def _best_step(self) -> int | None:
        """The step whose weights are on the disk as the best."""
        best = unpacked(self.folder.get_bytes("best.pt"))
        return best["step"] if holds(best, {"step"}) else None

    def lost_best(self) -> bool:
        """Whether the weights of the best row are neither on the disk nor about to be: the next `resume` will see it, too."""
        best = self._best_of(self.rows)
        if best is None or self._best is not None or self._best_step() == best["step"]:
            return False
        self.folder.drop_best()
        return True

    def _lost_checkpoint(self) -> str | None:
        """The checkpoint's name, if there was one; a run that was killed before its first has lost nothing."""
        return "checkpoint.pt" if self.folder.has("checkpoint.pt") or self.folder.record() else None

    def _due(self, step: int) -> Iterable[str]:
        """Names of the snapshots and kept checkpoints up to `step`."""
        for name, every in ((arrays_name, self.config.snapshot_every), (kept_name, self.config.save_every)):
            yield from map(name, range(0, step + 1, every) if every else ())

    def _restart(self, damaged: str | None) -> None:
        """Begins anew, because of what is `damaged` or for another reason; what a finished run measured is measured again, as far as it went."""
        if damaged:
            self.notes.append(f"{damaged} was damaged or missing: trained again from step 0")
        record = self.folder.record()
        if record is not None:
            if self._ends_within(record):
                budget = self.config.budget.model_validate(record.budget)
                self.config, self.every = self.config.model_copy(update={"budget": budget}), record.measure["eval_every"]
            self.config = self.config.both(record.measure)
        self.folder.restart()

    def _ends_within(self, record: Record) -> bool:
        """Whether what is asked is over by where a finished run got to."""
        rows = self.folder.history() if self.folder.history_intact(record) else None
        return rows is not None and end_of(rows, self.stopper()) is not None

    def stopper(self) -> Stopper:
        """Says when the run is over."""
        return Stopper(self.config.budget, self.config.goal, self.config.fit, self.every)

    def keep(self, row: Row, run: Run, *, last: bool) -> None:
        """Takes the row that `run` has just yielded, and what else is due at its step."""
        self.step = row["step"]
        if is_pulse(row):
            return
        self.rows.append({name: each for name, each in row.items() if each is not None})  # as they are read back
        value = row.get(self.config.goal.column)
        if self.config.goal.better(value, self._best_value):
            self._best_value, self._best = value, (row, run.weights())
        if last or is_due(self.step, self.config.snapshot_every):
            self.folder.put_arrays(self.step, run.arrays())
        if is_due(self.step, self.config.save_every):
            self.folder.put_bytes(kept_name(self.step), packed(self._state(run)))

    def save(self, run: Run) -> None:
        """A part, then the best weights, then the checkpoint that names them: killed in between, the older checkpoint still holds."""
        self._part += 1
        self.folder.put_part(self._part, self.rows[self._unsaved :])
        self._unsaved = len(self.rows)
        self._put_state(run)

    def _put_state(self, run: Run) -> None:
        if self._best is not None:
            row, weights = self._best
            self.folder.put_bytes("best.pt", packed({"step": row["step"], "goal": row[self.config.goal.column], "weights": weights}))
            self._best = None
        counters = {"rows": len(self.rows), "part": self._part, "notes": self.notes}
        self.folder.put_bytes("checkpoint.pt", packed(self._state(run) | counters))

    def _state(self, run: Run) -> dict[str, Any]:
        """What can be measured or gone on from: the run's identity and state."""
        return {
            "trajectory": self.config.whole_trajectory(),
            "measure": self.config.whole_measure(),
            "step": self.step,
            "threads": torch.get_num_threads(),
            "state": run.state_dict(),
        }

    def finish(self, run: Run, end: End, environment: dict[str, Any], schedule: Mapping[str, Any] | None = None) -> Record:
        """Declares the run finished in `environment`, once all that its record speaks of is written; `schedule` is noted of a run that it cut."""
        if self.folder.first_damaged([arrays_name(self.step)]):  # an earlier attempt was to go on beyond this row, or was killed at it
            self.folder.put_arrays(self.step, run.arrays())
        sha256 = self.folder.join(self.rows)
        self._put_state(run)
        self.folder.drop_parts()
        self.folder.prune(
            lambda step: step == self.step or (step < self.step and is_due(step, self.config.snapshot_every)),
            lambda step: step <= self.step and is_due(step, self.config.save_every),
        )
        record = self._record(end, sha256, environment, schedule if end.outcome == "pruned" else None)
        self.folder.finish(record)
        return record

    def _record(self, end: End, sha256: str, environment: dict[str, Any], schedule: Mapping[str, Any] | None) -> Record:
        notes = {"notes": self.notes} if self.notes else {}
        return Record(
            run_id=run_id(self.config),
            outcome=end.outcome,
            reason=end.reason,
            steps=end.step,
            seconds=self.rows[-1]["seconds"],
            trajectory=self.config.whole_trajectory(),
            measure=self.config.whole_measure(),
            budget=dump(self.config)["budget"],
            history_sha256=sha256,
            environment=environment | notes,
            schedule=None if schedule is None else dict(schedule),
        )


def is_due(step: int, every: int | None) -> bool:
    """Whether what is done every `every` steps, from step 0 on, is done at `step`; None is never."""
    return every is not None and step % every == 0


def holds(saved: dict[str, Any] | None, names: Set[str]) -> TypeGuard[dict[str, Any]]:
    """Whether an unpacked file has `names`, each of its type and counters from 0: it may be a stranger's."""
    if saved is None or not saved.keys() >= names:
        return False
    values = [(value, TYPES[name]) for name, value in saved.items() if name in TYPES]
    sound = all(isinstance(value, kind) and not (kind is int and value < 0) for value, kind in values)
    return sound and 1 <= saved.get("threads", 1) <= MOST_THREADS


def load(run: Run, state: dict[str, Any], path: str) -> None:
    """Sets `run` to `state`, which file `path` holds.

    Raises:
        ValueError: it is the state of something else. Nothing is removed: it may be of a later version.
    """
    try:
        run.load_state_dict(state)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise
        what = f"{type(error).__name__}: {str(error)[:200]}"
        raise ValueError(f"a saved state must fit its run, but {path} does not ({what}); move it away, and the run is trained again") from error
