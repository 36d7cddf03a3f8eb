"""Tables against the truth that results were written with."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from math import inf, isnan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import report
from analysis.collect import collect, objective
from analysis.findings import findings
from analysis.report import write as write_report
from analysis.snapshots import Snapshots
from analysis.table_files import csv, write
from lal.budget import Budget
from lal.errors import Refused
from lal.store import Failure
from tests.analysis.synthetic import BUDGET, WEIGHT, WHERE, Folder, Truth, filled, rows_of


def one(store, truth: Truth, **settings):
    """The runs table's only row."""
    folder = Folder(store, arms=("all",), **settings)
    folder.add("all", {WEIGHT: 0.1}, 0, truth)
    return collect(store, folder.write()).runs.iloc[0]


def test_times_and_reads_of_one_run(store):
    row = one(store, Truth(grok=500, memorise=100, gates=2.0, functional=3))
    assert (row["t_mem_after"], row["t_mem"], row["t_grok_after"], row["t_grok"], row["delay"]) == (75, 100, 475, 500, 400)
    assert row["outcome"] == "target_reached" and row["event"] and row["stability"] == 1 and not row["ungrokked"]
    assert row["test_acc@end"] == row["test_acc@grok"] == 1.0 and row["functional_depth@end"] == 3
    assert row["effective_depth@grok"] > row["effective_depth@end"] > 2.0
    assert row["phase"] == "comprehension" and row["horizon"] == row["steps"] == 1200
    assert row[WEIGHT] == 0.1 and row["n_evaluations"] == 1200 / 25 + 1


@pytest.mark.parametrize(
    ("truth", "outcome", "phase"),
    [
        (Truth(grok=None), "budget", "censored"),
        (Truth(grok=None, memorise=10**6), "budget", "censored"),
        (Truth(grok=1300), "target_reached", "grokking"),
        (Truth(grok=500, breaks=900), "target_reached", "ungrokked"),
        (Truth(grok=None, diverges=600), "diverged", "diverged"),
    ],
)
def test_outcomes_and_phases(store, truth, outcome, phase):
    row = one(store, truth)
    assert (row["state"], row["outcome"], row["phase"]) == ("done", outcome, phase)
    assert row["event"] == (truth.grok is not None)


def test_runs_that_are_not_done_stay_with_their_state(store):
    folder = Folder(store)
    kinds = [Truth(), Truth(fails="out_of_memory"), Truth(missing=True), Truth(), Truth()]
    ids = [folder.add("soft", {WEIGHT: 0.0}, seed, truth) for seed, truth in enumerate(kinds)]
    store.run(ids[3]).put_bytes("history.parquet", b"PAR1 not a table PAR1")
    store.run(ids[4]).put_bytes("record.json", b"{")
    tables = collect(store, folder.write())
    assert tables.runs["state"].tolist() == ["done", "failed", "missing", "damaged", "damaged"]
    assert tables.runs["outcome"].tolist()[1] == "out_of_memory"
    cell = tables.cells.iloc[0]
    assert cell[["n_planned", "n", "n_grokked", "n_failed", "n_missing"]].tolist() == [5, 1, 1, 1, 3]


ODD_COLUMNS = {"test_acc": [0.5, 0.5], "train_loss": True, "functional_depth": [2], "gate_values": 0.5, "key_frequencies": [[1]], "seconds": [0.1]}


@pytest.mark.parametrize("column", ODD_COLUMNS)
def test_a_run_is_damaged_where_a_column_is_of_a_type_that_no_run_writes(store, column):
    folder = Folder(store)
    ids = [folder.add("soft", {WEIGHT: 0.0}, seed, Truth()) for seed in range(2)]
    run = store.run(ids[0])
    run.finish(replace(run.record(), history_sha256=run.join([{**row, column: ODD_COLUMNS[column]} for row in rows_of(Truth(), 0, 3000)])))
    name = folder.write()
    assert collect(store, name).runs["state"].tolist() == ["damaged", "done"]
    assert write_report(store, name).where


def test_begun_runs_are_unfinished_and_outgrown_ones_censored_where_they_stopped(store):
    folder = Folder(store)
    begun, short = (folder.add("soft", {WEIGHT: 0.0}, seed, Truth(missing=seed == 0, grok=None)) for seed in (0, 1))
    store.run(begun).put_bytes("checkpoint.pt", b"x")
    folder.runs[1]["budget"]["steps"] = 9000
    tables = collect(store, folder.write())
    runs = tables.runs
    assert runs["run_id"].tolist() == [begun, short] and runs["state"].tolist() == ["unfinished", "outgrown"]
    assert "smaller budget" in runs["reason"][1] and runs["horizon"][1] == 3000 and len(tables.history["run_id"].unique()) == 1
    assert tables.cells.iloc[0][["n", "n_censored", "n_missing"]].tolist() == [1, 1, 1]


def test_a_failed_extension_leaves_what_had_finished_censored_and_is_told(store, monkeypatch):
    folder = Folder(store, arms=("soft",))
    run_id = folder.add("soft", {WEIGHT: 0.0}, 0, Truth(grok=None))
    store.run(run_id).fail(Failure(run_id, "out_of_memory", "killed at step 4000", 4000, "Traceback: boom", WHERE))
    tables = collect(store, folder.write())
    assert tables.runs["state"].tolist() == ["done"]  # of the budget that it had: what failed was asked by others
    folder.runs[0]["budget"]["steps"] = 9000
    tables = collect(store, folder.write())
    row = tables.runs.iloc[0]
    assert (row["state"], row["outcome"], row["horizon"]) == ("outgrown", "budget", 3000) and row["reason"].endswith(
        "failed at step 4,000: killed at step 4000"
    )
    assert tables.cells.iloc[0][["n", "n_censored", "n_failed"]].tolist() == [1, 1, 0]
    assert "continues it; 1 failed at that)" in findings(tables)[-1]
    monkeypatch.setattr(report, "drawn", lambda tables: ([], []))
    page = Path(write_report(store, "synthetic", png=False).where).read_text()
    assert "1 run failed" in page and "out of memory, 1 run: killed at step 4000" in page and "Traceback: boom" in page


def test_an_interrupted_extension_does_not_turn_a_half_into_a_whole(store):
    """Runs that generalised need no extension; to leave out those that wait for theirs would leave successes alone."""
    folder = Folder(store, arms=("soft",))
    for seed in range(4):
        folder.add("soft", {WEIGHT: 0.0}, seed, Truth(grok=500 if seed < 2 else None))
        folder.runs[seed]["budget"]["steps"] = 9000
    tables = collect(store, folder.write())
    cell = tables.cells.iloc[0]
    assert tables.runs["state"].tolist() == ["done", "done", "outgrown", "outgrown"]
    assert cell[["n", "n_grokked", "n_censored", "p", "median"]].tolist() == [4, 2, 2, 0.5, 500]
    told = findings(tables)
    assert "2 of 4 runs generalised" in told[0] and "of which 2 have not had all of it yet." in told[0]
    assert "2 of 4 planned runs finished; 2 finished under a smaller budget than is asked now, and count as censored where they stopped" in told[-1]


def test_a_run_that_another_sweep_continued_is_cut_where_this_one_ends(store):
    folder = Folder(store, budget={**BUDGET, "steps": 400})
    run_id = folder.add("soft", {WEIGHT: 0.0}, 0, Truth(grok=500))
    name = folder.write()
    before = collect(store, name)
    folder.finish(run_id, rows_of(Truth(grok=500), 0, 3000), Budget.model_validate(BUDGET))
    after = collect(store, name)
    assert after.runs["steps"][0] == 400 and after.runs["outcome"][0] == "budget" and not after.runs["event"][0]
    same = [column for column in before.runs if column not in ("seconds", "functional_depth@end", "rounded_acc@end")]
    pd.testing.assert_frame_equal(before.runs[same], after.runs[same])


def test_a_finer_history_is_thinned_to_what_was_asked(store):
    folder = Folder(store, every=25)
    folder.add("soft", {WEIGHT: 0.0}, 0, Truth(grok=500))
    folder.runs[0]["eval_every"] = 100
    history = collect(store, folder.write()).history
    assert history["step"].tolist() == [*range(0, 1200, 100), 1200]


@pytest.mark.parametrize(
    ("truth", "steps"),
    [(Truth(grok=500), 3000), (Truth(grok=None), 2050), (Truth(grok=700, breaks=1500), 3000), (Truth(grok=None, memorise=10**6), 1975)],
)
def test_a_finer_shared_history_gives_exactly_the_tables_of_a_coarser_one(store, truth, steps):
    """Another sweep had the run measured four times as often, and for longer; between two of our evaluations it dips below the goal."""
    rows = [row | {"test_acc": 0.5} if row["step"] == 925 else row for row in rows_of(truth, 0, 4000)]
    rows = [{name: value for name, value in row.items() if name not in ("functional_depth", "rounded_acc")} for row in rows]  # not due at every end
    budget = Budget.model_validate({**BUDGET, "steps": steps})

    def tables(name: str, kept: list, until: Budget, cadence: int):
        folder = Folder(store, name=name, budget=budget.model_dump(mode="json"), every=100, arms=("all",))
        run_id = folder.add("all", {WEIGHT: 0.0}, 0, Truth(missing=True))
        folder.finish(run_id, kept, until, cadence)
        return collect(store, folder.write())

    coarse = tables("coarse", [row for row in rows if row["step"] % 100 == 0 or row["step"] == steps], budget, 100)
    fine = tables("fine", rows, Budget(steps=4000, stop=None), 25)
    assert coarse.runs["steps"][0] < 4000 and coarse.runs["outcome"][0] in ("target_reached", "budget")
    for mine, theirs in ((coarse.runs, fine.runs), (coarse.history, fine.history), (coarse.cells, fine.cells)):
        pd.testing.assert_frame_equal(*(each.drop(columns="run_id", errors="ignore") for each in (mine, theirs)))


def test_cells_count_every_run_once(store):
    truths = [Truth(grok=500), Truth(grok=700), Truth(grok=None), Truth(grok=None, diverges=600), Truth(fails="error"), Truth(missing=True)]
    name = filled(store, lambda arm, weight, seed: truths[seed], weights=(0.0,), seeds=6, arms=("soft",))
    cell = collect(store, name).cells.iloc[0]
    assert cell[["n_planned", "n", "n_grokked", "n_censored", "n_diverged", "n_failed", "n_missing"]].tolist() == [6, 4, 2, 1, 1, 1, 1]
    assert cell["p"] == 0.5 and cell["median"] == 700 and cell["median_high"] == inf
    assert cell["restricted_mean"] == pytest.approx((500 + 700 + 3000 + 3000) / 4) and cell["horizon"] == 3000
    assert cell["phases"] == "2 comprehension, 1 censored, 1 diverged"


def test_a_diverged_run_does_not_hasten_the_median(store):
    def median(last: Truth) -> float:
        truths = [Truth(grok=500), Truth(grok=700), last, last]
        name = filled(store, lambda arm, weight, seed: truths[seed], weights=(0.0,), seeds=4, arms=("soft",), name=f"s{last.diverges}")
        return collect(store, name).cells["median"][0]

    assert median(Truth(grok=None, diverges=100)) == median(Truth(grok=None)) == 700


def test_one_seed_has_a_mean_without_an_interval(store):
    cells = collect(store, filled(store, lambda *_: Truth(), seeds=1)).cells
    assert cells["test_acc@end"].tolist() == [1.0] * 6 and cells["test_acc@end_low"].isna().all()


def test_thresholds_are_the_milder_of_target_and_custom(store):
    name = filled(store, lambda *_: Truth(acc=0.97, grok=500))
    assert collect(store, name).thresholds.goal == 0.95 and collect(store, name).runs["event"].all()
    assert not collect(store, name, threshold=0.98).runs["event"].any()


def test_a_threshold_stricter_than_the_stop_is_refused_with_the_command(store):
    name = filled(store, lambda *_: Truth())
    assert collect(store, name, threshold=0.99).thresholds.goal == 0.99
    with pytest.raises(Refused, match=r"0\.995 is beyond 0\.99, where 18 of 18 runs .* `lal sweep synthetic budget\.stop\.at_least=0\.995 --results "):
        collect(store, name, threshold=0.995)


def test_a_strict_threshold_is_fine_where_no_run_was_stopped(store):
    name = filled(store, lambda *_: Truth(), budget={**BUDGET, "stop": None})
    assert collect(store, name, threshold=0.999).runs["event"].all()


def test_the_window_is_no_longer_than_runs_had_to_hold(store):
    quick = {**BUDGET, "stop": {"at_least": 0.99, "sustain": 50, "tail": {"factor": 0, "min_steps": 0}}}
    tables = collect(store, filled(store, lambda *_: Truth(), budget=quick))
    assert tables.thresholds.window == 3 and (tables.runs["outcome"] == "target_reached").all() and tables.runs["event"].all()


def test_a_goal_to_be_minimised_is_judged_turned(store):
    folder = Folder(store, arms=("all",), budget={**BUDGET, "stop": None})
    folder.add("all", {WEIGHT: 0.1}, 0, Truth(grok=500))
    name = folder.write()
    manifest = store.manifest(name) | {"goal": {"column": "test_loss", "at_least": 0.01, "direction": "min"}, "fit": None}
    store.put_json(f"sweeps/{name}/manifest.json", manifest)
    row = collect(store, name).runs.iloc[0]
    assert (row["t_grok"], row["event"]) == (500, True) and isnan(row["t_mem"])


def test_objectives_are_read_at_the_end_at_grok_and_at_a_step(store):
    tables = collect(store, filled(store, lambda arm, weight, seed: Truth(grok=500 if seed else None), seeds=2, weights=(0.0,)))
    assert objective(tables, "test_acc", "grok").isna().tolist() == [True, False, True, False]
    assert (objective(tables, "test_acc", 490) < 0.5).all() and (objective(tables, "test_acc", 510)[[1, 3]] == 1).all()
    assert objective(tables, "no_such_column", "end").isna().all() and objective(tables, "no_such_column", 100).isna().all()


def test_a_run_that_two_arms_share_is_in_both(store):
    folder = Folder(store)
    run_id = folder.add("soft", {WEIGHT: 0.0}, 0, Truth())
    folder.runs.append({**folder.runs[0], "arm": "hard"})
    tables = collect(store, folder.write())
    assert tables.runs["run_id"].tolist() == [run_id] * 2 and tables.cells["n"].tolist() == [1, 1]
    assert tables.history.groupby("cell").size().nunique() == 1


def test_axes_of_mixed_values_are_text_and_missing_ones_none(store):
    folder = Folder(store, axes=(WEIGHT, "optim.betas"), arms=("all",))
    for seed, betas in enumerate(([0.9, 0.98], None, "text")):
        folder.add("all", {WEIGHT: 0.0, "optim.betas": betas}, seed, Truth())
    tables = collect(store, folder.write())
    assert tables.runs["optim.betas"].tolist()[::2] == ["[0.9, 0.98]", "text"] and pd.isna(tables.runs["optim.betas"][1])
    assert len(tables.cells) == 3


def test_written_tables_are_read_back(store):
    name = filled(store, lambda arm, weight, seed: Truth(fails="error") if seed else Truth(), name="back")
    tables = collect(store, name)
    write(store, name, tables)
    folder = f"sweeps/{name}/tables"
    assert store.names(folder) == ["cells.csv", "cells.parquet", "history", "readings.json", "readings.parquet", "runs.csv", "runs.parquet"]
    runs = pd.read_parquet(BytesIO(store.get(f"{folder}/runs.parquet")))
    assert runs["run_id"].tolist() == tables.runs["run_id"].tolist() and runs["t_grok"].equals(tables.runs["t_grok"])
    text = pd.read_csv(BytesIO(store.get(f"{folder}/cells.csv")))
    assert text["median"].tolist() == tables.cells["median"].tolist()
    [part] = store.names(f"{folder}/history")
    history = pd.read_parquet(BytesIO(store.get(f"{folder}/history/{part}")))
    assert len(history) == len(tables.history) and len(history["gate_values"][0]) == 4
    assert set(history["run_id"]) == set(tables.done["run_id"])


def test_csv_defuses_formulas():
    assert csv(pd.DataFrame({"name": ["=cmd()", "plain", "-x"], "value": [-1.5, 2.0, 3.0]})) == b"name,value\n'=cmd(),-1.5\nplain,2.0\n'-x,3.0\n"


def test_nothing_finished_still_gives_tables(store):
    tables = collect(store, filled(store, lambda *_: Truth(missing=True)))
    assert tables.history.empty and (tables.cells["n"] == 0).all() and tables.cells["p"].isna().all()
    write(store, "synthetic", tables)


@pytest.mark.parametrize("lacking", ["goal", "runs", "axes"])
def test_a_manifest_without_what_is_needed_is_refused(store, lacking):
    name = filled(store, lambda *_: Truth(), weights=(0.0,), seeds=1)
    manifest = {key: value for key, value in store.manifest(name).items() if key != lacking}
    store.put_json(f"sweeps/{name}/manifest.json", manifest)
    with pytest.raises(Refused, match="manifest"):
        collect(store, name)


def test_a_run_that_neither_memorised_nor_generalised_is_confused_once_it_had_time(store):
    folder = Folder(store, arms=("all",))
    folder.add("all", {WEIGHT: 0.1}, 0, Truth(grok=None, memorise=10**6))
    name = folder.write()
    assert collect(store, name).runs["phase"][0] == "censored"  # tau ends at 15, below 30
    assert collect(store, name, tau=10.0).runs["phase"][0] == "confusion"


def test_phases_follow_their_thresholds(store):
    folder = Folder(store, arms=("all",))
    folder.add("all", {WEIGHT: 0.1}, 0, Truth(grok=500, memorise=100))
    name = folder.write()
    assert collect(store, name).runs["phase"][0] == "comprehension" and collect(store, name, gap=300).runs["phase"][0] == "grokking"
    assert collect(store, name, fit=0.5).runs["t_mem"][0] < 100
    store.put_json(f"sweeps/{name}/manifest.json", store.manifest(name) | {"fit": None})
    with pytest.raises(Refused, match="a fit threshold is of runs that memorise"):
        collect(store, name, fit=0.5)


def test_a_sweep_s_own_thresholds_come_before_the_usual_ones_and_after_those_asked_for(store):
    folder = Folder(store, arms=("all",))
    folder.add("all", {WEIGHT: 0.1}, 0, Truth(grok=500, memorise=100))
    name = folder.write()
    manifest = store.manifest(name)
    own = {"goal": 0.9, "fit": 0.5, "gap": 300, "tau": 0.0, "window": 1}
    store.put_json(f"sweeps/{name}/manifest.json", {**manifest, "report": {**manifest["report"], "thresholds": own}})
    found = collect(store, name)
    assert {key: getattr(found.thresholds, key) for key in own} == own
    assert found.runs["phase"][0] == "grokking" and found.runs["t_mem"][0] < 100
    assert collect(store, name, threshold=0.95, gap=2000, fit=0.99).runs["phase"][0] == "comprehension"
    store.put_json(f"sweeps/{name}/manifest.json", {**manifest, "report": {**manifest["report"], "thresholds": {"goal": 0.999}}})
    with pytest.raises(Refused, match="stricter than what runs were stopped at"):
        collect(store, name)


@pytest.mark.parametrize(("last_good", "horizon"), [(0, 3000), (2, 2950), (4, 2900)])
def test_a_run_that_may_have_begun_to_generalise_is_censored_before_that(store, last_good, horizon):
    folder = Folder(store, arms=("all",))
    run_id = folder.add("all", {WEIGHT: 0.1}, 0, Truth(missing=True))
    rows = rows_of(Truth(grok=None), 0)
    folder.finish(run_id, [row | {"test_acc": 1.0} if row["step"] > 3000 - 25 * last_good else row for row in rows], Budget.model_validate(BUDGET))
    row = collect(store, folder.write()).runs.iloc[0]
    assert not row["event"] and row["horizon"] == horizon and row["steps"] == 3000 and row["held"] == (last_good > 0)


def test_means_say_how_many_seeds_they_are_of(store):
    truths = [Truth(grok=500), Truth(grok=700), Truth(grok=None), Truth(grok=None, diverges=600, gates=float("nan"))]
    cell = collect(store, filled(store, lambda arm, weight, seed: truths[seed], weights=(0.0,), seeds=4, arms=("soft",))).cells.iloc[0]
    assert cell[["n", "n_grokked", "n_held", "test_acc@grok_n", "test_acc@end_n", "effective_depth@end_n"]].tolist() == [4, 2, 2, 2, 4, 3]


def test_runs_that_arms_share_under_different_budgets_are_read_under_each(store):
    folder = Folder(store)
    folder.add("soft", {WEIGHT: 0.0}, 0, Truth(grok=500))
    folder.runs.append({**folder.runs[0], "arm": "hard", "budget": {**folder.runs[0]["budget"], "steps": 400}})
    tables = collect(store, folder.write())
    assert tables.runs["steps"].tolist() == [1200, 400] and tables.runs["event"].tolist() == [True, False]
    assert objective(tables, "test_acc", 1000).tolist() == [1.0, tables.history.query("cell == 1")["test_acc"].iloc[-1]]
    assert len(tables.distinct) == 1


@pytest.mark.parametrize("settings", [{"threshold": float("nan")}, {"threshold": 7.0}, {"threshold": -1.0}, {"threshold": 0.5, "fit": 0.0}])
def test_a_threshold_that_no_accuracy_can_have_is_refused(store, settings):
    folder = Folder(store, arms=("all",))
    folder.add("all", {WEIGHT: 0.1}, 0, Truth(grok=500))
    with pytest.raises(Refused, match=r"must be in \(0, 1\]"):
        collect(store, folder.write(), **settings)


def test_later_measurements_stand_in_the_tables_of_a_sweep(store):
    folder = Folder(store, arms=("all",))
    run_id = folder.add("all", {WEIGHT: 0.1}, 0, Truth(grok=500))
    store.run(run_id).put_measured("rank", [{"step": 0, "rank": 2.0}, {"step": 510, "rank": 3.0}, {"step": 1200, "rank": 4.0}])
    tables = collect(store, folder.write())
    assert tables.history["rank"].dropna().tolist() == [2.0, 4.0] and tables.runs["rank@end"][0] == 4.0


def test_memorising_may_be_a_column_that_falls():
    from lal.events import Goal, memorised, thresholds_of

    limits = thresholds_of(Goal("test_acc", 0.9), Goal("train_loss", 0.1, "min"))
    assert memorised([0, 10, 20], [3.0, float("nan"), 0.1], limits).by == 20


@pytest.mark.parametrize("rows", [[], [{"step": 3, "test_acc": 0.5}]], ids=["none", "off the grid"])
def test_a_history_without_an_evaluation_that_was_asked_for_is_damaged(store, rows):
    folder = Folder(store)
    ids = [folder.add("soft", {WEIGHT: 0.0}, seed, Truth(grok=None)) for seed in range(2)]
    run = store.run(ids[0])
    run.finish(replace(run.record(), history_sha256=run.join(rows)))
    assert collect(store, folder.write()).runs["state"].tolist() == ["damaged", "done"]


def test_snapshots_of_other_dimensions_are_damaged_and_empty_arrays_are_left_out(store):
    run = store.run("a-0")
    run.put_arrays(0, {"gates": np.ones((2, 1)), "embedding_spectrum": np.ones(0)})
    run.put_arrays(10, {"gates": np.ones(3), "routing": np.full((1, 1, 1), "a")})
    kept = Snapshots(run, 10)
    assert kept.damaged == (10,) and kept.of("gates") == [0] and kept.last("embedding_spectrum") is None
