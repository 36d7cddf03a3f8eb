"""The plan: what is missing, what that takes and on what grounds, what looks wrong."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lal.config import RunConfig, dump, run_id
from lal.errors import Refused
from lal.metrics import METRICS
from lal.store import Failure, Record, Store
from launch.plan import Plan, plan, show, size, summary
from launch.planning import machine
from launch.planning.estimate import RAY_S, RUN_S, Estimator, expected_steps, readable, shape, wall_seconds
from launch.planning.resources import Node, this_machine
from launch.sweep import Expanded, load
from tests.lal.small import MODELS, run_config

TEXT = """
name: small
question: Is [this] shown as written?
base:
  task: {kind: modular, p: 31, train_frac: 0.6}
  model: {kind: gated, depth: 2, width: 16}
  optim: {kind: adamw, lr: 5.0e-3}
  penalties: {compute: {kind: sum, weight: 0}}
  measure: {eval_every: 50}
  budget: {steps: 4000, stop: {at_least: 0.95, sustain: 200, tail: {factor: 1, min_steps: 500}}}
arms:
  soft: {}
  hard: {base: {model: {gate: straight_through}}}
axes:
  penalties.compute.weight: [0, 0.1]
seeds: 5
"""


@pytest.fixture
def sweep(tmp_path: Path):
    """The small sweep, changed."""

    def loaded(*overrides: str, text: str = TEXT) -> Expanded:
        (tmp_path / "small.yaml").write_text(text, encoding="utf-8")
        return load(str(tmp_path / "small.yaml"), None, list(overrides))

    return loaded


def finish(store: Store, config: RunConfig, *, steps: int = 1000, seconds: float = 4.0, outcome: str = "target_reached") -> None:
    """Writes what a finished run leaves, without training it."""
    folder, values = store.run(run_id(config)), dump(config)
    size = folder.join([{"step": step, "seconds": 0.0, "test_acc": 1.0, "train_acc": 1.0} for step in range(0, steps + 1, 50)])
    folder.finish(
        Record(run_id(config), outcome, "as the test wants", steps, seconds, config.whole_trajectory(), config.whole_measure(), values["budget"], size)
    )


def cores(n: int) -> list[Node]:
    """A machine with `n` cores and no GPU."""
    return [this_machine(n, 0)]


def counts(planned: Plan) -> tuple[int, ...]:
    """(runs, new, continue, again, done, failed) of a plan."""
    return tuple(planned.counts().values())


def test_everything_is_new_in_an_empty_folder(sweep: Any, store: Store) -> None:
    planned = plan(sweep(), store, nodes=cores(2))
    assert counts(planned) == (20, 20, 0, 0, 0, 0) and len(planned.to_train) == 20
    assert planned.counts("soft")["runs"] == planned.counts("hard")["new"] == 10
    assert planned.basis.startswith("from a model of this machine")
    assert not (store.place.root / "runs").exists()


def test_done_runs_are_left_out_and_failed_ones_only_if_asked(sweep: Any, store: Store) -> None:
    expanded = sweep()
    first, second, third, *_ = expanded.configs().values()
    finish(store, first)
    for config, outcome in ((second, "error"), (third, "lost")):
        store.run(run_id(config)).fail(Failure(run_id(config), outcome, "as the test wants", 10))
    everything, some = plan(expanded, store), plan(expanded, store, skip_failed=True)
    assert counts(everything) == counts(some) == (20, 17, 2, 0, 1, 2)
    assert {run_id(first)} == expanded.configs().keys() - {run_id(each) for each in everything.to_train}
    assert {run_id(second)} == {run_id(each) for each in everything.to_train} - {run_id(each) for each in some.to_train}
    assert everything.reasons() == {"was not finished": 2, "last attempt: error": 1, "last attempt: lost": 1}


def test_more_budget_continues_and_finer_rows_are_trained_again(sweep: Any, store: Store) -> None:
    for config in sweep().configs().values():
        finish(store, config, steps=4000, outcome="budget")
    assert counts(plan(sweep(), store)) == (20, 0, 0, 0, 20, 0)
    longer = plan(sweep("budget.steps=5000", "budget.stop=null"), store)
    assert counts(longer) == (20, 0, 20, 0, 0, 0) and {each.steps for each in longer.estimates.values()} == {1000}
    assert counts(plan(sweep("measure.eval_every=25"), store)) == (20, 0, 0, 20, 0, 0)


def test_a_run_that_arms_share_is_counted_and_trained_once(sweep: Any, store: Store) -> None:
    shared = sweep(text=TEXT.replace("hard: {base: {model: {gate: straight_through}}}", "same: {}"))
    planned = plan(shared, store, nodes=cores(1))
    assert planned.counts()["runs"] == 10 == len(planned.to_train) == len(planned.estimates)
    assert planned.counts("soft")["runs"] == planned.counts("same")["runs"] == 10


def test_finished_runs_of_the_same_shape_and_cell_tell_time_and_steps(sweep: Any, store: Store) -> None:
    expanded = sweep()
    done = [run.config for run in expanded.runs if run.arm == "soft" and run.point["penalties.compute.weight"] == 0][:2]
    for config, steps in zip(done, (1000, 1400), strict=True):
        finish(store, config, steps=steps, seconds=steps / 100)
    estimates = plan(expanded, store).estimates
    same_cell, same_shape, other = (
        next(estimates[run.run_id] for run in expanded.runs if run.run_id in estimates and run.arm == arm and run.point["penalties.compute.weight"] == weight)
        for arm, weight in (("soft", 0), ("soft", 0.1), ("hard", 0))
    )
    assert (same_cell.steps, same_cell.seconds, same_cell.runs) == (1200, pytest.approx(12.0), 2)
    assert same_shape.seconds == pytest.approx(same_shape.steps / 100) and same_shape.steps == expected_steps(done[0])
    assert other.runs == 0
    assert "from up to 2 finished runs of the same shape for 8 runs" in plan(expanded, store).basis


def test_finished_runs_of_other_sweeps_are_asked_too(sweep: Any, store: Store) -> None:
    for config in list(sweep("penalties.compute.weight=0.7").configs().values())[:2]:
        finish(store, config, seconds=30.0)
    assert {each.runs for each in plan(sweep(), store).estimates.values()} == {0, 2}


def test_the_shape_of_a_run_is_what_its_steps_cost(sweep: Any) -> None:
    def shapes(*overrides: str) -> set[str]:
        return {
            shape(config.whole_trajectory(), config.whole_measure())
            for config in sweep(*overrides, "model.gate=sigmoid", text=TEXT.replace("  hard: {base: {model: {gate: straight_through}}}\n", ""))
            .configs()
            .values()
        }

    assert shapes() == shapes("optim.lr=1e-3") == shapes("task.split_seed=3") and len(shapes()) == 1
    for change in (
        "model.width=8",
        "task.p=37",
        "optim.batch_size=10",
        "measure.eval_every=10",
        "dtype=float64",
        "penalties.spectral={kind: spectral, weight: 1}",
    ):
        assert shapes() != shapes(change)


def test_success_is_expected_at_a_decay_time_and_then_its_tail(sweep: Any) -> None:
    def steps(*overrides: str) -> int:
        return expected_steps(sweep(*overrides).runs[0].config)

    assert steps() == round((4000 + 2 * (1000 + 200 + 1000)) / 3)
    assert steps("budget.steps=1500") == 1500
    assert steps("budget.stop=null") == 4000
    assert steps("optim.weight_decay=0") == 4000
    assert steps("optim.lr=1e-4") == 4000


def test_runs_take_the_first_free_slot() -> None:
    assert wall_seconds([], 2) == 0
    assert wall_seconds([10.0], 4) == pytest.approx(RAY_S + RUN_S + 10)
    assert wall_seconds([4.0, 2.0, 2.0, 3.0], 2) == pytest.approx(RAY_S + 2 * RUN_S + 7)
    assert wall_seconds([1.0] * 10, 5) < wall_seconds([1.0] * 10, 2) < wall_seconds([1.0] * 10, 1)


def test_slots_are_cores_by_what_a_run_asks_for(sweep: Any, store: Store) -> None:
    assert plan(sweep(), store, nodes=cores(8)).slots == 8
    assert plan(sweep("resources.cpu=3"), store, nodes=cores(8)).slots == 2
    assert plan(sweep("resources.cpu=0.25"), store, nodes=cores(2)).slots == 2
    assert plan(sweep("resources.cpu=16"), store, nodes=cores(2)).slots == 1
    assert plan(sweep(), store, nodes=cores(100)).slots == 20


@pytest.mark.parametrize("change", ["model.width=32", "model.depth=4", "task.p=59", "measure.eval_every=10"])
def test_the_model_of_the_machine_grows_with_the_work(sweep: Any, change: str) -> None:
    small, large = sweep().runs[0].config, sweep(change).runs[0].config
    assert 0 < machine.modelled(small, 100) < machine.modelled(large, 100)
    assert machine.modelled(small, 100) < machine.modelled(small, 200)


def test_metrics_that_read_all_training_rows_cost_the_same_whatever_the_batch(sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "rate", lambda: machine.REFERENCE_RATE)
    names = "measure.metrics=[accuracy,weight_hessian]"

    def measuring(*changes: str) -> float:
        with_it, without = (sweep(*changes, metrics).runs[0].config for metrics in (names, "measure.metrics=[accuracy]"))
        return machine.modelled(with_it, 400) - machine.modelled(without, 400)

    n_steps = (400 / (50 * METRICS["weight_hessian"].period) + 1) * METRICS["weight_hessian"].cost
    full = machine.cost(machine.STEP, machine.step_work(sweep(names).runs[0].config))
    assert n_steps > 5
    assert measuring() == pytest.approx(n_steps * full)
    assert measuring("optim.batch_size=10") == pytest.approx(n_steps * full)
    assert machine.modelled(sweep("optim.batch_size=10").runs[0].config, 400) < machine.modelled(sweep().runs[0].config, 400)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_estimated(model: str) -> None:
    small, large = (run_config(model, task={"p": p, "train_frac": 0.5}) for p in (11, 23))
    assert 0 < machine.modelled(small, 0) < machine.modelled(small, 10)
    assert machine.modelled(small, 100) < machine.modelled(large, 100)
    assert 0 < machine.storage(small, 100) < machine.storage(large, 100)


def test_other_kinds_of_run_are_estimated_by_their_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        eval_every = 10

        def flops_per_step(self) -> float:
            return 1e9

        def passes_per_step(self) -> float:
            return 1.0

    monkeypatch.setattr(machine, "rate", lambda: machine.REFERENCE_RATE)
    assert machine.modelled(Other(), 0) == pytest.approx(machine.LOOK[0] + machine.LOOK[2] * 1e9 / 3)  # type: ignore[arg-type]
    assert machine.modelled(Other(), 100) > 100 * machine.STEP[2] * 1e9  # type: ignore[arg-type]


def test_warnings_are_told_once_with_their_number(sweep: Any, store: Store) -> None:
    assert plan(sweep(), store).warnings == ()
    texts = plan(sweep("seeds=2", "optim.weight_decay=0,1", "model.width=16"), store).warnings
    assert texts[0].startswith("8 of 8 cells have fewer than 5 seeds (the fewest: 2)")
    assert [text for text in texts if text.startswith("weight decay 0")] == [
        "weight decay 0 with softmax: logits grow without bound and float32 may collapse (8 of 16 runs)"
    ]


def test_arms_of_unequal_size_are_told(sweep: Any, store: Store) -> None:
    wide = TEXT.replace("{gate: straight_through}", "{width: 32}")
    small, large = (2 * 31 * w + 2 * (w * w + w + 1) + 2 * w * 3 + w * 31 for w in (16, 32))
    told = f"arms differ in size by {large / small - 1:.0%}: hard has {large:,} parameters where soft has {small:,}"
    assert told in plan(sweep(text=wide), store).warnings
    assert not [text for text in plan(sweep("model.depth=2,4"), store).warnings if "arms differ" in text]


def test_the_summary_is_plain_data_and_the_table_says_the_same(sweep: Any, store: Store) -> None:
    finish(store, sweep().runs[0].config)
    planned = plan(sweep(), store, nodes=cores(2))
    told = json.loads(json.dumps(summary(planned), allow_nan=False))
    assert (told["sweep"], told["runs"], told["new"], told["done"], told["to_train"], told["slots"]) == ("small", 20, 19, 1, 19, 2)
    assert told["arms"]["hard"]["runs"] == 10 and told["wall_seconds"] > RAY_S and told["storage_bytes"] > 19 * machine.BYTES_FIXED
    out = io.StringIO()
    show(planned, Console(file=out, width=200))
    text = out.getvalue()
    assert "Is [this] shown as written?" in text and "19 runs to train, 2 at a time: about" in text
    assert [line.split()[:6] for line in text.splitlines() if line.startswith("together")] == [["together", "20", "19", "0", "0", "1"]]


def test_nothing_to_train_is_said(sweep: Any, store: Store) -> None:
    for config in sweep().configs().values():
        finish(store, config)
    planned = plan(sweep(), store)
    out = io.StringIO()
    show(planned, Console(file=out, width=200))
    assert planned.wall_s == 0 and planned.to_train == () and "Nothing to train." in out.getvalue()


def test_a_thousand_runs_are_planned(sweep: Any, store: Store) -> None:
    planned = plan(sweep("seeds=250"), store)
    assert len(planned.to_train) == 1000 == planned.counts()["new"]


def test_sizes_have_units() -> None:
    assert [size(each) for each in (0, 1023, 1024, 5 * 2**20, 3 * 2**30, 2**50)] == ["0 B", "1023 B", "1.0 KiB", "5.0 MiB", "3.0 GiB", "1024.0 TiB"]


def test_a_record_of_a_newer_schema_is_refused_where_it_is_asked_for_and_no_example_elsewhere(sweep: Any, store: Store) -> None:
    config = sweep().runs[0].config
    finish(store, config)
    record = store.run(run_id(config)).record()
    assert record is not None
    store.put_json(f"runs/{run_id(config)}/record.json", {**vars(replace(record, schema=99))})
    with pytest.raises(Refused, match="schema 99; it was written by a newer lal"):
        plan(sweep(), store)
    assert readable(store, run_id(config)) is None


def test_runs_that_differ_in_seeds_alone_are_modelled_once(sweep: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def modelled(config: RunConfig, steps: int) -> float:
        asked.append((config, steps))
        return machine.modelled(config, steps)

    monkeypatch.setattr("launch.planning.estimate.modelled", modelled)
    expanded = sweep()
    each = plan(expanded, store).estimates
    assert len(asked) == 4 < len(each)  # two arms at two weights
    for name, config in expanded.configs().items():
        assert each[name] == Estimator(store, {}).of(config)
