"""One run from its folder to its record: resume, train, save, finish. The same for every kind of run and every driver."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import torch

from lal.claim import Claim
from lal.config import RunConfig, dump, run_id
from lal.environment import environment
from lal.errors import Refused
from lal.runs.run import Row, Run, is_pulse
from lal.standing import refuse_other, standing
from lal.stopping import End, Stopper
from lal.store import Failure, Record, RunFolder, Store

WAIT_S = 0.5
SAVED = {"trajectory", "measure", "step", "rows", "part", "state"}  # what a checkpoint holds


class Interrupted(Exception):
    """The driver asked the run to stop; what it had done is saved."""


class TimedOut(Exception):
    """The attempt took longer than `budget.timeout_s`; what it had done is saved."""


def attempt(
    config: RunConfig,
    store: Store,
    *,
    device: str = "cpu",
    report: Callable[[Row], None] = lambda row: None,
    stop_asked: Callable[[], bool] = lambda: False,
) -> Record | Failure:
    """Trains `config` to its end, from wherever `store` has it. Whatever goes wrong becomes a Failure, which is noted and returned.

    Raises:
        Interrupted: `stop_asked` said so; the run goes on from here next time.
        Refused: what is stored under this id is another run.
    """
    folder = store.run(run_id(config))
    claim, session = Claim(folder), None
    try:
        wait_for(claim, folder, report, stop_asked)
        stands = standing(config, store)
        if stands.state == "done" and stands.record:
            return stands.record
        folder.tidy()
        session = Session(config, store, device, claim)
        return session.train(report, stop_asked)
    except (Interrupted, Refused):
        raise
    except Exception as error:  # a crash becomes a record: the rest of the sweep goes on
        return noted(folder, failure_of(error, config, device, session.step if session else 0))
    finally:
        claim.release()


def wait_for(claim: Claim, folder: RunFolder, report: Callable[[Row], None], stop_asked: Callable[[], bool]) -> None:
    """Waits while another driver trains this run."""
    while not claim.taken():
        if stop_asked():
            raise Interrupted
        report({"step": 0, "seconds": 0.0})
        time.sleep(WAIT_S)


def failure_of(error: Exception, config: RunConfig, device: str, step: int) -> Failure:
    """The facts of a crash after the row of `step`."""
    out_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
    outcome = "timeout" if isinstance(error, TimedOut) else "out_of_memory" if out_of_memory else "error"
    text = "".join(traceback.format_exception(error))
    return Failure(run_id(config), outcome, f"{type(error).__name__}: {error}", step, text, environment(device, torch.get_num_threads()))


def noted(folder: RunFolder, failure: Failure) -> Failure:
    """Writes `failure` down if the disk allows, and returns it."""
    with suppress(OSError):  # a full disk may be why the run failed; the caller still hears of it
        folder.fail(failure)
    return failure


class Session:
    """One attempt at one run."""

    def __init__(self, config: RunConfig, store: Store, device: str, claim: Claim):
        self.folder, self.claim, self.device = store.run(run_id(config)), claim, device
        self.asked = config
        self.config = config  # the same, measured so that it serves everybody who asked before, too
        self.rows: list[Row] = []
        self.unsaved = 0  # index of the first row that no part holds
        self.part = 0
        self.step = 0  # of the run's state: of the last row, pulses included
        self.best: tuple[Row, dict[str, Any]] | None = None
        self.best_value: float | None = None

    def train(self, report: Callable[[Row], None], stop_asked: Callable[[], bool]) -> Record:
        """Trains until the run's own stopper says that it is over."""
        saved = self._saved()
        self.folder.put_config(dump(self.config))
        stopper = Stopper(self.asked.budget, self.asked.goal, self.asked.fit, self.asked.eval_every)
        for row in self.rows:
            stopper.see(row)
        run = self.config.start(self.device)
        if saved is not None:
            run.load_state_dict(saved)
        self._follow(run, stopper, report, stop_asked)
        assert stopper.end is not None
        return self._finish(run, stopper.end)

    def _follow(self, run: Run, stopper: Stopper, report: Callable[[Row], None], stop_asked: Callable[[], bool]) -> None:
        """Drives the loop: keeps rows and the best weights, saves in time, listens."""
        begun = last_save = time.monotonic()
        for row in run.rows(stopper):
            self.step = row["step"]
            self._keep(row, run)
            report(row)
            self.claim.beat()
            now = time.monotonic()
            late = self.config.budget.timeout_s is not None and now - begun > self.config.budget.timeout_s
            asked = stopper.end is None and stop_asked()
            if stopper.end is None and (late or asked or now - last_save >= self.config.budget.checkpoint_every_s):
                self._save(run)
                last_save = time.monotonic()
            if stopper.end is None and (late or asked):
                raise TimedOut(f"one attempt took over {self.config.budget.timeout_s} s, at step {row['step']}") if late else Interrupted

    def _keep(self, row: Row, run: Run) -> None:
        if is_pulse(row):
            return
        self.rows.append(row)
        value = row.get(self.config.goal.column)
        if self.config.goal.better(value, self.best_value):
            self.best_value, self.best = value, (row, run.weights())

    def _save(self, run: Run) -> None:
        """A part, then the best weights, then the checkpoint that names them: killed in between, the older checkpoint still holds."""
        self.part += 1
        self.folder.put_part(self.part, self.rows[self.unsaved :])
        self.unsaved = len(self.rows)
        self._put_state(run)

    def _put_state(self, run: Run) -> None:
        if self.best is not None:
            row, weights = self.best
            self.folder.put_bytes("best.pt", packed({"step": row["step"], "goal": row[self.config.goal.column], "weights": weights}))
            self.best = None
        what = {"trajectory": self.config.whole_trajectory(), "measure": self.config.whole_measure()}
        saved = {**what, "step": self.step, "rows": len(self.rows), "part": self.part}
        self.folder.put_bytes("checkpoint.pt", packed({**saved, "state": run.state_dict()}))

    def _finish(self, run: Run, end: End) -> Record:
        sha256 = self.folder.join(self.rows)
        self._put_state(run)
        record = Record(
            run_id=run_id(self.config),
            outcome=end.outcome,
            reason=end.reason,
            steps=end.step,
            seconds=self.rows[-1]["seconds"],
            trajectory=self.config.whole_trajectory(),
            measure=self.config.whole_measure(),
            budget=dump(self.config)["budget"],
            history_sha256=sha256,
            environment=environment(self.device, torch.get_num_threads()),
        )
        self.folder.drop_parts()
        self.folder.finish(record)
        return record

    def _saved(self) -> dict[str, Any] | None:
        """The state to go on from, with `rows` and counters set to match; None, and back to step 0, where nothing whole is there.

        Raises:
            Refused: the saved work is of another trajectory.
        """
        saved = unpacked(self.folder.get_bytes("checkpoint.pt"))
        if saved is None or not saved.keys() >= SAVED:
            return self._restart()
        refuse_other(self.config, saved["trajectory"], self.folder)
        if self.config.lacks(saved["measure"]):
            return self._restart()
        rows = self.folder.saved_rows(saved["step"])
        if rows is None or len(rows) != saved["rows"]:
            return self._restart()
        self.config = self.config.both(saved["measure"])
        self.rows, self.unsaved, self.part, self.step = rows, len(rows), saved["part"], saved["step"]
        for row in rows:
            value = row.get(self.config.goal.column)
            self.best_value = value if self.config.goal.better(value, self.best_value) else self.best_value
        return saved["state"]

    def _restart(self) -> None:
        """Begins anew; what a finished run measured is measured again."""
        record = self.folder.record()
        if record is not None:
            self.config = self.config.both(record.measure)
        self.folder.restart()


def packed(values: dict[str, Any]) -> bytes:
    """`values` as a file that loads without running code."""
    buffer = BytesIO()
    torch.save(values, buffer)
    return buffer.getvalue()


def unpacked(data: bytes | None) -> dict[str, Any] | None:
    """What `packed` wrote; None where there is nothing, or something damaged or foreign."""
    if data is None:
        return None
    try:
        if ZipFile(BytesIO(data)).testzip() is not None:  # torch itself does not compare checksums
            return None
        values = torch.load(BytesIO(data), weights_only=True, map_location="cpu")
    except Exception:  # torch raises half a dozen kinds for a damaged file; whichever it is, the file is of no use
        return None
    return values if isinstance(values, dict) else None
