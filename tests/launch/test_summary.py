"""The last lines of a sweep."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from lal.config import dump, parse, run_id
from lal.runs.session import attempt
from lal.store import Failure, Store
from launch.driving.summary import SHOWN, Summary, say, summed
from launch.following.progress import Board
from launch.plan import plan
from launch.show import facts, outcome_of, print_facts
from launch.sweep import load

TEXT = "name: small\nbase: {task: {p: 5, train_frac: 0.5}, measure: {eval_every: 2, metrics: [accuracy]}, budget: {steps: 4, stop: null}}\nseeds: 2\n"


def said(summary: Summary) -> str:
    out = io.StringIO()
    say(summary, Console(file=out, width=200), "lal sweep small")
    return out.getvalue()


def test_what_was_lost_on_the_disk_and_made_good_is_said(tmp_path: Any, store: Store) -> None:
    (tmp_path / "small.yaml").write_text(TEXT, encoding="utf-8")
    expanded = load(str(tmp_path / "small.yaml"), None, [])
    first, second = expanded.configs().values()
    store.run(run_id(first)).put_bytes("checkpoint.pt", b"PK")
    planned = plan(expanded, store)
    for config in (first, second):
        attempt(parse(config.model_dump(mode="json")), store)
    summary = summed(planned, store, None, 1.0, {})
    assert summary.notes == [f"{run_id(first)}: checkpoint.pt was damaged or missing: trained again from step 0"]
    assert f"! {summary.notes[0]}" in said(summary)
    summary.notes *= SHOWN + 3
    assert "and 3 more runs" in said(summary)


def test_gpus_that_were_held_for_nothing_are_said(tmp_path: Any, store: Store) -> None:
    (tmp_path / "small.yaml").write_text(TEXT, encoding="utf-8")
    expanded = load(str(tmp_path / "small.yaml"), None, [])
    first, second = expanded.configs().values()
    planned = plan(expanded, store)
    attempt(first, store, share={"cpu": 1, "gpu": 0.25})
    attempt(second, store, share={"cpu": 1})
    summary = summed(planned, store, None, 1.0, {})
    assert summary.idle_gpus == 1
    assert "! 1 run held a share of a GPU, but was trained on the CPU, as torch there cannot use it; install torch with CUDA, or" in said(summary)
    summary.idle_gpus = 0
    assert "GPU" not in said(summary)


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_failure_that_was_noted_after_a_run_was_finished_is_none(tmp_path: Any, store: Store, goes_on: bool) -> None:
    """Where the run was to go on beyond its record, it is one."""
    (tmp_path / "small.yaml").write_text(TEXT, encoding="utf-8")
    for config in load(str(tmp_path / "small.yaml"), None, []).configs().values():
        attempt(config, store)
    expanded = load(str(tmp_path / "small.yaml"), None, ["budget.steps=6"] if goes_on else [])
    planned = plan(expanded, Store(tmp_path / "empty"))
    first = run_id(planned.to_train[0])
    store.run(first).put_config(dump(planned.to_train[0]))
    store.run(first).fail(Failure(first, "timeout", "it hung", 4))
    summary = summed(planned, store, None, 1.0, {})
    assert (summary.trained, [each.run_id for each in summary.failures]) == ((0, [first]) if goes_on else (2, []))
    assert outcome_of(store.run(first)) == ("timeout" if goes_on else "budget")


@pytest.mark.parametrize(("name", "told"), [("history.parquet", "its history cannot be read"), ("record.json", "its record cannot be read")])
def test_a_run_that_is_damaged_is_shown_so(store: Store, name: str, told: str) -> None:
    config = parse({"task": {"p": 5, "train_frac": 0.5}, "measure": {"eval_every": 2, "metrics": ["accuracy"]}, "budget": {"steps": 4, "stop": None}})
    attempt(config, store)
    assert facts(store, run_id(config))["damaged"] is None
    store.run(run_id(config)).put_bytes(name, b"rubbish")
    found, out = facts(store, run_id(config)), io.StringIO()
    print_facts(found, Console(file=out, width=200))
    assert found["damaged"] == told and f"damaged {told}; no report counts the run" in " ".join(out.getvalue().split())


def test_a_failure_that_the_disk_took_no_note_of_is_told_as_the_worker_told_it(tmp_path: Any, store: Store) -> None:
    (tmp_path / "small.yaml").write_text(TEXT, encoding="utf-8")
    planned = plan(load(str(tmp_path / "small.yaml"), None, []), store)
    first, second = map(run_id, planned.to_train)
    board = Board(2, "test_acc", {})
    board.report(first, {"step": 3, "outcome": "error", "reason": "OSError: no space"})
    board.report(second, {"step": 3, "outcome": "error", "reason": "OSError: no space"})
    board.begin(second)
    summary = summed(planned, store, None, 1.0, board.failures)
    assert (summary.failures, summary.missing) == ([Failure(first, "error", "OSError: no space", 3)], 1)
    assert f"1 failed; the first, {first}: error, OSError: no space" in said(summary)


@pytest.mark.parametrize(("told", "code"), [(0, 1), (1, 0)])
def test_a_search_that_learnt_nothing_is_no_success(told: int, code: int) -> None:
    search = {"wanted": 3, "points": 3, "told": told, "failed": {}, "exhausted": False}
    assert Summary("small", 3, 0, 0, trained=3, search=search).exit_code == code
