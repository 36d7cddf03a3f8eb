"""One run from its folder to its record: resume, train, save, finish. The same for every kind of run and every driver."""

from __future__ import annotations

import errno
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch

from lal.claim import Claim
from lal.config import RunConfig, dump, run_id
from lal.environment import environment
from lal.errors import Refused
from lal.memory import peak_mib
from lal.runs.run import Row, Run
from lal.runs.saving import Saver, load
from lal.standing import standing
from lal.stopping import End, Stopper
from lal.store import UNREACHABLE, Failure, Record, RunFolder, Store, is_away

WAIT_S = 0.5
FULL = (errno.ENOSPC, errno.EDQUOT)  # a disk, or a person's share of it


class Interrupted(Exception):
    """The driver asked the run to stop; what it had done is saved."""


class TimedOut(Exception):
    """The attempt took longer than `budget.timeout_s`; what it had done is saved."""


def attempt(
    config: RunConfig,
    store: Store,
    *,
    device: str = "cpu",
    share: Mapping[str, float] | None = None,
    report: Callable[[Row], None] = lambda row: None,
    resumed: Callable[[Sequence[Row]], None] = lambda rows: None,
    stop_asked: Callable[[], bool] = lambda: False,
    schedule: Mapping[str, Any] | None = None,
    cut: Callable[[], bool] = lambda: False,
) -> Record | Failure:
    """Trains `config` to its end, from wherever `store` has it. Whatever goes wrong becomes a Failure, which is noted and returned.

    `share` of a machine, {cpu, gpu}, is noted where one was given. `report` gets every new row; `resumed`, where saved work is gone on with, its rows
    before that. `schedule` is of what compares this run with others meanwhile; once `cut` says that it fell behind, it ends there, pruned.

    Raises:
        Interrupted: `stop_asked` said so; the run goes on from here next time.
        Refused: what is stored under this id is another run.
    """
    folder = store.run(run_id(config))
    claim, session = Claim(folder), None
    try:
        wait_for(claim, folder, report, stop_asked)
        mine = store.patient(beating(claim, stop_asked)).listed(folder.path)  # nobody else writes there as long as the claim is ours
        stands = standing(config, mine, schedule)
        while stands.state != "done" or stands.record is None:
            mine.tidy(folder.path)
            session = Session(config, mine, device, claim, share, schedule, cut)
            record = session.train(report, resumed, stop_asked)
            if stands.state != "again":  # one that is trained again, as far as it went before, may have to go on from there
                return record
            stands = standing(config, mine, schedule)
        return stands.record
    except (Interrupted, Refused):
        raise
    except Exception as error:  # a crash becomes a record: the rest of the sweep goes on
        if is_away(error) and stop_asked():  # it would have been asked again
            raise Interrupted from error
        where = store.patient(stop_asked).run(run_id(config)) if is_away(error) else folder
        return noted(where, failure_of(error, config, device, session.saver.step if session else 0, share))
    finally:
        claim.release()


def wait_for(claim: Claim, folder: RunFolder, report: Callable[[Row], None], stop_asked: Callable[[], bool]) -> None:
    """Waits while another driver trains this run."""
    while not claim.taken():
        if stop_asked():
            raise Interrupted
        report({"step": 0, "seconds": 0.0, "waiting": True})
        time.sleep(WAIT_S)


def beating(claim: Claim, stop_asked: Callable[[], bool]) -> Callable[[], bool]:
    """`stop_asked`, which also shows that the owner of `claim` lives: storage may be away for longer than others wait for that."""

    def asked() -> bool:
        claim.beat()
        return stop_asked()

    return asked


def failure_of(error: Exception, config: RunConfig, device: str, step: int, share: Mapping[str, float] | None = None) -> Failure:
    """The facts of a crash after the row of `step`; of one for want of memory, how much there was in use. Storage that is away is nobody's fault: lost."""
    out_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
    away = is_away(error)
    outcome = "timeout" if isinstance(error, TimedOut) else "out_of_memory" if out_of_memory else "lost" if away else "error"
    full = isinstance(error, OSError) and error.errno in FULL
    reason = f"{UNREACHABLE}: {error}" if away else f"{type(error).__name__}: {error}{'; free space there' if full else ''}"
    text = "".join(traceback.format_exception(error))
    where = environment(device, torch.get_num_threads(), share) | ({"peak_mib": peak_mib(device)} if out_of_memory else {})
    return Failure(run_id(config), outcome, reason, step, text, where)


def noted(folder: RunFolder, failure: Failure) -> Failure:
    """Writes `failure` down if the disk allows, and returns it."""
    with suppress(OSError, Refused):  # a full disk may be why the run failed; the caller still hears of it
        folder.fail(failure)
    return failure


class Session:
    """One attempt at one run."""

    def __init__(
        self,
        config: RunConfig,
        store: Store,
        device: str,
        claim: Claim,
        share: Mapping[str, float] | None = None,
        schedule: Mapping[str, Any] | None = None,
        cut: Callable[[], bool] = lambda: False,
    ):
        self.asked, self.claim, self.device, self.share, self.schedule, self.cut = config, claim, device, share, schedule, cut
        self.saver = Saver(config, store.run(run_id(config)))

    def train(self, report: Callable[[Row], None], resumed: Callable[[Sequence[Row]], None], stop_asked: Callable[[], bool]) -> Record:
        """Trains until the run's own stopper says that it is over."""
        state = self.saver.resume()
        config = self.saver.config
        self.saver.folder.put_config(dump(config))
        stopper = self.saver.stopper()
        for row in self.saver.rows:
            stopper.see(row)
        run = config.start(self.device)
        if state is not None:
            load(run, state, f"{self.saver.folder.path}/checkpoint.pt")
            resumed(self.saver.rows)
        self._follow(run, stopper, report, stop_asked)
        assert stopper.end is not None
        if self.saver.lost_best():  # damaged meanwhile, or of a later row: killed at that, and then asked to end before it
            self.saver = Saver(self.asked, self.saver.folder)
            return self.train(report, resumed, stop_asked)
        return self.saver.finish(run, stopper.end, environment(self.device, torch.get_num_threads(), self.share), self.schedule)

    def _follow(self, run: Run, stopper: Stopper, report: Callable[[Row], None], stop_asked: Callable[[], bool]) -> None:
        """Drives the loop: saves in time, listens."""
        budget = self.asked.budget
        begun = last_save = time.monotonic()
        for row in run.rows(stopper):
            self.saver.keep(row, run, last=stopper.end is not None)
            report(row)
            self.claim.beat()
            if stopper.end is None and self.schedule is not None and self.cut():
                stopper.end = End("pruned", f"cut by {self.schedule['kind']} at step {row['step']:,}", row["step"])
                return
            now = time.monotonic()
            late = budget.timeout_s is not None and now - begun > budget.timeout_s
            asked = stopper.end is None and stop_asked()
            if stopper.end is None and (late or asked or now - last_save >= budget.checkpoint_every_s):
                self.saver.save(run)
                last_save = time.monotonic()
            if stopper.end is None and (late or asked):
                raise TimedOut(f"one attempt took over {budget.timeout_s} s, at step {row['step']}") if late else Interrupted
