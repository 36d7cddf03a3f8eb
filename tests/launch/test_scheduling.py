"""What a scheduler cuts: the record, who counts it as done, how reports and plans tell it. Without Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analysis.collect import collect
from lal.config import RunConfig, run_id
from lal.events import Goal
from lal.runs.session import attempt
from lal.standing import standing
from lal.store import Record, Store
from launch.schedulers.recalling import Finished, recalled
from launch.schedulers.replay import Controller, Replayed
from launch.schedulers.scheduling import Asha, Median
from launch.sweep import load, manifest
from launch.trainable import Reporter, Stop
from tests.launch.cli import TINY, written

ASHA = Asha(accept_late_grok_bias=True, grace=10, reduction=2)
SPEC = ASHA.model_dump(mode="json")


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    return load(str(tmp_path / written(tmp_path, TINY))).runs[0].config


def cut_at(config: RunConfig, store: Store, step: int) -> Record:
    seen: list[int] = []
    record = attempt(config, store, report=lambda row: seen.append(row["step"]), schedule=SPEC, cut=lambda: seen[-1] >= step)
    assert isinstance(record, Record)
    return record


def test_a_run_that_is_cut_ends_there_as_pruned_and_holds_by_what(config: RunConfig, tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    record = cut_at(config, store, 30)
    assert (record.outcome, record.steps, record.reason, record.schedule) == ("pruned", 30, "cut by asha at step 30", SPEC)
    rows = store.run(record.run_id).history()
    assert rows is not None
    assert rows[-1]["step"] == 30


def test_it_is_done_under_that_schedule_alone_and_goes_on_bit_for_bit_without(config: RunConfig, tmp_path: Path) -> None:
    store, undisturbed = Store(tmp_path / "results"), Store(tmp_path / "undisturbed")
    record = cut_at(config, store, 30)
    assert standing(config, store, SPEC).state == "done"
    others = (None, {**SPEC, "grace": 20}, Median(accept_late_grok_bias=True, grace=10).model_dump(mode="json"))
    assert [standing(config, store, each).state for each in others] == ["continue"] * 3
    assert attempt(config, store, schedule=SPEC) == record
    whole, alone = attempt(config, store), attempt(config, undisturbed)
    assert isinstance(whole, Record) and isinstance(alone, Record)
    assert (whole.outcome, whole.steps, whole.schedule) == ("budget", 60, None)
    rows, expected = (
        [{name: value for name, value in row.items() if name != "seconds"} for row in each.run(record.run_id).history() or ()] for each in (store, undisturbed)
    )
    assert rows == expected


def test_a_run_that_is_over_is_not_cut_any_more(config: RunConfig, tmp_path: Path) -> None:
    record = attempt(config, Store(tmp_path / "results"), schedule=SPEC, cut=lambda: False)
    assert isinstance(record, Record)
    assert (record.outcome, record.schedule) == ("budget", None)
    seen: list[int] = []
    last = attempt(config, Store(tmp_path / "other"), report=lambda row: seen.append(row["step"]), schedule=SPEC, cut=lambda: seen[-1] >= 60)
    assert last.outcome == "budget"


def test_the_report_flags_what_was_cut(tmp_path: Path) -> None:
    sweep = load(str(tmp_path / written(tmp_path, {**TINY, "schedule": SPEC})))
    store = Store(tmp_path / "results")
    store.put_json("sweeps/tiny/manifest.json", manifest(sweep))
    for index, run in enumerate(sweep.runs):
        cut_at(run.config, store, 30) if index == 0 else attempt(run.config, store)
    runs = collect(store, "tiny").runs
    assert runs["outcome"].tolist() == ["pruned", "budget", "budget", "budget"]
    assert runs["state"].tolist() == ["done"] * 4
    without = {**manifest(sweep), "schedule": None}
    store.put_json("sweeps/tiny/manifest.json", without)
    assert collect(store, "tiny").runs[["state", "outcome"]].to_numpy().tolist()[0] == ["outgrown", "pruned"]


# --- the worker


def job(store: Store, schedule: dict[str, Any] | None) -> dict[str, Any]:
    return {"schedule": schedule, "results": store.address, "call": "this"}


def stopped(facts: dict[str, Any]) -> None:
    raise SystemExit(0)


@pytest.mark.parametrize(
    ("schedule", "call", "cut"),
    [(SPEC, "this", True), (SPEC, "another", False), (SPEC, None, False), (None, "this", False)],
)
def test_a_worker_knows_a_cut_from_other_ends(tmp_path: Path, schedule: dict[str, Any] | None, call: str | None, cut: bool) -> None:
    store = Store(tmp_path)
    if call:
        store.run("some-run").note_cut(call)
    stop = Stop(job(store, schedule))
    report = stop.heeding(stopped)
    assert not stop.came
    report({"run_id": "some-run"})
    report({"run_id": "some-run"})  # nothing more is said
    assert (stop.came, stop.cut(), stop.interrupted()) == (True, cut, not cut)
    assert not store.run("some-run").take_cut_note("this") or schedule is None


def test_what_is_compared_is_reported_at_every_evaluation(config: RunConfig) -> None:
    said: list[dict[str, Any]] = []
    reporter = Reporter(config, said.append, compared=True)
    rows: list[dict[str, Any]] = [{"step": step, "seconds": 0.0, "test_acc": step / 100, "train_acc": 1.0} for step in (0, 10, 20)]
    reporter.catch_up(rows)
    for step in (30, 40):
        reporter.see({"step": step, "seconds": 0.0, "test_acc": step / 100, "train_acc": 1.0})
    assert [(facts["step"], facts["test_acc"]) for facts in said] == [(10, 0.1), (20, 0.2), (30, 0.3), (40, 0.4)]
    reporter.last = 0.0
    reporter.see({"step": 45, "seconds": 0.0})  # a pulse has nothing to compare
    assert "test_acc" not in said[-1]


# --- a new scheduler, of a later call or after a loss


GOAL = Goal("test_acc", 0.95)


def results(*values: float) -> list[dict[str, Any]]:
    return [{"step": 10 * (place + 1), "test_acc": value} for place, value in enumerate(values)]


def decisions(scheduler: Any, values: list[dict[str, Any]]) -> list[str]:
    run = Replayed("new", [(each["step"], each["test_acc"]) for each in values], None, 40, {})
    scheduler.on_trial_add(Controller(), run)
    return [scheduler.on_trial_result(Controller(), run, each) for each in values]


@pytest.mark.parametrize("rule", [ASHA, Median(accept_late_grok_bias=True, grace=10, min_runs=2)])
def test_a_new_scheduler_compares_with_what_is_finished(rule: Asha | Median) -> None:
    finished = [Finished("a"), Finished("b"), Finished("c")]
    behind, ahead = results(0.1), results(0.9, 0.9)
    assert decisions(rule.build(GOAL, 40), behind) == ["CONTINUE"]  # alone
    for new, decided in ((behind, ["STOP"]), (ahead, ["CONTINUE"] * 2)):
        knowing = rule.build(GOAL, 40)
        for run, values in zip(finished, (results(0.2, 0.3), results(0.5, 0.6, 0.7), results(0.5, 0.1)), strict=True):
            rule.recall(knowing, run, values)
        assert decisions(knowing, new) == decided


def test_it_is_told_of_runs_that_are_done_under_its_schedule_alone(tmp_path: Path) -> None:
    sweep = load(str(tmp_path / written(tmp_path, {**TINY, "schedule": SPEC})))
    store, configs = Store(tmp_path / "results"), list(sweep.configs().values())
    cut_at(configs[0], store, 30)
    attempt(configs[1], store)
    attempt(configs[2], store, schedule={**SPEC, "grace": 20}, cut=lambda: True)
    known: dict[str, list[int]] = {}

    class Silent:
        def on_trial_add(self, controller: Any, run: Any) -> None:
            known[run.trial_id] = []

        def on_trial_result(self, controller: Any, run: Any, result: dict[str, Any]) -> None:
            known[run.trial_id].append(result["step"])

    recalled(ASHA, Silent(), sweep.goal, configs, store)
    assert known == {run_id(configs[0]): [10, 20, 30], run_id(configs[1]): [10, 20, 30, 40, 50, 60]}


def test_a_note_of_a_cut_does_not_stay_in_the_folder(config: RunConfig, tmp_path: Path) -> None:
    folder = Store(tmp_path / "results").run(run_id(config))
    folder.note_cut("this")
    assert not folder.take_cut_note("another")
    assert not folder.has("cut.json")
    folder.note_cut("this")
    attempt(config, Store(tmp_path / "results"))  # it ended before it heard
    assert not folder.has("cut.json")
    folder.note_cut("this")
    folder.reset()
    assert not folder.has("cut.json")
