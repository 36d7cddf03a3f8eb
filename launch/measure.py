"""`lal measure`: more metrics of runs that are stored, read off the states that they saved."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from lal.config import RunConfig
from lal.errors import Refused, nearest
from lal.measuring import Measured, config_of, measure, saved_states
from lal.metrics import METRICS
from lal.store import RunFolder, Store
from lal.terminal import harmless
from launch.following.progress import duration
from launch.stored import meant

EVERYTHING = "all"
KEEP_MORE = "train with measure.save_every, a number of steps, to keep more states"


@dataclass(frozen=True)
class Job:
    """One run, and what is to be measured of it."""

    config: RunConfig
    folder: RunFolder
    metrics: tuple[str, ...]


@dataclass
class Summary:
    """The facts of one call.

    Attributes:
        runs: that were measured, or had been.   left_out: runs of the sweep without a saved state, or to which no metric applies.
        values: (metric, step) pairs measured now.   already: that were there.   damaged: checkpoints of no use, by run.
        busy: runs that another process is at work on.   failures: what went wrong, by run.   signal: that interrupted, or None.
    """

    runs: int = 0
    left_out: int = 0
    values: int = 0
    already: int = 0
    seconds: float = 0.0
    damaged: dict[str, list[str]] = field(default_factory=dict)
    busy: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """0 done, 1 something could not be measured, 128 + n interrupted by signal n."""
        if self.signal is not None:
            return 128 + self.signal
        return 1 if self.damaged or self.busy or self.failures else 0

    def take(self, done: Measured) -> None:
        """Counts what was done for one run."""
        self.runs, self.values, self.already = self.runs + 1, self.values + done.values, self.already + done.already
        if done.damaged:
            self.damaged[done.run_id] = done.damaged
        if done.busy:
            self.busy.append(done.run_id)

    def plain(self) -> dict[str, Any]:
        """For scripts."""
        return {**asdict(self), "exit_code": self.exit_code}


def measure_stored(store: Store, name: str, profile: str | None, metrics: Sequence[str], steps: Sequence[int] | None, device: str, console: Console) -> Summary:
    """Measures `metrics` (or `all` that apply) of run or sweep `name` at its saved states, of these at `steps` alone if given.

    Raises:
        Refused: nothing has that name, was saved, or is what a metric can be read off; nothing was written then.
    """
    from launch.driving.interrupts import interruptible

    jobs, n_runs = jobs_of(store, name, profile, metrics, steps)
    summary, begun = Summary(left_out=n_runs - len(jobs)), time.monotonic()
    with interruptible() as came:
        try:
            for number, job in enumerate(jobs, 1):
                _run(job, steps, device, summary, console, f"[{number}/{len(jobs)}]")
        except KeyboardInterrupt:
            summary.signal = came[0]
    summary.seconds = time.monotonic() - begun
    return summary


def _run(job: Job, steps: Sequence[int] | None, device: str, summary: Summary, console: Console, place: str) -> None:
    """Measures one run, and says so in one line."""
    run_id, since = job.folder.path.rpartition("/")[2], time.monotonic()
    try:
        done = measure(job.config, job.folder, job.metrics, steps, device)
    except OSError:
        raise  # a disk that refuses would refuse the next run, too
    except Exception as error:  # noted, counted and told: the other runs go on
        summary.failures[run_id] = f"{type(error).__name__}: {error}"
        console.print(harmless(f"{place} {run_id}: {summary.failures[run_id]}"), style="red", highlight=False, markup=False, soft_wrap=True)
        return
    summary.take(done)
    there = f", {done.already:,} were there" if done.already else ""
    told = "another process is at work on it" if done.busy else f"{done.values:,} values in {duration(time.monotonic() - since)}{there}"
    damaged = f"; damaged, left out: {', '.join(done.damaged)}" if done.damaged else ""
    console.print(f"{place} {run_id}: {told}{damaged}", highlight=False, markup=False, soft_wrap=True)


def jobs_of(store: Store, name: str, profile: str | None, metrics: Sequence[str], steps: Sequence[int] | None) -> tuple[list[Job], int]:
    """The runs that can be measured, each once, and the number of all that were asked for."""
    sweep, run_id = meant(store, name, profile, "lal measure")
    ids = [run_id] if run_id else list(dict.fromkeys(run["run_id"] for run in store.manifest(sweep or "")["runs"]))
    seen = store.listed("runs")
    folders = {each: seen.run(each) for each in ids if each is not None}
    configs = {each: config for each, config in zip(folders, seen.map(stored, folders.values()), strict=True) if config is not None}
    refuse_unknown(metrics, configs, name)
    states, damaged = {}, set()
    for each, (found, lost) in zip(configs, seen.map(lambda each: saved_states(folders[each]), configs), strict=True):
        states[each] = found
        damaged |= {each} if lost else set()
    if not damaged:
        refuse_unsaved(states, steps, name)
    there = [each for each in configs if each in damaged or (states[each].keys() & steps if steps else states[each])]
    jobs = [Job(configs[each], store.run(each), applying(metrics, configs[each])) for each in there]
    return [job for job in jobs if job.metrics], len(folders)


def stored(folder: RunFolder) -> RunConfig | None:
    """The run that a folder holds; None where nothing is known of it.

    Raises:
        Refused: this version cannot read it.
    """
    try:
        return config_of(folder)
    except ValidationError as error:
        what = error.errors()[0]
        where = ".".join(map(str, what["loc"]))
        raise Refused(
            f"a stored run must be one that this version knows, but {folder.path} is not ({where}: {what['msg']}); upgrade, or move it away"
        ) from None


def applying(metrics: Sequence[str], config: RunConfig) -> tuple[str, ...]:
    """Those of `metrics` that can be read off `config`, in the order of its own list."""
    return tuple(name for name in config.measurable() if EVERYTHING in metrics or name in metrics)


def refuse_unknown(metrics: Sequence[str], configs: dict[str, RunConfig], name: str) -> None:
    """Refuses metrics that nobody knows, or that apply to none of the runs."""
    known = dict.fromkeys(each for config in configs.values() for each in config.measurable())
    for metric in {*metrics} - {EVERYTHING, *known}:
        if metric not in METRICS:
            raise Refused(f"--metric must name metrics, but got {metric!r}; {nearest(metric, [EVERYTHING, *(known or METRICS)])}")
        if configs:
            which = f"{', '.join(sorted({config.label.rpartition('-s')[0] for config in configs.values()})[:4])}"
            raise Refused(f"--metric must name metrics that apply, but {metric} does not apply to {name} ({which}); write one of: {', '.join(sorted(known))}")


def refuse_unsaved(states: dict[str, dict[int, str]], steps: Sequence[int] | None, name: str) -> None:
    """Refuses if there is nothing to measure."""
    there = {step for each in states.values() for step in each}
    if not there:
        raise Refused(f"lal measure needs states that runs saved, but {name} has none; train it first, with measure.save_every to keep more than the last")
    absent = sorted({*(steps or ())} - there)
    if absent:
        shown = sorted(there)
        have = ", ".join(f"{step}" for step in (shown if len(shown) <= 8 else [*shown[:4], *shown[-4:]]))
        raise Refused(f"--steps must be steps whose state was saved, but {name} has none at {absent[0]} (there are: {have}); {KEEP_MORE}")


def say(summary: Summary, console: Console, again: str) -> None:
    """The last lines for a person."""
    there = f", {summary.already:,} were there" if summary.already else ""
    console.print(f"{summary.values:,} values of {summary.runs:,} runs measured in {duration(summary.seconds)}{there}.", highlight=False)
    if summary.left_out:
        what = "1 run was left out: nothing of it" if summary.left_out == 1 else f"{summary.left_out:,} runs were left out: nothing of them"
        console.print(f"{what} is saved there, or no metric applies.", highlight=False)
    if summary.damaged:
        count = sum(map(len, summary.damaged.values()))
        console.print(f"! {count:,} {'checkpoint was' if count == 1 else 'checkpoints were'} damaged and left out", style="yellow", highlight=False)
    if summary.signal is not None:
        console.print("Interrupted; what was measured is kept. To go on:", highlight=False)
        console.print(f"  {again}", highlight=False, markup=False, soft_wrap=True)
