"""Numbers of a running sweep on every node's Prometheus endpoint, which Ray serves. Imports no torch; ray only where values are set.

    name                          labels                              set by       one number in PromQL
    ray_lal_runs_planned          sweep                               the driver   max by (sweep) (...)
    ..._running, _waiting, _done, _grokked, _failed: the same
    ray_lal_steps_per_second      sweep                               each worker  sum by (sweep) (...)
    ray_lal_goal                  sweep, arm, axis, value, column     each worker  avg by (axis, value) (...{sweep="X"})

What only the driver knows is one series, on the driver's node: `max` is right also in the half minute in which a driver that was
killed and the one that goes on are both there. What workers know is a series for each of them, on its node (Ray adds WorkerId and
NodeAddress). Labels are few and short: see `launch.following.marks`.

Ray 2.60 sends a value to its node's endpoint at the next of its reports (every 10 s) after it was set, at once when a driver leaves,
and forgets it 20 s later unless it was set again. So nothing has to be taken back: what runs and sweeps leave behind is gone within
half a minute. Of runs that are shorter than ten seconds it is a sample: what was set last before a report.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from launch.following.marks import Marks, label

if TYPE_CHECKING:
    from launch.following.progress import Board

PUBLISH_EVERY_S = 1.0
WINDOW_S = 10.0  # over which steps per second are counted: the time between two of Ray's reports
GRAIN_S = 0.5  # between two points of that window

STATES = {
    "planned": "Runs of this call of the sweep",
    "running": "Runs in training",
    "waiting": "Runs that another driver trains at the moment",
    "done": "Runs that are over, whatever their outcome",
    "grokked": "Runs that have generalised",
    "failed": "Runs that are over without a result",
}
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    **{f"lal_runs_{state}": (text, ("sweep",)) for state, text in STATES.items()},
    "lal_steps_per_second": ("Training steps per second of one worker, over all its runs", ("sweep",)),
    "lal_goal": ("The goal column of a run, as last measured by one worker", ("sweep", "arm", "axis", "value", "column")),
}

SetGauge = Callable[[str, float, dict[str, str]], None]  # (name, value, labels)


def on_ray() -> SetGauge:
    """What sets gauges of the node that this process is on. A gauge is made when it is first set."""
    from ray.util.metrics import Gauge

    made: dict[str, Gauge] = {}

    def set_gauge(name: str, value: float, labels: dict[str, str]) -> None:
        if name not in made:
            text, keys = GAUGES[name]
            made[name] = Gauge(name, text, tag_keys=keys)
        made[name].set(value, labels)

    return set_gauge


class Published:
    """The driver's numbers: a display of a board, for Prometheus instead of a person."""

    def __init__(self, board: Board, sweep: str, set_gauge: SetGauge | None = None):
        self.board, self.labels, self.last = board, {"sweep": label(sweep)}, -math.inf
        self.set_gauge = set_gauge or on_ray()

    def refresh(self) -> None:
        if time.monotonic() - self.last >= PUBLISH_EVERY_S:
            self.last = time.monotonic()
            self._publish(self.board.counts())

    def close(self) -> None:
        self._publish({**self.board.counts(), "running": 0, "waiting": 0})

    def _publish(self, counts: Mapping[str, int]) -> None:
        for state in STATES:
            self.set_gauge(f"lal_runs_{state}", counts[state], self.labels)


class Pace:
    """Steps per second of this process, over the last WINDOW_S or since it began to train again."""

    def __init__(self, clock: Callable[[], float]):
        self.clock, self.total = clock, 0
        self.seen: deque[tuple[float, int]] = deque()  # (time, steps until then)

    def begin(self, steps: int) -> None:
        """A run has begun, and has done its first `steps`. After a long idle time, counting begins anew: when they were done is not known."""
        now = self.clock()
        if not self.seen or now - self.seen[-1][0] > WINDOW_S:
            self.seen = deque([(now, self.total)])
        else:
            self.add(steps)

    def add(self, steps: int) -> None:
        """`steps` more are done."""
        self.total += steps
        now = self.clock()
        if now - self.seen[-1][0] >= GRAIN_S:
            self.seen.append((now, self.total))
        while len(self.seen) > 1 and self.seen[1][0] <= now - WINDOW_S:
            self.seen.popleft()

    def per_second(self) -> float:
        """The pace; 0 before any time has passed."""
        then, steps = self.seen[0]
        spent = self.clock() - then
        return (self.total - steps) / spent if spent > 0 else 0.0


class Watch:
    """The worker's numbers, from the reports of its runs: one for each process, which trains one pack after another."""

    def __init__(self, set_gauge: SetGauge, clock: Callable[[], float] = time.monotonic):
        self.set_gauge, self.pace = set_gauge, Pace(clock)
        self.run: tuple[str, int] | None = None  # the run in training, and its steps until the last report

    def see(self, sweep: str, marks: Marks | None, report: Mapping[str, Any]) -> None:
        """Takes one report of a run. Its "trained" counts what was trained here: neither earlier attempts nor other drivers."""
        if report.get("waiting"):
            return
        run_id, trained = report["run_id"], report["trained"]
        if self.run is None or self.run[0] != run_id:
            self.pace.begin(trained)
        else:
            self.pace.add(max(0, trained - self.run[1]))
        self.run = None if report.get("outcome") else (run_id, trained)
        self.set_gauge("lal_steps_per_second", self.pace.per_second(), {"sweep": label(sweep)})
        value = report.get(marks["column"]) if marks else None
        if marks and value is not None and math.isfinite(value):
            labels = {"sweep": label(sweep), "arm": marks["arm"], "column": label(marks["column"])}
            for axis, text in marks["axes"].items():
                self.set_gauge("lal_goal", value, {**labels, "axis": axis, "value": text})


_watches: list[Watch] = []  # of this process: one at most


def watched(report: Callable[[dict[str, Any]], None], job: Mapping[str, Any]) -> Callable[[dict[str, Any]], None]:
    """`report`, which now also sets this worker's gauges, from the name of the sweep and the marks of the runs that `job` holds."""
    if not _watches:
        _watches.append(Watch(on_ray()))
    marks = {run["run_id"]: run["marks"] for run in job["runs"]}

    def both(facts: dict[str, Any]) -> None:
        _watches[0].see(job["sweep"], marks[facts["run_id"]], facts)
        report(facts)

    return both
