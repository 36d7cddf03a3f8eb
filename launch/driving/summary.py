"""How a call of `lal sweep` ended: the facts, and the last lines that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from lal.config import run_id
from lal.standing import standing
from lal.store import Failure, Record, Store
from lal.terminal import harmless
from launch.following.progress import duration
from launch.plan import Plan

SHOWN = 4  # notes


@dataclass
class Summary:
    """The facts of one call.

    Attributes:
        folder: of the sweep, below `sweeps/`.   planned: runs of the sweep.   already: finished before.
        left_alone: failed before, and left so on request.   trained: finished by this call, of them `outcomes`.
        notes: of runs that this call trained: what was lost on the disk and made good.
        failures: of runs that this call tried.   missing: neither finished nor failed: interrupted.   signal: that interrupted, or None.
        not_begun: why nothing was begun, or None.   idle_gpus: runs that this call trained on a CPU, though they held a share of a GPU.
        time_up_s: the time budget, where it ended this call.
        search: of a search: {"points", "wanted", "told", "failed": {reason: points}, "exhausted"}; else None.
    """

    folder: str
    planned: int
    already: int
    left_alone: int
    trained: int = 0
    seconds: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    missing: int = 0
    signal: int | None = None
    not_begun: str | None = None
    idle_gpus: int = 0
    time_up_s: float | None = None
    search: dict[str, Any] | None = None

    @property
    def exit_code(self) -> int:
        """0 done, 1 some failed, the time was up or no point of a search has objectives, 128 + n interrupted by signal n."""
        if self.signal is not None:
            return 128 + self.signal
        nothing_learnt = self.search is not None and self.search["points"] > 0 and not self.search["told"]
        return 1 if self.unfinished or nothing_learnt else 0

    @property
    def unfinished(self) -> bool:
        """Whether there is something to go on with."""
        looking = self.search is not None and self.search["points"] < self.search["wanted"] and not self.search["exhausted"]
        return self.signal is not None or bool(self.failures or self.missing or looking)


def summed(planned: Plan, store: Store, signalled: int | None, seconds: float, heard: Mapping[str, Failure]) -> Summary:
    """The facts, read from the folders of what this call had to train; of failures that no disk took a note of, what was `heard`, by run id."""
    counts = planned.counts()
    left_alone = counts["runs"] - counts["done"] - len(planned.to_train)
    summary = Summary(planned.sweep.folder, counts["runs"], counts["done"], left_alone, seconds=seconds, signal=signalled)
    seen = store.listed("runs")
    ended = seen.map(lambda config: (seen.run(run_id(config)).failure(), standing(config, seen, planned.sweep.schedule)), planned.to_train)
    for config, (failure, stands) in zip(planned.to_train, ended, strict=True):
        if stands.state == "done" and stands.record:
            summary.trained += 1
            summary.outcomes[stands.record.outcome] = summary.outcomes.get(stands.record.outcome, 0) + 1
            summary.notes += [f"{run_id(config)}: {note}" for note in stands.record.environment.get("notes", ())]
            summary.idle_gpus += idle_gpu(stands.record)
        elif found := failure or heard.get(run_id(config)):
            summary.failures.append(found)
        else:
            summary.missing += 1
    return summary


def idle_gpu(record: Record) -> bool:
    """Whether a run held a share of a GPU, but torch could not use it."""
    where = record.environment
    return bool(where.get("share", {}).get("gpu")) and where.get("device") == "cpu"


def say(summary: Summary, console: Console, again: str) -> None:
    """The last lines: what was done, what failed and why, how to go on."""
    outcomes = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(summary.outcomes.items()))
    trained = f"{summary.trained} trained now in {duration(summary.seconds)}{f' ({outcomes})' if outcomes else ''}"
    finished = summary.already + summary.trained
    console.print(f"{finished}/{summary.planned} runs finished: {trained}, {summary.already} were there.", highlight=False)
    for note in summary.notes[:SHOWN]:
        console.print(harmless(f"! {note}"), style="yellow", highlight=False, markup=False, soft_wrap=True)
    if len(summary.notes) > SHOWN:
        console.print(f"! ... and {len(summary.notes) - SHOWN} more runs whose files were damaged", style="yellow", highlight=False)
    if summary.idle_gpus:
        many = f"{summary.idle_gpus} runs held shares of GPUs, but were" if summary.idle_gpus > 1 else "1 run held a share of a GPU, but was"
        remedy = "install torch with CUDA, or write resources.gpu=0"
        console.print(f"! {many} trained on the CPU, as torch there cannot use it; {remedy}", style="yellow", highlight=False, soft_wrap=True)
    if summary.not_begun:
        console.print(summary.not_begun, highlight=False, markup=False, soft_wrap=True)
    if summary.left_alone:
        console.print(f"{summary.left_alone} that had failed were left alone.", highlight=False)
    if summary.failures:
        say_failures(summary.failures, console)
    if summary.search is not None:
        say_search(summary.search, console)
    if summary.time_up_s is not None:
        console.print(f"The time budget of {duration(summary.time_up_s)} is used; what runs had saved is kept. To go on:", highlight=False)
    elif summary.signal is not None:
        interrupted(console, again)
        return
    elif summary.unfinished:
        console.print("To try again what did not finish:", highlight=False)
    if summary.unfinished:
        say_again(console, again)


def interrupted(console: Console, again: str) -> None:
    """The last lines of a call that was interrupted."""
    console.print("Interrupted; what runs had saved is kept. To go on:", highlight=False)
    say_again(console, again)


def unreported(console: Console, again: str) -> None:
    """The last lines of a call that was interrupted when all was trained, but the report not written."""
    console.print("Interrupted while the report was written; all that was trained is kept. To write it:", highlight=False)
    say_again(console, again)


def head_lost(console: Console, why: str, again: str) -> None:
    """The last lines of a call that lost its cluster."""
    console.print(f"Given up: {why}. What runs had saved is kept. Once it is up again, or with the --address of another:", highlight=False, soft_wrap=True)
    say_again(console, again)


def say_again(console: Console, again: str) -> None:
    """The command that goes on."""
    console.print(f"  {again}", highlight=False, markup=False, soft_wrap=True)


def say_search(search: dict[str, Any], console: Console) -> None:
    """How far a search is."""
    found = f"{search['points']} of {search['wanted']} points found, {search['told']} with objectives"
    console.print(f"{found}{'; there are no others' if search['exhausted'] else ''}.", highlight=False)
    for reason, count in search["failed"].items():
        told = f"! {count} point{'s' if count > 1 else ''} without: {reason}"
        console.print(harmless(told), style="yellow", highlight=False, markup=False, soft_wrap=True)


def say_failures(failures: list[Failure], console: Console) -> None:
    """How many failed, and the first one's reason and traceback."""
    first = failures[0]
    told = f"{len(failures)} failed; the first, {first.run_id}: {first.outcome}, {first.reason}"
    console.print(harmless(told), highlight=False, markup=False, soft_wrap=True)
    console.print(harmless(first.traceback.rstrip()), highlight=False, markup=False, soft_wrap=True, style="dim")
