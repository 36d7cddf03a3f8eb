"""Importance of axes: exact on balanced tables, near the truth where it is known, and silent where nothing can be said."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from analysis.collect import collect
from analysis.figures import frequencies, importance, parallel
from analysis.importance import epsilon_squared, explained, grouped
from lal.budget import Budget
from tests.analysis.synthetic import BUDGET, WEIGHT, Folder, Truth, rows_of


def test_epsilon_squared_is_that_of_the_analysis_of_variance():
    levels, values = np.array([0, 0, 1, 1]), np.array([1.0, 3.0, 5.0, 7.0])
    assert epsilon_squared(levels, values) == pytest.approx((16 - 4 / 2) / 20)  # between 16 on 1, within 4 on 2 degrees of freedom
    assert epsilon_squared(np.array([0, 1, 0, 1]), values) == pytest.approx((4 - 16 / 2) / 20) and np.isnan(epsilon_squared(np.arange(4), values))


def test_shares_are_those_of_a_known_law():
    """y = 2 a + b + a b + noise on a balanced grid of signs: variances 4, 1, 1 and 1 of 7."""
    rng = np.random.default_rng(0)
    a, b, seeds = (np.array(each) for each in zip(*product((0, 1), (0, 1), range(400)), strict=True))
    signs = 2 * a - 1, 2 * b - 1
    found = explained([a, b], 2 * a + b, 2.0 * signs[0] + signs[1] + signs[0] * signs[1] + rng.standard_normal(len(seeds)), draws=200)
    assert found is not None and found.n == 1600
    for share, truth in zip((*found.alone, found.all), (4 / 7, 1 / 7, 6 / 7), strict=True):
        assert share.value == pytest.approx(truth, abs=0.03) and share.low - 0.02 <= truth <= share.high + 0.02


def test_what_says_nothing_gives_nothing():
    assert explained([np.zeros(5, int)], np.arange(5), np.ones(5)) is None
    alone = explained([np.array([0, 0, 1, 1])], np.arange(4), np.array([0.0, 1.0, 5.0, 6.0]))
    assert alone is not None and np.isnan(alone.alone[0].low) and np.isnan(alone.all.value)


def test_many_values_are_grouped_evenly():
    assert grouped(np.array([3.0, 1.0, 3.0])).tolist() == [1, 0, 1]
    assert np.bincount(grouped(np.linspace(0, 1, 60))).tolist() == [10] * 6


@pytest.fixture
def two_axes(store):
    """λ decides, depth does nothing."""
    folder = Folder(store, axes=(WEIGHT, "model.depth"), arms=("all",))
    for weight, layers, seed in product((0.0, 0.01, 0.1), (2, 4), range(3)):
        folder.add("all", {WEIGHT: weight, "model.depth": layers}, seed, Truth(grok=400 + 25 * seed if weight < 0.1 else None))
    return collect(store, folder.write())


def test_the_axis_that_decides_is_told_from_the_one_that_does_not(two_axes):
    info = importance.prepare(two_axes)
    assert not isinstance(info, str)
    panels = dict(info.panels)
    share = panels["share that generalises"]
    assert share.alone[0].value == pytest.approx(1) and share.alone[1].value == 0 and info.axes == ("λ (compute)", "depth")
    assert [trace.type for trace in importance.draw(info).data] == ["bar"] * len(info.panels) and len(importance.table(info)) == 3 * len(info.panels)


def test_a_line_a_cell_meets_every_axis(two_axes):
    info = parallel.prepare(two_axes)
    assert not isinstance(info, str) and len(info.labels) == 6
    assert [axis.label for axis in info.axes][:3] == ["λ (compute)", "depth", "share that generalises"]
    assert info.axes[0].places.tolist() == [0, 0, 0.5, 0.5, 1, 1] and info.axes[2].places.tolist() == [1, 1, 1, 1, 0, 0]
    marks = [trace for trace in parallel.draw(info).data if trace.mode == "markers"]
    assert len(marks) == len(info.axes) and all(list(trace.customdata) == [0, 1, 2, 3, 4, 5] for trace in marks)


def test_frequencies_are_shares_of_seeds_at_the_goal(store):
    folder = Folder(store, arms=("all",))
    for weight, keys in ((0.0, [[1, 3], [3]]), (0.1, [[2], [5]])):
        for seed, own in enumerate(keys):
            truth = Truth(grok=None if own == [5] else 400)
            run_id = folder.add("all", {WEIGHT: weight}, seed, Truth(missing=True))
            folder.finish(
                run_id, [row | ({"key_frequencies": own} if row["step"] % 250 == 0 else {}) for row in rows_of(truth, seed)], Budget.model_validate(BUDGET)
            )
    info = frequencies.prepare(collect(store, folder.write()))
    assert not isinstance(info, str)
    (panel,) = info.panels
    assert panel.share.T.tolist() == [[0.5, 0, 1], [0, 1, 0]] and panel.runs.tolist() == [2, 1]
    assert frequencies.table(info)["frequencies of a seed, mean"].tolist() == [1.5, 1] and len(frequencies.draw(info).data) == 1
