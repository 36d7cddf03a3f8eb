"""Fronts against brute force, and their uncertainty where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pareto import attainment, front, hypervolume, knee, on_front, spread

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


@dataclass(frozen=True)
class Covered:
    """Shares of simulated sweeps in which the truth lay within: of means, of the hypervolume, of the band over x; and what the hypervolume is off by."""

    means: float
    volume: float
    band: float
    bias: float


def truth(n_cells: int, bent: float) -> np.ndarray:
    """(n_cells, 2) means on a line between two objectives, or on a curve below it."""
    x = np.linspace(0, 1, n_cells)
    return np.stack([x, (1 - x) ** bent], axis=1)


def simulated(means: np.ndarray, n_seeds: int, noise: float, n: int, draws: int) -> Covered:
    """Of `n` sweeps whose runs are normal about (N, 2) `means`."""
    rng, rows = np.random.default_rng(3), []
    for _ in range(n):
        found = front(list(means[:, None] + noise * rng.standard_normal((len(means), n_seeds, 2))), draws=draws)
        volume, true = float(hypervolume(means, found.reference)), attainment(means, found.grid)
        (low, high), there = found.hypervolume_interval, np.isfinite(true)
        band = ((found.band_low <= true) & (true <= found.band_high))[there].mean()
        rows.append((((found.low <= means) & (means <= found.high)).mean(), low <= volume <= high, band, found.hypervolume - volume))
    return Covered(*map(float, np.mean(rows, axis=0)))


@pytest.mark.parametrize(("n_cells", "n_seeds"), [(12, 5), (30, 8)])
def test_intervals_cover_in_forty_sweeps(n_cells, n_seeds):
    found = simulated(truth(n_cells, 1), n_seeds, 0.3, 40, 100)
    assert found.means == pytest.approx(0.95, abs=0.035) and found.volume >= 0.875 and found.band >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "bent"), [(0.1, 3), (0.3, 1)])
@pytest.mark.parametrize("n_seeds", [5, 8])
@pytest.mark.parametrize("n_cells", [5, 12, 30])
def test_intervals_cover(n_cells, n_seeds, noise, bent):
    found = simulated(truth(n_cells, bent), n_seeds, noise, 1000, 200)
    assert found.means == pytest.approx(0.95, abs=0.01) and 0.93 <= found.volume <= 0.998 and 0.91 <= found.band <= 0.998


def test_drawn_means_are_spread_to_student():
    assert spread(1) == 1 and spread(5) == pytest.approx(2.7764451 / 1.9599640 * sqrt(5 / 4)) and spread(10_000) == pytest.approx(1, abs=1e-3)


def test_one_seed_has_no_interval_and_no_share():
    found = front([np.array([[0.0, 2.0]]), np.array([[1.0, 1.0], [1.2, 0.8]]), np.array([[3.0, 3.0], [4.0, 4.0]])])
    assert np.isnan([found.low[0], found.high[0]]).all() and np.isfinite([found.low[1:], found.high[1:]]).all()
    assert np.isnan(found.probability).tolist() == [True, False, False] and np.isnan(found.at_knee).tolist() == [True, False, False]
    assert np.isnan(found.hypervolume_interval).all() and found.hypervolume == hypervolume(found.means, found.reference) and np.isnan(found.band_low).all()


def test_means_are_cut_to_what_is_possible():
    found = front([np.array([[0.1, -1.0], [0.3, -0.9]])], possible=((0.0, inf), (-1.0, 0.0)))
    assert found.low.tolist() == [[0.0, -1.0]] and found.high[0] == pytest.approx([0.2 + 1.27062, -0.95 + 0.63531], abs=1e-5)
    assert found.band_low.min() == -1 and found.band_high[np.isfinite(found.band_high)].max(initial=-1.0) <= 0


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
