"""Several sweeps in one report: one set of verdicts, settings that only some vary, and what else is different."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis import comparison_report
from analysis.collect import collect
from analysis.comparison_report import told_of
from analysis.comparisons import between_arms
from analysis.figures import MEMBERS, phase
from analysis.pooled import poolable
from analysis.report import drawn
from analysis.together import differences, together
from lal.errors import Refused
from lal.store import Record, Store
from tests.analysis.synthetic import BUDGET, WEIGHT, Folder, Truth, filled

DEPTH = "model.depth"


def with_settings(store: Store, settings: dict) -> None:
    """Gives every finished run this trajectory."""
    for run_id in store.names("runs"):
        folder = store.run(run_id)
        record = folder.record()
        if record and not record.trajectory:
            folder.finish(Record(**{**vars(record), "trajectory": settings}))


@pytest.fixture
def two(store) -> tuple[Store, list[tuple[Store, str]]]:
    """A sweep over λ at depth 4, and one over λ and depth that generalises later, with another weight decay and a failed run."""
    filled(store, lambda *_: Truth(grok=400), weights=(0.0, 0.1), seeds=6, name="flat", arms=("all",))
    with_settings(store, {"model": {"depth": 4}, "optim": {"weight_decay": 1.0}})
    deep = Folder(store, name="deep", axes=(WEIGHT, DEPTH), arms=("all",))
    for weight in (0.0, 0.1):
        for layers in (4, 8):
            for seed in range(6):
                deep.add("all", {WEIGHT: weight, DEPTH: layers}, seed, Truth(fails="error") if layers == 8 and seed == 5 else Truth(grok=900 + 25 * seed))
    deep.write()
    with_settings(store, {"optim": {"weight_decay": 0.1}})
    return store, [(store, "flat"), (store, "deep")]


def test_sweeps_are_arms_over_the_settings_of_both(two):
    store, sweeps = two
    tables = together(sweeps)
    assert tables.manifest["arms"] == ["flat", "deep"] and tables.axes == [WEIGHT, DEPTH] and len(tables.runs) == 12 + 24 and len(tables.cells) == 2 + 4
    assert set(tables.runs.loc[tables.runs["arm"] == "flat", DEPTH]) == {4}  # read from the records: no axis of that sweep
    assert len(tables.history) == sum(len(collect(store, name).history) for _, name in sweeps)
    assert tables.history.groupby("run_id")["cell"].nunique().max() == 1
    assert tables.history.groupby("cell")["arm"].first().to_dict() == tables.runs.groupby("cell")["arm"].first().to_dict()


def test_arms_are_tested_at_the_points_that_both_have(two):
    (told,) = between_arms(together(two[1]), poolable(together(two[1])))
    assert told.points == 2 and told.n == (12, 12) and told.difference.value > 400 and told.way == 1


def test_a_cell_is_made_again_by_the_command_of_its_own_sweep(two):
    tables = together(two[1])
    hover = {facet.title: facet.cells[0].hover for facet in phase.prepare(tables).facets}
    assert "lal train flat" in hover["flat"] and "lal train deep" in hover["deep"]
    assert tables.command().count("lal sweep") == 2


def test_what_else_differs_is_told(two):
    found = {each.path: each.values for each in differences(together(two[1]))}
    assert found == {"optim.weight_decay": ("1", "0.1")}


def test_the_page_has_every_figure_and_counts_every_run(two, tmp_path, monkeypatch):
    _, sweeps = two
    tables = together(sweeps)
    figures, left_out = drawn(tables)
    monkeypatch.setattr(comparison_report, "drawn", lambda tables: (figures, left_out))
    written = comparison_report.write(sweeps, str(tmp_path / "out" / "both.html"), png=False)
    text = Path(written.where).read_text()
    assert len(figures) + len(left_out) == len(MEMBERS) + 2 and all(f'id="{each.name}"' in text for each in figures)
    assert "weight_decay" in text and "<h2>The sweeps</h2>" in text and "Content-Security-Policy" in text
    assert told_of(tables)[-1].startswith("deep: 22 of 24 planned runs finished; 2 failed") and "flat: 12 of 12" in told_of(tables)[-2]
    assert sorted(Store(tmp_path / "out").names("both")) == ["cells.csv", "comparisons.csv", "runs.csv", "scaling.csv"]
    again = comparison_report.write(sweeps, str(tmp_path / "out" / "both.html"), png=False)
    assert Path(again.where).read_text() == text


def test_of_one_name_in_two_folders_each_says_where_it_is(tmp_path):
    stores = [Store(tmp_path / each) for each in "ab"]
    for store in stores:
        filled(store, lambda *_: Truth(), weights=(0.0,), seeds=1, arms=("all",))
    tables = together([(store, "synthetic") for store in stores])
    assert [arm.rpartition("/")[2] for arm in tables.manifest["arms"]] == ["a)", "b)"] and len(tables.cells) == 2


def test_axes_of_one_sweep_that_are_text_in_another_are_text_in_both(store):
    for name, value in (("one", 4), ("other", "wide")):
        folder = Folder(store, name=name, axes=(DEPTH,), arms=("all",))
        folder.add("all", {DEPTH: value}, 0, Truth())
        folder.write()
    tables = together([(store, "one"), (store, "other")])
    assert set(tables.runs[DEPTH]) == {"4", "wide"} and len(drawn(tables)[0]) > 5


def test_the_mildest_threshold_and_the_shortest_window_are_for_all(store):
    for name, report in (("strict", {"thresholds": {"goal": 0.97, "window": 3}}), ("mild", {"thresholds": {"goal": 0.9}})):
        filled(store, lambda *_: Truth(), weights=(0.0,), seeds=1, name=name, arms=("all",), report=report)
    tables = together([(store, "strict"), (store, "mild")])
    assert (tables.thresholds.goal, tables.thresholds.window) == (0.9, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"goal": {"column": "return", "at_least": 1.0, "direction": "max"}}, "must aim at the same, but 'a' aims at test_acc and 'b' at return"),
        ({"report": {"thresholds": {"gap": 50}}}, "their gap is 50, 1000; give --gap"),
        (None, "different ones, but got 'a' twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(store, change, message):
    for name in "ab":
        filled(store, lambda *_: Truth(), weights=(0.0,), seeds=1, name=name, arms=("all",))
    if change:
        store.put_json("sweeps/b/manifest.json", {**store.manifest("b"), **change})
    with pytest.raises(Refused, match=message):
        together([(store, "a"), (store, "b" if change else "a")])


def test_nothing_finished_on_one_side_is_said(store):
    filled(store, lambda *_: Truth(), weights=(0.0,), seeds=2, name="a", arms=("all",))
    filled(store, lambda *_: Truth(missing=True), weights=(0.0,), seeds=2, name="b", arms=("all",), budget={**BUDGET, "steps": 500})
    tables = together([(store, "a"), (store, "b")])
    assert told_of(tables)[-1].startswith("b: 0 of 2 planned runs finished; 2 are missing")
    assert [each.path for each in differences(tables)] == ["budget.steps"] and len(drawn(tables)[0]) > 5
