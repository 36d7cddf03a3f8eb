"""How points are found: at random, by Optuna; what is refused; what is gone on with. Runs are trained in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState
from ray.exceptions import RayActorError
from rich.console import Console

from lal.config import RunConfig, run_id
from lal.errors import Refused
from lal.objectives import objective_of, value_of
from lal.runs.session import attempt
from lal.store import Failure, Store
from launch.drive import Options, drive
from launch.driving.chances import Chances
from launch.following.marks import MOST, marker
from launch.parsing.axes import Range, axis_values
from launch.plan import plan, summary
from launch.searching import drivers
from launch.searching.drawing import of_share, share
from launch.searching.hunt import Hunt
from launch.searching.known import known
from launch.searching.space import Found
from launch.searching.spec import read_at
from launch.searching.study import opened
from launch.sweep import Expanded, load, manifest
from tests.launch.cli import TINY, written

CONTINUOUS = {"optim.lr": {"log": [1e-3, 0.1]}, "model.depth": {"int": [1, 3]}, "penalties.compute": [None, {"kind": "sum", "weight": 0.1}]}
FINITE = {"model.depth": [1, 2], "penalties.compute": [None, {"kind": "sum", "weight": 0.1}]}
BOTH = {"maximise": {"test_acc": "end"}, "minimise": {"functional_depth": "end"}}
QUICK: dict[str, Any] = {**TINY, "base": {**TINY["base"], "budget": {"steps": 20, "stop": None}}}


def searched(folder: Path, search: dict[str, Any], axes: dict[str, Any] = CONTINUOUS, **more: Any) -> str:
    return str(folder / written(folder, {**QUICK, "axes": axes, "search": search, **more}))


def hunting(points: int, **more: Any) -> dict[str, Any]:
    return {"kind": "optuna", "points": points, "objectives": BOTH, "startup": 2, **more}


class Killed(Exception):
    pass


def hunted(sweep: Expanded, store: Store, *, kill_after: int | None = None, train: Callable[[RunConfig, Store], Any] = attempt, fresh: bool = False) -> Hunt:
    """A whole search, in this process; `kill_after` so many runs it is gone, in the middle of a point."""
    hunt = begun(sweep, store, fresh=fresh)
    n_trained = 0
    try:
        while not hunt.finished and (pack := hunt.next()):
            for config in pack:
                train(config, store)
                n_trained += 1
                if n_trained == kill_after:
                    raise Killed
                hunt.over(run_id(config))
        hunt.close()
    finally:
        hunt.study.leave()
    return hunt


def begun(sweep: Expanded, store: Store, *, fresh: bool = False, slots: int = 1, **more: Any) -> Hunt:
    assert sweep.space is not None
    study = opened(sweep.space, store, sweep.folder, fresh=fresh)
    return Hunt(known(sweep, store), store, study, lambda: slots, lambda now: noted(now, store), **more)


def noted(sweep: Expanded, store: Store) -> None:
    store.put_json(f"{store.sweep(sweep.folder)}/manifest.json", manifest(sweep))


def untrained(config: RunConfig, store: Store) -> None:
    store.run(run_id(config)).fail(Failure(run_id(config), "error", "not trained", 0))


# --- axes


@given(st.floats(0, 1, exclude_max=True), st.sampled_from(["linear", "log", "int", "log_int"]))
def test_what_is_drawn_lies_within_its_range(at: float, scale: str) -> None:
    values = axis_values({scale: [2, 9]})
    assert isinstance(values, Range)
    drawn = values.at(at)
    assert 2 <= drawn <= 9
    assert isinstance(drawn, int) == scale.endswith("int")


def test_whole_numbers_are_drawn_alike() -> None:
    values = axis_values({"int": [1, 4]})
    drawn = [values.at(share(0, "x", index)) for index in range(4000)]
    assert all(abs(drawn.count(each) - 1000) < 150 for each in (1, 2, 3, 4))  # five standard deviations


def test_logarithms_are_drawn_alike() -> None:
    values = axis_values({"log": [1e-3, 10]})
    drawn = [values.at(share(0, "x", index)) for index in range(4000)]
    assert all(abs(sum(10.0**k <= each < 10.0 ** (k + 1) for each in drawn) - 1000) < 150 for k in (-3, -2, -1, 0))


# --- at random


def test_more_points_extend_fewer_and_arms_are_drawn_alike(tmp_path: Path) -> None:
    file = searched(tmp_path, {"kind": "random", "points": 7, "seed": 3}, arms={"a": {}, "b": {"base": {"model": {"width": 8}}}})
    few, many = load(file, None, ["search.points=3"]), load(file)
    ids = [run.run_id for run in many.runs]
    assert [run.run_id for run in few.runs] == ids[:6] + ids[14:20]  # 3 points of 2 seeds, of 7, in each of two arms
    points = [[run.point for run in many.runs if run.arm == arm] for arm in ("a", "b")]
    assert points[0] == points[1]
    assert len({str(point) for point in points[0]}) == 7


def test_another_seed_draws_other_points_and_an_axis_more_changes_no_other(tmp_path: Path) -> None:
    file = searched(tmp_path, {"kind": "random", "points": 4})
    one, other = ({run.point["optim.lr"] for run in load(file, None, [f"search.seed={seed}"]).runs} for seed in (0, 1))
    assert not one & other
    more = load(file, None, ["model.width=8,16"])
    assert [run.point["optim.lr"] for run in more.runs] == [run.point["optim.lr"] for run in load(file).runs]


def test_all_points_of_a_small_space_are_drawn_once(tmp_path: Path) -> None:
    sweep = load(searched(tmp_path, {"kind": "random", "points": 4}, FINITE))
    assert len(sweep.runs) == 8 == len(sweep.configs())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"search": {"kind": "annealing"}}, "search.kind must be one of grid, random, optuna, but is 'annealing'"),
        ({"search": {"kind": "random"}}, "search.points must be given"),
        ({"search": {"kind": "random", "points": 0}}, r"search.points must be greater than or equal to 1, but is 0"),
        ({"search": {"kind": "random", "points": 5}, "axes": FINITE}, "search.points must be at most the 4 that the axes have, but is 5"),
        ({"search": hunting(5), "axes": FINITE}, "search.points must be at most the 4 that the axes have, but is 5"),
        ({}, r"axis optim.lr must have a number of values where search.kind is grid, but \{log: \[0.001, 0.1\]\}"),
        ({"axes": {"optim.lr": {"log": [1, 0.1]}}}, r"log must be \[from, to\] with from < to"),
        ({"axes": {"optim.lr": {"log": [0, 0.1]}}}, "the ends of a log range must be over 0"),
        ({"axes": {"model.depth": {"int": [1, 2.5]}}}, "the ends of int must be whole numbers"),
        ({"search": hunting(3, objectives={})}, "objectives must name at least one column"),
        (
            {"search": hunting(3, objectives={"maximise": {"accuracy": "end"}})},
            "must name a column that runs measure, but got 'accuracy'",
        ),
        ({"search": hunting(3, objectives={"maximise": {"test_acc": "late"}})}, "must be read at grok, at the end, or at a step"),
        ({"search": hunting(3, objectives={"maximise": {"test_acc": "end"}, "minimise": {"test_acc": 5}})}, "test_acc is both"),
        ({"search": hunting(3, objectives={"minimise": {"t_grok": 5}})}, "t_grok is known once a run is over"),
        ({"search": hunting(3, objectives={"maximise": {"test_acc": "grok"}})}, "test_acc is read at grok, which runs that do not generalise never are at"),
        ({"report": {"pareto": {"maximise": {"test_acc": "end"}, "minimise": {"test_acc": 5}}}}, "report.pareto: .* test_acc is both"),
        ({"search": hunting(3, storage="results/study.db")}, "storage must be the URL of a database"),
        ({"search": hunting(3, sampler="cmaes")}, "search.sampler must be 'tpe' or 'nsga2'"),
        ({"search": hunting(3), "points": [{"model.width": 8}]}, "finds points on axes, but the sweep has `points`"),
        ({"search": hunting(3), "schedule": {"kind": "asha", "grace": 10, "accept_late_grok_bias": True}}, "compares single runs, but search.kind optuna"),
        ({"time_budget": 0}, "time_budget must be a time over 0, but got 0"),
        ({"time_budget": "soon"}, "time_budget must be a time over 0, but got 'soon'"),
        ({"schedule": {"kind": "asha", "grace": 10}}, "accept_late_grok_bias must be true: .* 51-81 %"),
        ({"schedule": {"kind": "pbt"}}, "but is 'pbt': it changes settings and copies weights"),
        ({"schedule": {"kind": "hyperband"}}, "but is 'hyperband': it pauses runs"),
    ],
)
def test_bad_searches_are_refused_with_what_to_write(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    file = str(tmp_path / written(tmp_path, {**QUICK, "axes": CONTINUOUS, **more}))
    with pytest.raises(Refused, match=message):
        load(file)


@pytest.mark.parametrize(("text", "seconds"), [("2h", 7200), ("1 h 30 min", 5400), ("90m", 5400), ("45", 45), (1.5, 1.5), ("1d", 86400)])
def test_times_are_read_as_people_write_them(tmp_path: Path, text: Any, seconds: float) -> None:
    assert load(str(tmp_path / written(tmp_path, {**TINY, "time_budget": text}))).sweep.time_budget == seconds


def test_objectives_are_read_when_they_are_asked_for() -> None:
    import pyarrow as pa

    rows = pa.table({"step": [0, 10, 20, 30], "x": [1.0, None, 3.0, None]})
    assert (value_of(rows, "x", "end", None), value_of(rows, "x", "grok", 10), value_of(rows, "x", 19, None)) == (3.0, 3.0, 1.0)
    assert all(value != value for value in (value_of(rows, "y", "end", None), value_of(rows, "x", "grok", None), value_of(rows, "x", "grok", 30)))
    assert [read_at(each) for each in ("grok", "end", 5)] == ["grok", "end", 5]


# --- by Optuna


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


def test_a_search_is_killed_and_taken_up_again(tmp_path: Path, store: Store) -> None:
    file = searched(tmp_path, hunting(4))
    with pytest.raises(Killed):
        hunted(load(file), store, kill_after=3)  # in the middle of the second point
    trained = {name: store.run(name).record() for name in store.names("runs")}
    assert plan(load(file), store).unknown in (2, 3)  # the last point may not be noted yet: the study has it
    again = hunted(load(file), store)
    assert (again.report.points, again.report.told, again.report.failed) == (4, 4, {})
    assert all(store.run(name).record() == record for name, record in trained.items())  # no finished run is repeated
    listed = {run["run_id"] for run in store.manifest("tiny")["runs"]}
    assert listed == set(store.names("runs"))  # no row is lost
    assert len(listed) == 8
    study = optuna.load_study(study_name="tiny", storage=f"sqlite:///{store.address}/sweeps/tiny/study.db")
    states = [trial.state for trial in study.trials]
    assert (states.count(TrialState.COMPLETE), states.count(TrialState.RUNNING), states.count(TrialState.WAITING)) == (4, 0, 0)
    assert len(study.directions) == 2 and study.best_trials
    done = hunted(load(file), store)
    assert (done.report.told, len(study.trials)) == (4, len(states))
    assert hunted(load(file, None, ["search.points=5"]), store).report.told == 5


def test_objectives_are_means_over_seeds(tmp_path: Path, store: Store) -> None:
    sweep = load(searched(tmp_path, hunting(1, objectives={"maximise": {"test_acc": "end"}, "minimise": {"t_grok": "end"}})))
    hunt = hunted(sweep, store)
    (trial,) = hunt.study.study.trials
    accuracies = [objective_of(run.config, store, run.run_id, "test_acc", "end") for run in hunt.sweep.runs]
    assert trial.values == [pytest.approx(sum(accuracies) / 2), 20.0]  # nobody generalises in 20 steps: the budget


def test_a_lost_study_is_made_anew_from_what_is_stored(tmp_path: Path, store: Store) -> None:
    file = searched(tmp_path, hunting(3))
    before = {run.run_id for run in hunted(load(file), store).sweep.runs}
    (tmp_path / "results/sweeps/tiny/study.db").unlink()

    def never(config: RunConfig, store: Store) -> None:
        raise AssertionError("all runs are there")

    again = hunted(load(file), store, train=never)
    assert {run.run_id for run in again.sweep.runs} == before
    assert again.report.told == 3


def test_points_whose_runs_fail_are_told_so_and_tried_again(tmp_path: Path, store: Store) -> None:
    file = searched(tmp_path, hunting(2))

    failed = hunted(load(file), store, train=untrained)
    assert (failed.report.points, failed.report.told, failed.report.failed) == (2, 0, {"2 of 2 runs did not finish": 2})
    assert hunted(load(file), store, train=untrained).report.failed == {}  # failures are on record: left alone
    for name in store.names("runs"):
        store.run(name).forgive()  # as the next `lal sweep` does
    again = hunted(load(file), store)
    assert (again.report.points, again.report.told) == (2, 2)


def test_what_was_never_measured_fails_with_the_reason(tmp_path: Path, store: Store) -> None:
    def unmeasured(config: RunConfig, store: Store) -> None:
        attempt(config, store)
        folder = store.run(run_id(config))
        rows, record = folder.history(), folder.record()
        assert rows and record
        digest = folder.join([{**row, "functional_depth": None} for row in rows])
        folder.finish(replace(record, history_sha256=digest))

    hunt = hunted(load(searched(tmp_path, hunting(2))), store, train=unmeasured)
    assert hunt.report.failed == {"functional_depth at end was not measured, or no number, in 2 of 2 runs": 2}
    assert [trial.state for trial in hunt.study.study.trials] == [TrialState.FAIL] * 2
    assert hunt.study.study.trials[0].user_attrs["reason"].startswith("functional_depth at end")


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_small_space_is_searched_to_its_end(tmp_path: Path, store: Store, sampler: str) -> None:
    hunt = hunted(load(searched(tmp_path, hunting(4, sampler=sampler), FINITE)), store, train=untrained)
    assert hunt.report.points == 4
    assert len({str(run.point) for run in hunt.sweep.runs}) == 4


def test_arms_are_searched_with_their_own_axes(tmp_path: Path, store: Store) -> None:
    arms = {"deep": {"axes": {"model.depth": {"int": [2, 3]}}}, "flat": {"axes": {"model.depth": None, "model.width": [8, 16]}}}
    hunt = hunted(load(searched(tmp_path, hunting(6), arms=arms)), store, train=untrained)
    assert {run.arm for run in hunt.sweep.runs} == {"deep", "flat"}
    assert all(run.config.model.depth in (2, 3) if run.arm == "deep" else run.config.model.width in (8, 16) for run in hunt.sweep.runs)  # type: ignore[attr-defined]
    assert known(load(searched(tmp_path, hunting(6), arms=arms)), store).found == hunt.sweep.found


def test_another_question_does_not_take_over_the_points(tmp_path: Path, store: Store) -> None:
    hunted(load(searched(tmp_path, hunting(1))), store)
    for change, message in (
        (["model.width=8"], "arms.all.base.model.width: stored 16, asked 8"),
        (["optim.lr={log: [1.0e-3, 1]}"], "arms.all.axes.optim.lr.high: stored 0.1, asked 1.0"),
        (["seeds=3"], "arms.all.seeds.values"),
        (["search.objectives.maximise.train_acc=end"], "objectives.maximise.train_acc"),
    ):
        with pytest.raises(Refused, match=message):
            plan(load(searched(tmp_path, hunting(1)), None, change), store)
    store.remove("sweeps/tiny/manifest.json")
    with pytest.raises(Refused, match=r"study tiny in sqlite.* is of another"):
        hunted(load(searched(tmp_path, hunting(1)), None, ["model.width=8"]), store)
    fresh = hunted(load(searched(tmp_path, hunting(1)), None, ["model.width=8"]), store, fresh=True)
    assert fresh.report.told == 1


def test_a_database_that_cannot_be_opened_is_refused(tmp_path: Path, store: Store) -> None:
    sweep = load(searched(tmp_path, hunting(1, storage=f"sqlite:///{tmp_path}/no/such/folder/study.db")))
    assert sweep.space is not None
    with pytest.raises(Refused, match=r"search.storage must be a database that can be opened, but sqlite:.* cannot: .*unable to open"):
        opened(sweep.space, store, sweep.folder)


def test_object_stores_need_a_database_of_their_own(tmp_path: Path) -> None:
    sweep = load(searched(tmp_path, hunting(1)))
    assert sweep.space is not None
    elsewhere = Store("s3://bucket/results?region=eu-west-1&endpoint_override=127.0.0.1:1")
    with pytest.raises(Refused, match=r"is an object store, which cannot hold one; write search.storage"):
        opened(sweep.space, elsewhere, sweep.folder)


def test_a_plan_says_what_is_known_and_an_upper_bound(tmp_path: Path, store: Store) -> None:
    file = searched(tmp_path, hunting(3))
    planned = summary(plan(load(file), store))
    assert (planned["runs"], planned["unknown"]["points"], planned["unknown"]["runs"]) == (0, 3, 6)
    assert planned["unknown"]["core_hours_at_most"] >= 0 and planned["wall_seconds"] > 0
    hunted(load(file), store, train=untrained)
    assert summary(plan(load(file), store))["unknown"]["points"] == 0


# --- two drivers at one study


def trained(hunt: Hunt, store: Store) -> None:
    """One pack, from its proposal to its end."""
    for config in hunt.next() or ():
        attempt(config, store)
        hunt.over(run_id(config))


def states(hunt: Hunt) -> list[str]:
    return sorted(trial.state.name for trial in hunt.study.study.trials)


def test_two_drivers_at_one_study_share_its_points(tmp_path: Path, store: Store) -> None:
    file = searched(tmp_path, hunting(4))
    one = begun(load(file), store)
    first = one.next()
    assert first
    two = begun(load(file), store)
    assert states(two) == ["RUNNING"]  # it lives: its trial is its own
    second = two.next()
    assert second
    assert {run_id(config) for config in first}.isdisjoint(map(run_id, second))
    for hunt, pack in ((one, first), (two, second)):
        for config in pack:
            attempt(config, store)
            hunt.over(run_id(config))
    while not (one.finished and two.finished):
        trained(one, store)
        trained(two, store)
    one.close()
    two.close()
    for hunt in (one, two):
        assert (hunt.report.points, hunt.report.told, hunt.report.failed) == (4, 4, {})
        hunt.study.leave()
    assert states(one) == ["COMPLETE"] * 4
    listed = {run["run_id"] for run in store.manifest("tiny")["runs"]}
    assert listed == {*store.names("runs")}
    assert len(listed) == 8


def test_a_trial_that_another_driver_closed_is_no_error(tmp_path: Path, store: Store) -> None:
    hunt = begun(load(searched(tmp_path, hunting(1))), store)
    pack = hunt.next()
    assert pack
    hunt.study.study.tell(0, state=TrialState.FAIL)
    for config in pack:
        attempt(config, store)
        hunt.over(run_id(config))
    hunt.study.leave()
    assert hunted(load(searched(tmp_path, hunting(1))), store).report.told == 1
    assert states(hunt) == ["COMPLETE", "FAIL"]


@pytest.mark.parametrize("host", ["here", "elsewhere"])
def test_what_a_dead_driver_had_on_its_way_is_taken_up(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Here its process is looked up. Elsewhere it has to be silent for a while first, and the search does not end before that is known."""
    file = searched(tmp_path, hunting(1))
    dead = begun(load(file), store)
    dead.next()
    dead.study.drivers._left.set()
    key = f"{drivers.PREFIX}{dead.study.drivers.name}"
    owner = dead.study.study.user_attrs[key]
    changed = {"pid": 2**30} if host == "here" else {"host": "elsewhere"}
    dead.study.study.set_user_attr(key, {**owner, **changed})
    now = time.monotonic()
    monkeypatch.setattr("launch.searching.hunt.time.monotonic", lambda: now)
    hunt = begun(load(file), store)
    if host == "elsewhere":
        assert hunt.next() is None
        assert not hunt.finished
        dead.study.study.set_user_attr(key, {**owner, **changed, "beat": 1})
        now += drivers.SILENCE_S - 1
        assert hunt.next() is None
        assert hunt.finished  # its heart beats: the point is its own
        hunt.done = False
        now += drivers.SILENCE_S
    trained(hunt, store)
    assert hunt.next() is None
    assert hunt.finished
    hunt.close()
    assert (hunt.report.points, hunt.report.told) == (1, 1)
    assert states(hunt) == ["COMPLETE", "FAIL"]
    hunt.study.leave()


def test_points_that_were_not_noted_yet_are_known_from_the_study(tmp_path: Path, store: Store) -> None:
    file = searched(tmp_path, hunting(3))
    with pytest.raises(Killed):
        hunted(load(file), store, kill_after=3)
    store.put_json("sweeps/tiny/manifest.json", manifest(load(file)))  # without any point
    again = hunted(load(file), store)
    assert (again.report.points, again.report.told) == (3, 3)
    assert {run["run_id"] for run in store.manifest("tiny")["runs"]} == {*store.names("runs")}


def test_noting_points_takes_a_small_share_of_the_time(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now, notes = [0.0], []
    monkeypatch.setattr("launch.searching.hunt.time.monotonic", lambda: now[0])

    def slow(sweep: Expanded) -> None:
        notes.append(len(sweep.found))
        now[0] += 1.0

    hunt = begun(load(searched(tmp_path, hunting(16))), store)
    hunt.note = slow
    while not hunt.finished:
        for config in hunt.next() or ():
            untrained(config, store)
            hunt.over(run_id(config))
        now[0] += 1.0  # a point a second: by itself each would be noted
    hunt.close()
    hunt.study.leave()
    assert notes[-1] == 16
    assert len(notes) <= 3


# --- workers that die, second chances


class Died(RayActorError):
    def __init__(self) -> None:
        super().__init__(error_msg="the actor died unexpectedly")


def test_the_run_that_a_worker_was_at_is_charged_and_goes_on_alone(tmp_path: Path, store: Store) -> None:
    ended: list[tuple[str, str]] = []
    hunt = begun(load(searched(tmp_path, hunting(1), seeds=3)), store, ended=lambda name, outcome: ended.append((name, outcome)))
    pack = hunt.next()
    assert pack is not None and len(pack) == 3
    done, culprit, last = pack
    names = [run_id(config) for config in pack]
    attempt(done, store)
    hunt.lost(names, Died())  # the worker could not say any more that the first one is finished: it is not blamed, nor is the next
    assert ended == [(names[0], "budget")]
    assert hunt.losses == {}
    assert hunt.next() == (culprit, last)
    hunt.lost(names[1:], Died())
    assert (hunt.next(), hunt.next()) == ((culprit,), (last,))
    hunt.lost(names[1:2], Died())
    assert hunt.next() == (culprit,)
    hunt.lost(names[1:2], Died())
    failure = store.run(names[1]).failure()
    assert failure is not None and failure.outcome == "lost" and "died 3 times" in failure.reason
    attempt(last, store)
    hunt.over(names[2])
    hunt.close()
    assert hunt.report.failed == {"1 of 3 runs did not finish": 1}
    hunt.study.leave()


def test_what_a_worker_answers_is_not_asked_again(tmp_path: Path, store: Store) -> None:
    hunt = begun(load(searched(tmp_path, hunting(1), seeds=1)), store)
    pack = hunt.next()
    assert pack is not None and len(pack) == 1
    (config,) = pack
    hunt.lost([run_id(config)], RuntimeError("no such place"))
    failure = store.run(run_id(config)).failure()
    assert failure is not None and failure.outcome == "error"
    hunt.study.leave()


def test_runs_that_are_finished_by_second_chances_give_their_points_objectives(tmp_path: Path, store: Store) -> None:
    """The policy itself is that of grids: see test_chances."""
    file = searched(tmp_path, hunting(2))
    hunt = begun(load(file), store)

    def crowded(config: RunConfig) -> None:
        store.run(run_id(config)).fail(Failure(run_id(config), "out_of_memory", "no room", 0))

    while not hunt.finished:
        for config in hunt.next() or ():
            crowded(config)
            hunt.over(run_id(config))
    chances = Chances(store)
    again = [config for config in hunt.handed_out() if not chances.over(config)]
    assert len(again) == 4
    hunt.tell_late()
    assert hunt.points.told == set()
    for config in again:
        store.run(run_id(config)).forgive()
        attempt(config, store)
    hunt.tell_late()
    hunt.close()
    assert (hunt.report.told, hunt.report.failed) == (2, {})
    assert states(hunt) == ["COMPLETE", "COMPLETE", "FAIL", "FAIL"]
    hunt.study.leave()


def test_how_runs_of_found_points_stood_is_known(tmp_path: Path, store: Store) -> None:
    """A run that another sweep had finished was not trained by this one."""
    file = searched(tmp_path, hunting(1))
    hunted(load(file), Store(tmp_path / "others"))
    (tmp_path / "results").mkdir()
    (tmp_path / "others/runs").rename(tmp_path / "results/runs")
    (tmp_path / "results/runs" / store.names("runs")[0] / "record.json").unlink()
    hunt = begun(load(file), store)
    pack = hunt.next()
    assert pack is not None and len(pack) == 1
    (config,) = pack
    assert {name: each.state for name, each in hunt.before.items()} == {run_id(config): "continue"}
    hunt.study.leave()


# --- the same search


@pytest.mark.parametrize("change", ["budget.checkpoint_every_s=7", "budget.timeout_s=900", "budget.hang_s=90"])
def test_how_runs_are_saved_and_watched_makes_no_other_search(tmp_path: Path, store: Store, change: str) -> None:
    hunted(load(searched(tmp_path, hunting(1))), store)
    assert plan(load(searched(tmp_path, hunting(1)), None, [change]), store).unknown == 0


def test_another_budget_is_another_search_and_the_error_says_why(tmp_path: Path, store: Store) -> None:
    hunted(load(searched(tmp_path, hunting(1))), store)
    with pytest.raises(Refused, match=r"budget.steps: stored 20, asked 40.*under one budget does not compare"):
        plan(load(searched(tmp_path, hunting(1)), None, ["budget.steps=40"]), store)


def test_points_of_a_search_are_marked_on_scales_of_their_axes(tmp_path: Path) -> None:
    sweep = load(searched(tmp_path, hunting(30), {**CONTINUOUS, "model.depth": {"int": [1, 64]}}))
    assert sweep.space is not None
    mark = marker(sweep.space.corners, sweep.axes, sweep.space.ranges)
    marks = []
    for index in range(200):
        values = {path: of_share(axis, share(0, path, index))[1] for path, axis in sweep.space.axes["all"].items()}
        run = sweep.space.runs(Found("all", values))[0]
        marks.append((run.point, mark(run)["axes"]))
    for axis in ("optim.lr", "model.depth"):
        labels = {each[axis] for _, each in marks}
        assert 8 <= len(labels) <= MOST
        assert "other" not in labels
        for point, each in marks:
            low, high = map(float, each[axis].split(".."))
            assert low * 0.99 <= point[axis] <= high * 1.01
    assert {each["penalties.compute.weight"] for _, each in marks} == {"0.0", "0.1"}


def test_a_search_that_cannot_run_forgets_and_writes_nothing(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    file = searched(tmp_path, hunting(1))
    hunted(load(file), store)

    def refused(*_: Any) -> Any:
        raise Refused("there is no such cluster")

    monkeypatch.setattr("launch.cluster.connected", refused)
    for where in (store, Store(tmp_path / "empty")):
        planned = plan(load(file), where, fresh=True)
        with pytest.raises(Refused, match="no such cluster"):
            drive(planned, where, Options(fresh=True, quiet=True), Console(quiet=True))
    assert len(optuna.load_study(study_name="tiny", storage=f"sqlite:///{store.address}/sweeps/tiny/study.db").trials) == 1
    assert not (tmp_path / "empty").exists()
