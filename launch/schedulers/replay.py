"""What a scheduler would have cut of runs that were trained without one: their recorded histories, fed through the real classes of Ray Tune.

Each run is as long as it was, stopped on success or at the end of its budget; a scheduler comes on top. A run is lost that generalised, but would have been
cut before the evaluation at which that was seen.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lal.errors import Refused
from lal.events import Goal
from lal.intervals import Interval, wilson
from lal.objectives import grok_of
from lal.reading import COUNTED, reading
from lal.store import Store
from launch.schedulers.scheduling import Asha, Median

Decide = Callable[["Replayed", dict[str, Any]], bool]  # one evaluation of a run -> whether that is its last


@dataclass(eq=False)
class Replayed:
    """A run that is trained once more on paper: what schedulers ask of a trial, and its recorded evaluations.

    Attributes:
        rows: (step, value of the goal column), ascending.   grok: the step at which it was first seen to have generalised, or None.
        budget: the steps that it might have taken.   last_result: the evaluation that it is at.
    """

    trial_id: str
    rows: Sequence[tuple[int, float]]
    grok: int | None
    budget: int
    last_result: dict[str, Any]

    @property
    def steps(self) -> int:
        """As long as it was."""
        return self.rows[-1][0]


@dataclass(frozen=True)
class Outcome:
    """What one rule would have done.

    Attributes:
        rule: in words.   runs, generalised: how many there are, and of them generalise when left alone.   cut: how many it ends early.
        lost: how many that generalise it ends before they do.   lost_share: of those that generalise, with its interval.
        steps: trained under it.   budget: without any stopping.
    """

    rule: str
    runs: int
    generalised: int
    cut: int
    lost: int
    lost_share: Interval
    steps: int
    budget: int

    @property
    def saved(self) -> float:
        """Share of the steps of all budgets that are not trained."""
        return 1 - self.steps / self.budget

    def plain(self) -> dict[str, Any]:
        """As plain data; NaN, of no run that generalised, is None."""
        share = {name: None if value != value else value for name, value in asdict(self.lost_share).items()}
        return {**asdict(self), "lost_share": share, "saved": self.saved}


@dataclass(frozen=True)
class Plateau:
    """The plateau rule, `ray.tune.stopper.TrialPlateauStopper`: a run ends once the last values of its goal column hardly differ."""

    std: float = 0.01
    results: int = 4
    grace: int = 1

    def build(self, goal: Goal) -> Any:
        """The stopper. It counts evaluations, not steps."""
        from ray.tune.stopper import TrialPlateauStopper

        return TrialPlateauStopper(metric=goal.column, std=self.std, num_results=self.results, grace_period=self.grace)


Rule = Asha | Median | Plateau


def histories(store: Store, folder: str) -> tuple[list[Replayed], Goal, list[str]]:
    """The finished runs of sweep `folder`, each once, in order; what they aim at; and ids of those that cannot be replayed.

    Raises:
        Refused: there is none, or a scheduler had cut some of them: what these would have become is not known.
    """
    manifest = store.manifest(folder)
    goal, fit = Goal(**manifest["goal"]), Goal(**manifest["fit"]) if manifest["fit"] else None
    found, left = [], []
    for name, entry in {entry["run_id"]: entry for entry in manifest["runs"]}.items():
        read = reading(store.run(name), entry, goal, fit, manifest.get("schedule"))
        if read.outcome == "pruned":
            raise Refused(f"a replay must be of runs that no scheduler cut, but one cut {name} of {folder}; run the sweep with schedule=null first")
        if read.state not in COUNTED or read.rows is None:
            left.append(name)
            continue
        grok = grok_of(goal, fit, entry, read)
        rows = [
            (step, value)
            for step, value in zip(read.rows["step"].to_pylist(), read.rows[goal.column].to_pylist(), strict=True)
            if value is not None and value == value and step > 0
        ]
        if rows:
            found.append(Replayed(name, rows, grok, entry["budget"]["steps"], {}))
        else:
            left.append(name)
    if not found:
        raise Refused(f"a replay must be of runs that are finished, but none of {folder} in {store.where()} is; run `lal sweep` first")
    return found, goal, left


def alone(runs: Sequence[Replayed]) -> Outcome:
    """Success stopping and the budget, as the runs were trained: no run is lost."""
    return outcome("success stopping alone", runs, {run.trial_id: run.steps for run in runs})


def replayed(runs: Sequence[Replayed], goal: Goal, rule: Rule, concurrency: int) -> Outcome:
    """What `rule` does to `runs`, of which `concurrency` are trained at a time, each step taking all of them equally long."""
    fresh = [replace(run, last_result={}) for run in runs]
    if isinstance(rule, Plateau):
        stopper = rule.build(goal)
        ended = walked(fresh, goal, concurrency, lambda run, result: stopper(run.trial_id, result))
        return outcome(told(rule, concurrency), runs, ended)
    scheduler = rule.build(goal, max(run.budget for run in runs))
    ended = walked(fresh, goal, concurrency, lambda run, result: scheduler.on_trial_result(Controller(), run, result) == "STOP", scheduler)
    return outcome(told(rule, concurrency), runs, ended)


class Controller:
    """What schedulers may ask of Tune's own."""

    def get_live_trials(self) -> list[Any]:
        """None that could be paused for."""
        return []


def walked(runs: Sequence[Replayed], goal: Goal, concurrency: int, decide: Decide, scheduler: Any = None) -> dict[str, int]:
    """The last step of each run. Of several evaluations at one time that of the earlier run comes first, as does the place that becomes free."""
    ended: dict[str, int] = {}
    waiting = iter(enumerate(runs))
    due: list[tuple[int, int, int, int, Replayed]] = []  # (time, index of the run, when it began, place in its rows, run)

    def begin(now: int) -> None:
        for index, run in waiting:
            if scheduler is not None:
                scheduler.on_trial_add(Controller(), run)
            heapq.heappush(due, (now + run.rows[0][0], index, now, 0, run))
            return

    for _ in range(concurrency):
        begin(0)
    while due:
        now, index, since, place, run = heapq.heappop(due)
        step, value = run.rows[place]
        run.last_result = {"step": step, goal.column: value}
        if decide(run, run.last_result) or step == run.steps:
            ended[run.trial_id] = step
            if scheduler is not None:
                scheduler.on_trial_complete(Controller(), run, run.last_result)
            begin(now)
        else:
            heapq.heappush(due, (since + run.rows[place + 1][0], index, since, place + 1, run))
    return ended


def outcome(rule: str, runs: Sequence[Replayed], ended: dict[str, int]) -> Outcome:
    """The counts, of runs that would have ended at these steps."""
    generalised = [run for run in runs if run.grok is not None]
    lost = sum(ended[run.trial_id] < (run.grok or 0) for run in generalised)
    cut = sum(ended[run.trial_id] < run.steps for run in runs)
    steps = sum(ended[run.trial_id] for run in runs)
    return Outcome(rule, len(runs), len(generalised), cut, lost, wilson(lost, len(generalised)), steps, sum(run.budget for run in runs))


def told(rule: Rule, concurrency: int) -> str:
    """A rule in words."""
    if isinstance(rule, Plateau):
        return f"plateau, std {rule.std:g} over {rule.results} evaluations, after {rule.grace}"
    if isinstance(rule, Median):
        return f"median, grace {rule.grace:,}, {rule.min_runs} others, {concurrency} at a time"
    return f"asha, grace {rule.grace:,}, reduction {rule.reduction:g}, {concurrency} at a time"
