"""The one place where Ray meets runs: a Tune function trainable that trains those of a pack, each from its folder to its record."""

from __future__ import annotations

import faulthandler
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lal import events
from lal.config import RunConfig, parse, run_id
from lal.errors import Refused
from lal.runs.run import Row
from lal.store import Failure, Record, Store
from launch.gauges import watched
from launch.packs import opened
from launch.worker import settle

REPORT_EVERY_S = 0.5
DUMP_AT = 0.9  # of the time after which a worker that says nothing is ended
STDERR = 2  # Ray makes a log of it


def train_reported(params: dict[str, Any]) -> None:
    """Trains the pack `params["job"]`, see `launch.packs.job_of`: {"runs": [{"run_id", "config", "marks"}, ...], "results": root folder, "token", ...}.

    Where "token" is the name of a file, the results folder must hold it: else this node sees another folder than the driver.

    Reports run_id, step, goal, events and, last of each run, the outcome to Tune, twice a second. A crash of a run is noted in
    its folder and reported as an outcome: what Tune sees as an error is a lost worker, which is worth another try. Of runs that
    could not be begun in "at_most_s" it says nothing.
    """
    from ray import tune

    begun = time.monotonic()
    job = opened(params["job"])
    device = settle(job)
    refuse_unshared(job)
    report = heard(watched(tune.report, job), job["hang_s"])
    for index, run in enumerate(job["runs"]):
        if index and job["at_most_s"] is not None and time.monotonic() - begun > job["at_most_s"]:
            return
        train(parse(run["config"]), job, device, report)
    faulthandler.cancel_dump_traceback_later()


def heard(report: Callable[[dict[str, Any]], None], hang_s: float | None) -> Callable[[dict[str, Any]], None]:
    """`report`, after which the worker's log shows where all threads are if there is no other before the driver takes the worker for hung."""
    if hang_s is None:
        return report

    def said(facts: dict[str, Any]) -> None:
        report(facts)
        faulthandler.dump_traceback_later(DUMP_AT * hang_s, file=STDERR)

    faulthandler.dump_traceback_later(DUMP_AT * hang_s, file=STDERR)
    return said


def train(config: RunConfig, job: Mapping[str, Any], device: str, report: Callable[[dict[str, Any]], None]) -> None:
    """Trains one run of the pack `job` on torch's `device`, and reports of it. One that has failed is left alone: another attempt at its pack began."""
    from lal.runs.session import attempt

    store, reporter = Store(job["results"]), Reporter(config, report)
    result = store.run(run_id(config)).failure()
    if result is None:
        result = attempt(config, store, device=device, share=job["share"], report=reporter.see, resumed=reporter.catch_up)
    reporter.finish(result)


def refuse_unshared(job: dict[str, Any]) -> None:
    """Refuses to train where nobody would find the results.

    Raises:
        Refused: this node does not see what the driver wrote.
    """
    if job["token"] is not None and not Store(job["results"]).has(job["token"]):
        raise Refused(f"--results must be one place for all nodes, but {job['results']} is not that of the driver on {socket.gethostname()}; mount it there")


class Reporter:
    """Turns rows into reports: not too many, and what a person follows in each."""

    def __init__(self, config: RunConfig, report: Callable[[dict[str, Any]], None]):
        self.config, self.report = config, report
        self.steps: list[int] = []
        self.fit: list[float] = []
        self.goal: list[float] = []
        self.begun = self.trained = 0  # the step that this attempt goes on from, and the steps that it has trained
        self.last = 0.0

    def catch_up(self, rows: Sequence[Row]) -> None:
        """Takes the rows of earlier attempts, so that steps and events go on from there."""
        self.begun = rows[-1]["step"] if rows else 0
        for row in rows:
            self._keep(row)
        if rows:
            self.report(self._facts(rows[-1]["step"]))

    def _keep(self, row: Row) -> None:
        goal, fit = self.config.goal, self.config.fit
        if goal.column in row:
            self.steps.append(row["step"])
            self.goal.append(row[goal.column])
            self.fit.append(row[fit.column] if fit else float("nan"))

    def see(self, row: Row) -> None:
        """Keeps the row, and reports if the last report is a while ago."""
        self._keep(row)
        self.trained = max(0, row["step"] - self.begun)
        if time.monotonic() - self.last >= REPORT_EVERY_S:
            self.last = time.monotonic()
            self.report({**self._facts(row["step"]), "waiting": row.get("waiting", False)})

    def finish(self, result: Record | Failure) -> None:
        """The last report, with the outcome."""
        step = result.steps if isinstance(result, Record) else result.step
        self.report({**self._facts(step), "outcome": result.outcome, "reason": result.reason})

    def _facts(self, step: int) -> dict[str, Any]:
        thresholds = events.thresholds_of(self.config.goal, self.config.fit)
        found = (events.memorised(self.steps, self.fit, thresholds), events.generalised(self.steps, self.goal, thresholds))
        t_mem, t_grok = (each and each.by for each in found)
        value = self.goal[-1] if self.goal else None
        facts = {"run_id": run_id(self.config), "step": step, "trained": self.trained, self.config.goal.column: value}
        return {**facts, "t_mem": t_mem, "t_grok": t_grok, "outcome": None}
