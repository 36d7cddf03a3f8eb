"""The control law by hand, its tables against loops over single transitions, and crystallization against its closed form."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lal.reinforcement.crystallization import Crystal, Crystallization
from lal.reinforcement.pressure import Pressure
from lal.reinforcement.tables import Tables, betas


def array(*values):
    return np.array(values, float)


def test_beta_by_hand():
    rule = Pressure(beta=2.0, alpha=0.3, gamma=0.4)
    found, clipped = betas(rule, array(-5.0, 2.0), array(0.5, 3.0), 0.6)
    assert found.tolist() == pytest.approx([2 * exp(0.3 * -5 - 0.4 * 0.5) * 0.6, 2 * exp(0.3 * 2 - 0.4 * 3) * 0.6])
    assert clipped == 0


def test_a_beta_that_would_overflow_is_clipped_and_counted():
    found, clipped = betas(Pressure(alpha=100.0, gamma=0.0, most=50.0, uncertainty="legacy"), array(1e6, -1e6, 0.0), array(1.0, 1.0, 1.0), 0.5)
    assert found.tolist() == pytest.approx([50.0, 0.0, 0.5])
    assert clipped == 1


def one_by_one(uncertainty, keys, spreads):
    """U as each transition finds it, by the loop that the definition is."""
    found = []
    for key, spread in zip(keys, spreads, strict=True):
        found.append(uncertainty[key])
        uncertainty[key] = 0.8 * uncertainty[key] + 0.2 * spread
    return found


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 100)), min_size=1, max_size=30), st.integers(1, 3))
def test_uncertainty_of_a_batch_is_that_of_a_loop(pairs, times):
    tables, expected = Tables((5,)), dict.fromkeys(range(5), 1.0)
    keys, spreads = np.array([key for key, _ in pairs]), [spread for _, spread in pairs]
    for _ in range(times):
        assert tables.uncertain(keys, spreads).tolist() == pytest.approx(one_by_one(expected, keys.tolist(), spreads))
    assert tables.uncertainty.tolist() == pytest.approx(list(expected.values()))


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-100, 100)), max_size=60))
def test_the_value_of_a_state_is_the_mean_of_all_that_it_was_left_with(pairs):
    tables = Tables((4,))
    for key, value in pairs:
        tables.leave(key, value)
    for key in range(4):
        own = [value for each, value in pairs if each == key]
        assert tables.visits[key] == len(own)
        assert tables.value[key] == pytest.approx(np.mean(own) if own else 0.0, abs=1e-9)


def test_positions_of_long_corridors_do_not_collide():
    tables = Tables((1000,))
    assert [tables.key((position / 1000,)) for position in range(1000)] == list(range(1000))


def test_observations_share_a_row_when_they_round_to_the_same():
    tables = Tables(decimals=1)
    assert [tables.key(each) for each in ((0.11, 0.0), (0.14, -0.01), (0.2, 0.0), (0.11, 0.0))] == [0, 0, 1, 0]
    assert tables.known(np.array([[0.1, 0.0], [0.9, 0.0]], np.float32)).tolist() == [0, -1]


def test_tables_grow_and_come_back():
    tables = Tables(decimals=0)
    for number in range(300):
        tables.leave(tables.key((float(number), 1.0)), float(number))
    again = Tables(decimals=0)
    again.load_state_dict(tables.state_dict())
    assert [again.key((float(number), 1.0)) for number in range(301)] == list(range(301))
    assert again.value[:300].tolist() == list(range(300))
    assert again.visits[:300].sum() == 300 and again.uncertainty[:300].tolist() == [1.0] * 300


def seen(rule, returns):
    crystal = Crystal(rule)
    for number in range(1, len(returns) + 1):
        crystal.see(returns[:number])
    return crystal


def test_crystallization_is_start_plus_rate_times_improvements():
    returns = list(-50 + 30 / (1 + np.exp(-(np.arange(300) - 120) / 15)) + np.random.default_rng(0).normal(0, 2, 300))
    means = [np.mean(returns[e - 9 : e + 1]) for e in range(10, 300)]
    better = [0.0, *((now - before) / abs(before) for before, now in pairwise(means))]
    found = seen(Crystallization(rate=0.02), returns)
    assert len(found.values) == 290
    assert found.values == pytest.approx((0.5 + 0.02 * np.cumsum(better)).tolist())
    ratios = [log(before / now) for before, now in pairwise(means)]
    closed = log(means[0] / means[-1]) - sum(each**2 for each in ratios) / 2
    assert (found.value - 0.5) / 0.02 == pytest.approx(closed, abs=5e-3)


def test_crystallization_is_in_proportion_to_its_rate():
    returns = list(np.linspace(-50, -20, 100))
    slow, fast = (seen(Crystallization(rate=rate), returns).value - 0.5 for rate in (0.01, 0.02))
    assert fast == pytest.approx(2 * slow)


@given(st.lists(st.floats(-1e6, 1e6), max_size=80), st.floats(1e-8, 1), st.floats(0.001, 10))
def test_crystallization_stays_within_its_bounds(returns, floor, rate):
    found = seen(Crystallization(window=3, rate=rate, floor=floor), returns)
    assert all(0.1 <= value <= 2 for value in found.values)


def test_a_mean_return_of_nearly_nothing_throws_nothing_to_its_bounds():
    returns = [*[-1e-9] * 12, *[-0.5] * 12, *[0.5] * 12]
    assert max(seen(Crystallization(), returns).values) < 0.52
    assert min(seen(Crystallization(floor=1e-8), returns).values) == 0.1


def test_bounds_must_hold_the_start():
    with pytest.raises(ValidationError, match=r"low <= start <= high must hold, but got low=0.1, start=3, high=2"):
        Crystallization(start=3.0)
