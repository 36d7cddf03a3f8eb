"""Measures of patterns against fields whose answer is known."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest

from lal.reinforcement import patterns
from lal.reinforcement.corridor import Corridor, moved
from lal.reinforcement.grid_world import GridWorld
from lal.reinforcement.grid_world import moved as moved_on_grid
from tests.lal.reinforcement.test_dqn import trained
from tests.lal.small import dqn_config

ROW = np.arange(30.0)


def by_hand(shape, action, place):
    """Steps to the goal less those after `action`, from the rules themselves."""
    if len(shape) == 1:
        return moved(place, action, shape[0]) - place
    after = moved_on_grid(divmod(place, shape[1]), action, *shape)
    return sum(after) - sum(divmod(place, shape[1]))


@pytest.mark.parametrize("environment", [Corridor(size=6), GridWorld(height=3, width=4)], ids=["line", "grid"])
def test_what_leads_nearer_does_so_by_the_rules(environment):
    shape, n = environment.shape, environment.positions
    assert patterns.distances(shape)[-1] == 0
    assert patterns.distances(shape)[0] == sum(shape) - len(shape)
    for action in range(environment.n_actions):
        found = patterns.leads_nearer(np.full(n, action), shape)
        assert found[:-1].tolist() == [by_hand(shape, action, place) == 1 for place in range(n - 1)]
        assert not found[-1]


def test_the_front_on_a_line_is_the_right_most_position_that_is_not_good():
    good = np.array([True, False, True, False, True, True, False])  # the last is the goal, which does not count
    assert patterns.front(good, (7,)) == 3
    good[3] = True
    assert patterns.front(good, (7,)) == 1
    assert patterns.front(np.ones(7, bool), (7,)) == -1
    assert patterns.front(np.zeros(7, bool), (7,)) == 5


def test_the_front_on_a_grid_goes_by_distance():
    good = np.ones((3, 4), bool)
    good[0, 1] = False  # 4 of 5 steps away
    assert patterns.front(good.ravel(), (3, 4)) == 1
    good[2, 2] = False
    assert patterns.front(good.ravel(), (3, 4)) == 4
    assert patterns.front(np.ones(12, bool), (3, 4)) == -1


def test_values_rise_towards_the_goal_whatever_is_said_of_the_goal_itself():
    value = np.array([3.0, 1.0, 2.0, 2.5, -9.0])
    assert patterns.rises(value, (5,)).tolist() == [False, True, True, True, True]
    assert patterns.front(patterns.rises(value, (5,)), (5,)) == 0
    assert patterns.rises(np.array([0.0, 0.5, 1.1, 5.0, 0.0]), (5,), 0.5).tolist() == [False, True, True, True, True]
    exact = -patterns.distances((4, 5)).astype(float)
    assert patterns.rises(exact, (4, 5)).all()
    exact[5 * 1 + 2] = -100.0  # a hole: those above and left of it look down into it
    wrong = np.flatnonzero(~patterns.rises(exact, (4, 5)))
    assert wrong.tolist() == [2, 6]


@pytest.mark.parametrize("mode", [2, 5, 14])
def test_a_cosine_between_walls_has_its_own_wavelength(mode):
    """Even modes have no slope, so that nothing is taken away with the straight line."""
    field = 3 + np.cos(np.pi * mode * (ROW + 0.5) / 30)
    assert patterns.wavelength(field) == pytest.approx(60 / mode)
    assert patterns.wavelength(field + 0.7 * ROW) == pytest.approx(60 / mode)


def test_a_periodic_wave_has_its_own_wavelength_in_any_direction():
    assert patterns.wavelength(np.sin(2 * np.pi * 6 * ROW / 30 + 1), periodic=True) == pytest.approx(5)
    x, y = np.meshgrid(np.arange(32), np.arange(24), indexing="ij")
    assert patterns.wavelength(np.cos(2 * np.pi * (3 * x / 32 + 4 * y / 24)), periodic=True) == pytest.approx(1 / sqrt((3 / 32) ** 2 + (4 / 24) ** 2))
    flat_at_walls = np.cos(np.pi * 4 * (x + 0.5) / 32) * np.cos(np.pi * 2 * (y + 0.5) / 24)
    assert patterns.wavelength(flat_at_walls) == pytest.approx(1 / sqrt((4 / 64) ** 2 + (2 / 48) ** 2))


def test_what_has_no_waves_has_no_wavelength():
    assert isnan(patterns.wavelength(np.full(30, 2.0)))
    assert isnan(patterns.wavelength(2.0 * ROW - 7))
    assert isnan(patterns.wavelength(np.zeros((4, 4)), periodic=True))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(30,), (5, 6)])
def test_what_is_not_finite_has_neither_waves_nor_roughness(shape, wrong):
    field = np.arange(30.0).reshape(shape) ** 2
    field.flat[7] = wrong
    assert all(map(isnan, (patterns.wavelength(field), patterns.wavelength(field, periodic=True), patterns.roughness(field))))


def test_roughness_is_the_share_that_no_ramp_explains():
    assert patterns.roughness(2.0 * ROW - 7) == pytest.approx(0, abs=1e-12)
    assert patterns.roughness(np.add.outer(2.0 * np.arange(5), -np.arange(6))) == pytest.approx(0, abs=1e-12)
    assert patterns.roughness(np.cos(np.pi * 4 * (ROW + 0.5) / 30)) == pytest.approx(1)
    assert isnan(patterns.roughness(np.full(5, 3.0)))
    rough, ramp = np.cos(np.pi * 4 * (ROW + 0.5) / 30), 0.3 * (ROW - ROW.mean())  # orthogonal, so that variances add up
    assert patterns.roughness(rough + ramp) == pytest.approx(rough.std() / sqrt(rough.var() + ramp.var()))


def test_where_learners_have_been():
    far = patterns.distances((5,))
    assert patterns.centre_and_spread(np.array([0.0, 0, 7, 0, 0]), far) == (2, 0)
    assert patterns.centre_and_spread(np.array([1.0, 0, 0, 0, 1]), far) == (2, 2)
    assert all(map(isnan, patterns.centre_and_spread(np.zeros(5), far)))


@pytest.mark.parametrize("name", ["corridor", "actions", "grid", "grid-actions"])
def test_columns_are_of_the_fields_that_are_kept(name):
    config = dqn_config(name, measure={"eval_every": 4, "metrics": ["all"]})
    run, rows = trained(config)
    arrays, last, shape = run.arrays(), rows[-1], config.environment.shape
    assert shape is not None
    value = arrays["value"].astype(float)
    assert last["order_front"] == patterns.front(patterns.rises(value, shape), shape)
    assert last["value_front"] == patterns.front(patterns.rises(value, shape, 0.5), shape) >= last["order_front"]
    assert last["front_position"] == patterns.front(patterns.leads_nearer(arrays["greedy_action"], shape), shape)
    assert last["value_roughness"] == pytest.approx(patterns.roughness(value.reshape(shape)))
    assert last["visit_centre"] == pytest.approx(arrays["visits"] @ patterns.distances(shape) / sum(run.lengths))
    assert rows[0]["visit_centre"] is None
    assert ("pressure_roughness" in last) == (config.pressure is not None)


def test_patterns_are_measured_where_they_are_asked_for():
    assert "value_front" not in dqn_config("corridor").columns()
    assert "value_front" in dqn_config("grid", measure={"metrics": ["default", "pattern"]}).columns()
    with pytest.raises(ValueError, match="metric pattern does not apply to a run in cartpolev1 without pressure"):
        dqn_config("cart", measure={"metrics": ["default", "pattern"]})
