"""The one place where Ray meets runs: a Tune function trainable that trains those of a pack, each from its folder to its record."""

from __future__ import annotations

import faulthandler
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from math import inf, isfinite
from typing import Any

from lal import events
from lal.claim import Claim
from lal.config import RunConfig, parse, run_id
from lal.errors import Refused
from lal.runs.run import Row
from lal.store import Failure, Record, Store
from launch.driving.packs import opened
from launch.driving.worker import settle
from launch.following.gauges import watched

REPORT_EVERY_S = 0.5
DUMP_AT = 0.9  # of the time after which a worker that says nothing is ended
STDERR = 2  # Ray makes a log of it
RETURNED = threading.Event()  # whether this process is not in train_reported
RETURNED.set()


def train_reported(params: dict[str, Any]) -> None:
    """Trains the pack `params["job"]`, see `launch.driving.packs.job_of`: {"runs": [{"run_id", "config", "marks"}, ...], "results": root folder, "token", ...}.

    Where "token" is the name of a file, the results folder must hold it: else this node sees another folder than the driver.

    Reports run_id, step, goal, events and, last of each run, the outcome to Tune, twice a second. A crash of a run is noted in
    its folder and reported as an outcome: what Tune sees as an error is a lost worker, which is worth another try. Of runs that
    could not be begun in "at_most_s" it says nothing.

    Tune stops it by an exit of the report that is on its way: then the run in training is saved, and ended where a scheduler cut it.
    """
    from ray import tune

    RETURNED.clear()
    try:
        begun = time.monotonic()
        job = opened(params["job"])
        device = settle(job)
        refuse_unshared(job)
        stop = Stop(job)
        report = stop.heeding(watched(tune.report, job))
        for index, run in enumerate(free_first(job["runs"], Store(job["results"]).patient())):
            if index and job["at_most_s"] is not None and time.monotonic() - begun > job["at_most_s"]:
                return
            train(parse(run["config"]), job, device, report, stop)
            if stop.came:
                sys.exit(0)  # what Tune was told: it takes no report any more
    finally:
        faulthandler.cancel_dump_traceback_later()
        RETURNED.set()


def free_first(runs: Sequence[Mapping[str, Any]], store: Store) -> Iterator[Mapping[str, Any]]:
    """The `runs` of a pack in their order; but those that another driver is training when their turn comes last, when they may be finished."""
    later = []
    for run in runs:
        if Claim(store.run(run["run_id"])).elsewhere():
            later.append(run)
        else:
            yield run
    yield from later


def returned(within_s: float) -> bool:
    """Waits until `train_reported` has returned in this process, or was never called; says whether it has."""
    return RETURNED.wait(within_s)


class Stop:
    """Whether Tune has stopped this worker: because a scheduler cut its run, the time is up, or Tune itself gave up."""

    def __init__(self, job: Mapping[str, Any]):
        self.job, self.came, self.by_scheduler = job, False, False

    def heeding(self, report: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
        """`report`, until Tune stops the worker; then nothing."""

        def reported(facts: dict[str, Any]) -> None:
            try:
                if not self.came:
                    report(facts)
            except SystemExit:
                self.came = True
                folder = Store(self.job["results"]).patient().run(facts["run_id"])
                self.by_scheduler = self.job["schedule"] is not None and folder.take_cut_note(self.job["call"])

        return reported

    def cut(self) -> bool:
        """Whether a scheduler has cut the run in training."""
        return self.by_scheduler

    def interrupted(self) -> bool:
        """Whether the run is to go on another time."""
        return self.came and not self.by_scheduler


def heard(report: Callable[[dict[str, Any]], None], hang_s: float | None) -> Callable[[dict[str, Any]], None]:
    """`report`, after which the worker's log shows where all threads are if there is no other before the driver takes the worker for hung."""
    faulthandler.cancel_dump_traceback_later()  # the run before may have had a limit
    if hang_s is None:
        return report

    def said(facts: dict[str, Any]) -> None:
        report(facts)
        faulthandler.dump_traceback_later(DUMP_AT * hang_s, file=STDERR)

    faulthandler.dump_traceback_later(DUMP_AT * hang_s, file=STDERR)
    return said


def train(config: RunConfig, job: Mapping[str, Any], device: str, report: Callable[[dict[str, Any]], None], stop: Stop) -> None:
    """Trains one run of the pack `job` on torch's `device`, and reports of it. One that has failed is left alone: another attempt at its pack began."""
    from lal.runs.session import Interrupted, attempt, failure_of, noted

    store, reporter = Store(job["results"]), Reporter(config, heard(report, config.budget.hang_s), compared=job["schedule"] is not None)
    folder = store.patient(stop.interrupted).run(run_id(config))
    result = folder.failure()
    with suppress(Interrupted):
        try:
            result = result or attempt(
                config,
                store,
                device=device,
                share=job["share"],
                report=reporter.see,
                resumed=reporter.catch_up,
                stop_asked=stop.interrupted,
                schedule=job["schedule"],
                cut=stop.cut,
            )
        except Refused as error:  # for good: another worker would say the same
            result = noted(folder, failure_of(error, config, device, 0, job["share"]))
        reporter.finish(result)


def refuse_unshared(job: dict[str, Any]) -> None:
    """Refuses to train where nobody would find the results.

    Raises:
        Refused: this node does not see what the driver wrote.
    """
    if job["token"] is not None and not Store(job["results"]).patient().has(job["token"]):
        raise Refused(f"--results must be one place for all nodes, but {job['results']} is not that of the driver on {socket.gethostname()}; mount it there")


class Reporter:
    """Turns rows into reports: not too many, and what a person follows in each.

    Of a run that a scheduler compares with others every evaluation is reported, those of earlier attempts included: what it decides must not hang on how
    fast a worker is. Other reports are without the goal column then: schedulers pass over those.
    """

    def __init__(self, config: RunConfig, report: Callable[[dict[str, Any]], None], *, compared: bool = False):
        self.config, self.report, self.compared = config, report, compared
        self.steps: list[int] = []
        self.fit: list[float] = []
        self.goal: list[float] = []
        self.begun = self.trained = 0  # the step that this attempt goes on from, and the steps that it has trained
        self.last = time.monotonic()

    def catch_up(self, rows: Sequence[Row]) -> None:
        """Takes the rows of earlier attempts, so that steps and events go on from there. A run may be gone on with twice in one attempt."""
        self._forget_from(-1)
        self.begun = rows[-1]["step"] if rows else 0
        for row in rows:
            self._keep(row)
            if self.compared and self._evaluated(row):
                self.report(self._facts(row["step"]))
        if rows and not self.compared:
            self.report(self._facts(rows[-1]["step"]))

    def _keep(self, row: Row) -> None:
        goal, fit = self.config.goal, self.config.fit
        if goal.column in row:
            self._forget_from(row["step"])
            self.steps.append(row["step"])
            self.goal.append(row[goal.column])
            self.fit.append(row[fit.column] if fit else float("nan"))

    def _forget_from(self, step: int) -> None:
        """Drops what was kept of rows from `step` on: the run has begun again before them."""
        while self.steps and self.steps[-1] >= step:
            for kept in (self.steps, self.fit, self.goal):
                kept.pop()

    def see(self, row: Row) -> None:
        """Keeps the row, and reports if the last report is a while ago."""
        self._keep(row)
        self.trained = max(0, row["step"] - self.begun)
        counts = self.compared and self._evaluated(row)
        if counts or time.monotonic() - self.last >= REPORT_EVERY_S:
            self.last = time.monotonic()
            facts = {**self._facts(row["step"]), "waiting": row.get("waiting", False)}
            if self.compared and not counts:
                del facts[self.config.goal.column]
            self.report(facts)

    def _evaluated(self, row: Row) -> bool:
        """Whether a scheduler can compare `row` with others. At step 0 nothing is trained yet."""
        value = row.get(self.config.goal.column)
        return row["step"] > 0 and value is not None and isfinite(value)

    def finish(self, result: Record | Failure) -> None:
        """The last report, with the outcome."""
        step = result.steps if isinstance(result, Record) else result.step
        facts = {**self._facts(step), "outcome": result.outcome, "reason": result.reason}
        value = facts[self.config.goal.column]
        if self.compared and (value is None or not isfinite(value)):  # schedulers read the last report, whatever it is
            facts[self.config.goal.column] = -inf if self.config.goal.direction == "max" else inf
        self.report(facts)

    def _facts(self, step: int) -> dict[str, Any]:
        thresholds = events.thresholds_of(self.config.goal, self.config.fit)
        found = (events.memorised(self.steps, self.fit, thresholds), events.generalised(self.steps, self.goal, thresholds))
        t_mem, t_grok = (each and each.by for each in found)
        value = self.goal[-1] if self.goal else None
        facts = {"run_id": run_id(self.config), "step": step, "trained": self.trained, self.config.goal.column: value}
        return {**facts, "t_mem": t_mem, "t_grok": t_grok, "outcome": None}
