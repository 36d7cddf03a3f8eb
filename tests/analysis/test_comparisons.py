"""Comparisons follow the data, are tested together, and leave out what was pruned; the report shows them."""

from __future__ import annotations

from math import isnan

import pytest

from analysis.collect import collect
from analysis.comparisons import comparisons, table
from analysis.findings import findings
from analysis.statistics import holm
from analysis.statistics_section import boundaries_table, cells_table, section
from tests.analysis.synthetic import WEIGHT, Folder, Truth, filled


def faster(arm: str, weight: float, seed: int) -> Truth:
    """λ = 0.1 is sooner in both arms, and hard is sooner than soft at every λ."""
    return Truth(grok=(600 if weight == 0.1 else 1000) + 50 * seed - (300 if arm == "hard" else 0))


def test_values_of_x_are_compared_with_the_first_and_arms_within_points(store):
    told = comparisons(collect(store, filled(store, faster, seeds=6)))
    assert [(each.within, each.before, each.after) for each in told] == [
        *(("soft", "0", after) for after in ("0.01", "0.1")),
        *(("hard", "0", after) for after in ("0.01", "0.1")),
        ("", "soft", "hard"),
    ]
    assert [each.way for each in told] == [0, -1, 0, -1, -1]
    arms = told[-1]
    assert arms.points == 3 and arms.n == (18, 18) and arms.difference.value == pytest.approx(-300) and arms.difference.high < 0
    assert arms.pairs is not None and arms.pairs.n == 6 and arms.pairs.n_sooner == 18 and arms.pairs.p == 2 / 64
    assert [each.p_holm for each in told[:2]] == pytest.approx(holm([each.p for each in told[:2]]))


def test_what_arms_do_is_told(store):
    def said(truth, name):
        return "\n".join(findings(collect(store, filled(store, truth, seeds=6, name=name))))

    assert "hard generalises sooner than soft by 300 steps on average up to the horizon, over the 3 points that both have" in said(faster, "apart")
    assert "hard and soft do not generalise at measurably different times over the 3 points" in said(lambda a, w, s: Truth(grok=500 + 50 * s), "alike")


def test_which_way_is_the_test_s_and_not_one_slow_point_s(store):
    """b is sooner at three points of four, by 250 steps, and 950 later at the slow one: the test tells sooner, the mean of steps does not."""

    def truth(arm, weight, seed):
        slow = weight == 0.1
        return Truth(grok=(1500 if slow else 400) + 50 * seed + (arm == "b") * (950 if slow else -250))

    folder = Folder(store, arms=("a", "b"))
    for arm in folder.arms:
        for weight in (0.0, 0.01, 0.03, 0.1):
            for seed in range(6 if weight < 0.1 else 2):
                folder.add(arm, {WEIGHT: weight}, seed, truth(arm, weight, seed))
    tables = collect(store, folder.write())
    told = next(each for each in comparisons(tables) if each.column == "arm")
    assert told.p_holm < 0.05 and told.difference.value > 0 and told.way == -1 and not told.agrees
    assert any("b generalises sooner than a at most points (though " in each and "later on average" in each for each in findings(tables))


def test_three_seeds_are_too_few_to_test_and_it_is_said(store):
    tables = collect(store, filled(store, faster, seeds=3, arms=("soft",)))
    assert [each.way for each in comparisons(tables)] == [None, None] and min(each.p for each in comparisons(tables)) == pytest.approx(0.1)
    assert any("too few seeds to test which λ" in each for each in findings(tables))


def test_cells_with_pruned_runs_are_in_no_comparison(store):
    tables = collect(store, filled(store, faster, seeds=6, arms=("soft",)))
    index = tables.runs.index[tables.runs["cell"] == 2][0]
    tables.runs.loc[index, ["event", "outcome"]] = [False, "pruned"]
    assert [each.after for each in comparisons(tables)] == ["0.01"]
    assert any(each.startswith("In 1 cell runs were pruned for being late") and "leave it out" in each for each in findings(tables))
    assert "Left out: 1 cells" in "".join(section(tables))


def test_arms_followed_for_unlike_times_are_cut_to_the_shorter(store):
    folder = Folder(store)
    for seed in range(5):
        folder.add("soft", {WEIGHT: 0.0}, seed, Truth(grok=2000 + 50 * seed))
        folder.add("hard", {WEIGHT: 0.0}, seed, Truth(grok=None))
    for entry in folder.runs:
        entry["budget"] = {**entry["budget"], "steps": 1500} if entry["arm"] == "hard" else entry["budget"]
    arms = comparisons(collect(store, folder.write()))[-1]
    assert arms.n_grokked == (5, 0) and (isnan(arms.p) or arms.p == 1.0) and arms.way in (0, None)


def test_tables_show_every_cell_and_no_traceback(odd_tables):
    for tables in odd_tables.values():
        text, n_done = "".join(section(tables)), len(tables.done)
        assert ("<h2>Statistics</h2>" in text) == (n_done > 0) and len(cells_table(tables)) == len(tables.cells)
        table(comparisons(tables))
    named = "".join(section(odd_tables["named"]))
    assert "<img" not in named and "&lt;img" in named


def test_a_boundary_beyond_what_was_tried_is_not_told(odd_tables):
    told = boundaries_table(odd_tables["quickstart"])
    assert told["within"].tolist() == ["hard"] and told["P = 1/2 at"].tolist() == ["0.3 to 1"] and told["beyond, runs generalise"].tolist() == ["less"]
