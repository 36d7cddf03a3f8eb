"""What a person sees while a sweep runs: one bar and the running cells; without a terminal, a line now and then."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lal.store import FAILED, Failure
from launch.driving.packs import ids_of

LINE_EVERY_S = 30.0
SHOWN = 8


@dataclass
class Board:
    """The state of a sweep as its trials report it.

    Attributes:
        planned: runs of this call.   goal: the column that runs aim at.
        labels: run id -> how a person knows the run.
        running: run id -> last report.   done, grokked, failed: counts.   waiting: runs of `running` that another driver trains now.
        failures: run id -> what its worker said of its failure, as the disk may not have taken a note of it.
    """

    planned: int
    goal: str
    labels: dict[str, str]
    running: dict[str, dict[str, Any]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    grokked: set[str] = field(default_factory=set)
    begun: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        return len(self.outcomes)

    @property
    def failed(self) -> int:
        return sum(outcome in FAILED for outcome in self.outcomes.values())

    @property
    def waiting(self) -> int:
        return sum(report.get("waiting", False) for report in self.running.values())

    def counts(self) -> dict[str, int]:
        """Runs by state: a run that has generalised may be running or done, one that failed is done."""
        training = len(self.running) - self.waiting
        states = {"planned": self.planned, "running": training, "waiting": self.waiting, "done": self.done}
        return {**states, "grokked": len(self.grokked), "failed": self.failed}

    def report(self, run_id: str, report: dict[str, Any]) -> None:
        """Takes one report of a run."""
        if report.get("t_grok") is not None:
            self.grokked.add(run_id)
        if report.get("outcome"):
            self.end(run_id, report["outcome"])
            if report["outcome"] in FAILED:
                self.failures[run_id] = Failure(run_id, report["outcome"], report["reason"], report["step"])
        else:
            self.begin(run_id)
            self.running[run_id] = report

    def begin(self, run_id: str) -> None:
        """A worker begins a run, which may have failed before."""
        self.outcomes.pop(run_id, None)
        self.failures.pop(run_id, None)
        self.running.setdefault(run_id, {})

    def leave(self, run_id: str) -> None:
        """A run is with no worker any more. Whether it is over, or waits again, is said by who decides that."""
        self.running.pop(run_id, None)

    def end(self, run_id: str, outcome: str) -> None:
        """A run is over."""
        self.running.pop(run_id, None)
        self.outcomes[run_id] = outcome

    def eta_s(self) -> float | None:
        """Seconds left if the rest goes as what is done; None before anything is."""
        spent = time.monotonic() - self.begun
        return spent / self.done * (self.planned - self.done) if self.done else None

    def line(self) -> str:
        """The state in one line."""
        eta = self.eta_s()
        left = "" if eta is None or self.done == self.planned else f", about {duration(eta)} left"
        counts = self.counts()
        waiting = f"{counts['waiting']} trained elsewhere, " if counts["waiting"] else ""
        return f"{self.done}/{self.planned} done, {counts['running']} running, {waiting}{counts['grokked']} generalised, {self.failed} failed{left}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: 45 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Display(Protocol):
    """Shows a board until it is closed."""

    def refresh(self) -> None: ...
    def close(self) -> None: ...


class Silent:
    """Shows nothing."""

    def refresh(self) -> None:
        pass

    def close(self) -> None:
        pass


class Lines:
    """A line every 30 s, for logs."""

    def __init__(self, board: Board, console: Console):
        self.board, self.console, self.last = board, console, time.monotonic()

    def refresh(self) -> None:
        if time.monotonic() - self.last >= LINE_EVERY_S:
            self.last = time.monotonic()
            self.console.print(self.board.line(), highlight=False)

    def close(self) -> None:
        self.console.print(self.board.line(), highlight=False)


class Screen:
    """A bar and a short table of the running runs, redrawn in place."""

    def __init__(self, board: Board, console: Console):
        self.board = board
        self.live = Live(console=console, get_renderable=self._picture, refresh_per_second=4, redirect_stdout=False)
        self.live.start()

    def refresh(self) -> None:
        pass  # the picture is drawn from the board by rich's own thread

    def close(self) -> None:
        self.live.stop()

    def _picture(self) -> Group:
        board = self.board
        bar = Table.grid()
        bar.add_row(ProgressBar(total=max(1, board.planned), completed=board.done, width=60))
        table = Table(box=None, pad_edge=False)
        for title in ("running", "step", board.goal):
            table.add_column(title, justify="left" if title == "running" else "right", style="dim")
        for run_id, report in list(board.running.items())[:SHOWN]:
            step, value = report.get("step"), report.get(board.goal)  # neither, until the first report
            at = "waiting" if report.get("waiting") else "" if step is None else f"{step:,}"
            table.add_row(Text(board.labels.get(run_id, run_id)), at, "" if value is None else f"{value:.3f}")
        return Group(Text(board.line()), bar, table)


def display(board: Board, console: Console, *, quiet: bool) -> Display:
    """What fits the console: nothing, lines, or a live screen."""
    if quiet:
        return Silent()
    return Screen(board, console) if console.is_terminal else Lines(board, console)


def follower(board: Board, shown: Sequence[Display]) -> Any:
    """A Tune callback that keeps `board` and refreshes all that show it. Outcomes that workers cannot report are told to the board by others."""
    from ray.tune import Callback

    class Follow(Callback):
        def __reduce__(self) -> tuple:
            return Callback, ()  # Tune pickles its callbacks into an experiment state that nobody reads; a screen cannot be

        def on_step_end(self, iteration: int, trials: list, **info: Any) -> None:
            for each in shown:
                each.refresh()

        def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            board.begin(ids_of(trial.config)[0])

        def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
            board.report(result["run_id"], result)

        def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            self._left(trial)

        def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            self._left(trial)

        def _left(self, trial: Any) -> None:
            for run_id in ids_of(trial.config):
                board.leave(run_id)

    return Follow()
