"""Numbers of a running sweep: what is set, with which labels, and that the Grafana board asks for nothing else."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lal.config import RunConfig, parse, run_id
from lal.store import Failure
from launch.following.gauges import GAUGES, GRAIN_S, WINDOW_S, Pace, Published, Watch
from launch.following.marks import LONGEST, MOST, OTHER, Marks, label, marks_of, scale_of
from launch.following.progress import Board
from launch.sweep import load
from launch.trainable import Reporter
from tests.launch.cli import ROOT, TINY, written

BOARD = json.loads((ROOT / "launch/grafana/sweeps.json").read_text(encoding="utf-8"))
METRIC = re.compile(r"\b(ray_\w+)")
SELECTED = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
MARKS: Marks = {"arm": "all", "column": "test_acc", "axes": {"model.depth": "2"}}


def small() -> RunConfig:
    """A run that is never trained."""
    return parse({"task": {"kind": "modular", "p": 11}, "model": {"kind": "mlp", "width": 16}})


class Clock:
    """A time that is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Kept(dict[tuple[str, ...], float]):
    """The last value of every gauge and set of labels."""

    def set(self, name: str, value: float, labels: dict[str, str]) -> None:
        assert set(labels) == set(GAUGES[name][1])
        self[name, *(labels[key] for key in GAUGES[name][1])] = value


def report(run_id: str, step: int, value: float | None = None, **more: Any) -> dict[str, Any]:
    return {"run_id": run_id, "step": step, "trained": step, "test_acc": value, "outcome": None, **more}


def test_a_worker_tells_its_pace_and_its_goal() -> None:
    clock, kept = Clock(), Kept()
    watch = Watch(kept.set, clock)
    for step in (0, 50, 100):
        watch.see("depth", MARKS, report("a", step, step / 200))
        clock.now += 1.0
    assert kept == {("lal_steps_per_second", "depth"): 50.0, ("lal_goal", "depth", "all", "model.depth", "2", "test_acc"): 0.5}


def test_steps_of_earlier_attempts_and_of_other_drivers_are_not_this_worker_s() -> None:
    clock, kept = Clock(), Kept()
    watch = Watch(kept.set, clock)
    watch.see("depth", MARKS, report("a", 0, waiting=True))
    assert not kept
    for trained in (0, 10):  # resumed
        watch.see("depth", MARKS, report("a", 5000 + trained, trained=trained))
        clock.now += 2.0
    watch.see("depth", MARKS, report("a", 5020, trained=20, outcome="budget"))
    watch.see("depth", MARKS, report("b", 9000, trained=0, outcome="budget"))  # trained by another driver meanwhile
    assert watch.pace.total == 20
    assert kept == {("lal_steps_per_second", "depth"): 5.0}


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_no_number_yet_is_not_told(value: float | None) -> None:
    kept = Kept()
    Watch(kept.set, Clock()).see("depth", MARKS, report("a", 10, value))
    Watch(kept.set, Clock()).see("depth", None, report("a", 10, 0.5))
    assert kept == {("lal_steps_per_second", "depth"): 0.0}


def test_the_pace_is_of_the_last_seconds() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.begin(0)
    for second in range(1, 101):
        clock.now += 1.0
        pace.add(10 if second <= 50 else 40)
        expected = 10 if second <= 50 else min(40, 10 + 3 * (second - 50))
        assert pace.per_second() == pytest.approx(expected)
    assert len(pace.seen) <= WINDOW_S / GRAIN_S + 1


def test_many_short_runs_are_one_pace_and_idle_time_is_none() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(3000):
        clock.now += 0.01
        pace.begin(7)  # over before it was reported of again
    assert pace.per_second() == pytest.approx(700)
    assert len(pace.seen) <= WINDOW_S / GRAIN_S + 1
    clock.now += 600
    pace.begin(1000)
    clock.now += 1
    pace.add(3)
    assert pace.per_second() == pytest.approx(3)


def test_a_driver_tells_how_many_runs_are_where() -> None:
    board, kept = Board(5, "test_acc", {}), Kept()
    shown = Published(board, "depth", kept.set)
    board.report("a", report("a", 10, t_grok=5))
    board.report("b", report("b", 0, waiting=True))
    board.report("c", report("c", 60, outcome="budget"))
    board.end("d", "lost")
    shown.refresh()
    expected = {"planned": 5, "running": 1, "waiting": 1, "done": 2, "grokked": 1, "failed": 1}
    assert kept == {(f"lal_runs_{state}", "depth"): count for state, count in expected.items()}
    board.end("b", "budget")
    shown.refresh()  # too soon
    assert kept["lal_runs_done", "depth"] == 2
    shown.close()
    assert (kept["lal_runs_done", "depth"], kept["lal_runs_running", "depth"], kept["lal_runs_waiting", "depth"]) == (3, 0, 0)


def test_a_run_that_another_driver_trains_is_said_to_wait() -> None:
    board = Board(2, "test_acc", {})
    board.report("a", report("a", 10))
    board.report("b", report("b", 0, waiting=True))
    assert board.line() == "0/2 done, 1 running, 1 trained elsewhere, 0 generalised, 0 failed"
    board.report("b", report("b", 20))
    assert board.line() == "0/2 done, 2 running, 0 generalised, 0 failed"


def test_a_worker_reports_that_it_waits_and_what_it_trained_itself() -> None:
    seen: list[dict[str, Any]] = []
    reporter = Reporter(small(), seen.append)
    for row in ({"step": 0, "seconds": 0.0, "waiting": True}, {"step": 110, "seconds": 0.1, "test_acc": 0.5, "train_acc": 0.5}):
        reporter.last = -math.inf
        reporter.see(row)
        reporter.catch_up([{"step": 100, "seconds": 0.1}])
    reporter.finish(Failure(run_id(small()), "error", "it broke", 120, ""))
    assert [(each.get("waiting", False), each["step"], each["trained"]) for each in seen] == [
        (True, 0, 0),
        (False, 100, 0),
        (False, 110, 10),
        (False, 100, 10),
        (False, 120, 10),
    ]


def test_runs_are_marked_with_arm_and_values(tmp_path: Path) -> None:
    sweep = {**TINY, "axes": {"penalties.compute.weight": [0, 0.1], "model.depth": [2, 4]}, "base": {**TINY["base"], "penalties": {"compute": {"kind": "sum"}}}}
    expanded = load(str(tmp_path / written(tmp_path, sweep)))
    marks = marks_of(expanded.runs, expanded.axes)
    assert {run.run_id for run in expanded.runs} == set(marks)
    assert {json.dumps(each["axes"]) for each in marks.values()} == {
        json.dumps({"penalties.compute.weight": weight, "model.depth": depth}) for weight in ("0.0", "0.1") for depth in ("2", "4")
    }
    assert {(each["arm"], each["column"]) for each in marks.values()} == {("all", "test_acc")}


def test_no_axes_is_one_point_and_arms_are_bounded(tmp_path: Path) -> None:
    arms = {f"arm{index}": {"base": {"optim": {"lr": 0.01 + index / 1000}}} for index in range(MOST + 3)}
    expanded = load(str(tmp_path / written(tmp_path, {**TINY, "axes": {}, "arms": arms})))
    marks = marks_of(expanded.runs, ())
    assert {str(each["axes"]) for each in marks.values()} == {"{'all': 'all'}"}
    assert [each["arm"] for each in marks.values()].count(OTHER) == 3 * 2
    assert len({each["arm"] for each in marks.values()}) == MOST + 1


@given(st.lists(st.one_of(st.none(), st.integers(-1000, 1000), st.floats(allow_nan=False, allow_infinity=False)), max_size=100))
def test_numbers_are_cut_into_few_ranges(values: list[float | None]) -> None:
    scale = scale_of(values)
    assert len(set(scale.values())) <= MOST
    assert scale.keys() == {json.dumps(value) for value in values}
    assert len({json.dumps(value) for value in values}) > MOST or all(scale[each] == each for each in scale)


def test_ranges_are_told_by_their_ends_and_what_is_not_there_stays_apart() -> None:
    scale = scale_of([None, *range(22)])
    assert [scale[str(value)] for value in range(4)] == ["0..1", "0..1", "2..3", "2..3"]
    assert scale["null"] == "null"
    assert len(set(scale.values())) == MOST


def test_an_axis_of_many_words_is_left_out() -> None:
    assert scale_of([f"word{index}" for index in range(MOST)])
    assert scale_of([f"word{index}" for index in range(MOST + 1)]) == {}
    assert scale_of([[index, 1] for index in range(MOST + 1)]) == {}


@given(st.text(max_size=300), st.text(max_size=300))
def test_labels_are_plain_and_short_and_tell_apart(first: str, second: str) -> None:
    for text in (first, second):
        assert label(text).isascii() and label(text).isprintable() and 0 < len(label(text)) <= LONGEST
    assert (label(first) == label(second)) == (first == second)


def queries() -> list[str]:
    """All that the board asks Prometheus for, its variables filled in."""
    panels = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    variables = [each["query"]["query"] for each in BOARD["templating"]["list"] if each["type"] == "query"]
    selectors = [match[1] for text in variables if (match := re.fullmatch(r"label_values\((.*), \w+\)", text))]
    assert len(selectors) == len(variables)
    return [re.sub(r"\$(\w+)", ".*", text) for text in (*panels, *selectors)]


def test_the_board_asks_for_what_is_published_and_for_all_of_it() -> None:
    asked = {name for text in queries() for name in METRIC.findall(text)}
    assert asked == {f"ray_{name}" for name in GAUGES}
    for text in queries():
        known = {label for name in METRIC.findall(text) for label in GAUGES[name.removeprefix("ray_")][1]} | {"NodeAddress"}  # Ray adds the last
        grouped = {each.strip() for group in re.findall(r"by \(([^)]*)\)", text) for each in group.split(",")}
        assert {*SELECTED.findall(text), *grouped} <= known, text


def test_the_board_holds_together() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and max(x for x, _ in cells) < 24
        taken |= cells
        assert {each["datasource"]["uid"] for each in (panel, *panel["targets"])} == {"${datasource}"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    names = {each["name"] for each in BOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(BOARD))) - {"__all"} == names


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)")
def test_the_board_s_queries_are_promql(tmp_path: Path) -> None:
    rules = {"groups": [{"name": "board", "rules": [{"record": f"asked:{index}", "expr": text} for index, text in enumerate(queries())]}]}
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump(rules))
    done = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(queries())} rules found" in done.stdout
