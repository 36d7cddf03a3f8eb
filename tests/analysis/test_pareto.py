"""Fronts against brute force, and their uncertainty where it is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pareto import attainment, front, hypervolume, knee, on_front

points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=14).map(lambda rows: np.array(rows, float))


def dominated(points: np.ndarray, index: int) -> bool:
    return any((other <= points[index]).all() and (other < points[index]).any() for other in points)


@given(points)
def test_the_front_is_what_nothing_dominates(points):
    assert on_front(points).tolist() == [not dominated(points, index) for index in range(len(points))]


@given(points, st.randoms(use_true_random=False))
def test_the_front_ignores_order(points, random):
    order = list(range(len(points)))
    random.shuffle(order)
    assert on_front(points[order]).tolist() == on_front(points)[order].tolist()


@given(points)
def test_hypervolume_is_the_number_of_unit_squares(points):
    squares = sum(any(x <= i and y <= j for x, y in points) for i in range(7) for j in range(7))
    assert hypervolume(points, (7.0, 7.0)) == squares


def test_hypervolume_beyond_the_reference_is_nothing():
    assert hypervolume(np.array([[5.0, 0.0]]), (4.0, 4.0)) == 0


def test_attainment():
    assert attainment(np.array([[1.0, 5.0], [3.0, 2.0]]), np.array([0.0, 1.0, 2.0, 3.0])).tolist() == [np.inf, 5, 5, 2]


def test_certain_cells_are_certain_and_toss_ups_are_not():
    best, worst = np.array([[0.0, 0.0]] * 4), np.array([[5.0, 5.0], [6.0, 6.0]])
    toss = [np.array([[x, 1.0 - x] for x in (0.2, 0.8)]) for _ in range(2)]
    sure = front([best, worst])
    assert sure.probability.tolist() == [1.0, 0.0] and sure.on.tolist() == [True, False]
    twins = front([np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[0.4, 0.4], [0.6, 0.6]])], draws=4000)
    assert twins.probability == pytest.approx([0.5 + 0.25 * 0.5, 0.5 + 0.25 * 0.5], abs=0.13)
    assert front(toss).hypervolume_interval[0] <= front(toss).hypervolume <= front(toss).hypervolume_interval[1]


def test_the_same_cells_give_the_same_front():
    rng = np.random.default_rng(0)
    cells = [rng.random((5, 2)) for _ in range(4)]
    assert (front(cells).probability == front(cells).probability).all()
    assert front(cells).reference == (np.concatenate(cells)[:, 0].max(), np.concatenate(cells)[:, 1].max())


def test_interval_of_a_mean_covers_it():
    rng = np.random.default_rng(3)
    covered = [bool((found.low <= 0.0).all() and (found.high >= 0.0).all()) for found in (front([rng.standard_normal((30, 2))], draws=100) for _ in range(60))]
    assert 0.8 <= np.mean(covered) <= 0.98  # both objectives at once: 0.95^2


def test_the_knee_bulges_most_and_a_straight_front_has_none():
    bent = np.array([[0.0, 10.0], [1.0, 2.0], [4.0, 1.0], [10.0, 0.0], [5.0, 5.0]])
    assert knee(bent, on_front(bent)) == 1 and knee(bent[[0, 1]], np.ones(2, bool)) is None
    straight = np.array([[0.0, 3.0], [1.0, 2.0], [3.0, 0.0]])
    assert knee(straight, on_front(straight)) is None
    found = front([each[None].repeat(3, axis=0) for each in bent])
    assert found.knee == 1 and found.at_knee.tolist() == [0, 1, 0, 0, 0]


@given(st.lists(points, min_size=2, max_size=4))
def test_many_fronts_at_once_are_each_its_own(many):
    size = min(map(len, many))
    stacked = np.stack([each[:size] for each in many])
    assert on_front(stacked).tolist() == [on_front(each).tolist() for each in stacked]
    assert hypervolume(stacked, (7.0, 7.0)).tolist() == [float(hypervolume(each, (7.0, 7.0))) for each in stacked]
