"""Fronts whose place and speed are known."""

from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest

from analysis.patterns.fronts import from_then_on, passage, speed

X = np.arange(40.0)


def test_the_speed_of_a_straight_line_is_its_slope():
    found = speed(X, 3 - 0.7 * X)
    assert (found.value, found.low, found.high) == pytest.approx((-0.7, -0.7, -0.7))
    assert isnan(speed(X[:2], X[:2]).value)
    holes = np.where(X % 3 == 0, np.nan, 3 - 0.7 * X)
    assert speed(X, holes).value == pytest.approx(-0.7)


def test_the_interval_holds_the_true_speed_as_often_as_it_says():
    draws = np.random.default_rng(0)
    found = [speed(X, 0.5 * X + draws.normal(size=40)) for _ in range(1000)]
    assert np.mean([each.low <= 0.5 <= each.high for each in found]) == pytest.approx(0.95, abs=0.02)


def test_what_holds_from_then_on():
    times = np.array([0.0, 2, 4, 6])
    assert from_then_on(times, np.array([True, False, True, True])) == 4
    assert from_then_on(times, np.array([True, True, True, True])) == 0
    assert from_then_on(times, np.array([True, True, True, False])) == inf
    assert from_then_on(times[:0], np.array([], bool)) == inf


@pytest.mark.parametrize(
    ("positions", "on_its_way"),
    [
        ([5, 9, 9, 6, 3, 0, 2, -1], [2, 3, 4, 5]),
        ([5, -1, 9, 9, 6, 3, 0, 2], [3, 4, 5, 6]),  # what it began as does not count: it stood at its start later
        ([9, 8, 9, 5, 4, 4], [2, 3, 4, 5]),  # it has not come yet
        ([9, 0], [0, 1]),
        ([4, 4, 3], []),
        ([0, -1, 0], []),
    ],
)
def test_a_front_is_on_its_way_from_its_last_start_to_its_first_end(positions, on_its_way):
    assert np.flatnonzero(passage(np.array(positions, float), 9, 0)).tolist() == on_its_way
