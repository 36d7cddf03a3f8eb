"""Verdicts from columns and thresholds."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lal.columns import bounds
from lal.errors import Refused
from lal.events import Goal, Thresholds, Time, generalised, memorised, phase_of, stability, sustained, verdict

QUICK = Thresholds(window=2, gap=100)


@given(st.lists(st.booleans(), max_size=25), st.integers(1, 6))
def test_sustained_is_the_first_full_window(met, window):
    steps = [10 * index + 3 for index in range(len(met))]
    starts = [index for index in range(len(met) - window + 1) if all(met[index : index + window])]
    expected = None if not starts else Time(steps[starts[0] - 1] if starts[0] else None, steps[starts[0]])
    assert sustained(steps, met, window) == expected


@given(st.lists(st.floats(0, 1) | st.just(nan), max_size=25), st.integers(1, 5))
def test_a_wider_window_or_a_higher_threshold_is_never_met_sooner(goal, window):
    steps = list(range(len(goal)))
    base = generalised(steps, goal, Thresholds(goal=0.5, window=window))
    for stricter in (Thresholds(goal=0.5, window=window + 1), Thresholds(goal=0.7, window=window)):
        time = generalised(steps, goal, stricter)
        assert time is None or (base is not None and base.by <= time.by)


def test_times_are_bracketed_by_the_evaluation_before():
    steps, values = [0, 50, 100, 150, 200], [0.1, 0.96, 0.2, 0.97, 0.95]
    assert generalised(steps, values, QUICK) == Time(after=100, by=150)
    assert memorised(steps, [1.0] * 5, QUICK) == Time(after=None, by=0)
    assert memorised(steps, [0.5, 0.989, 0.99, 0.1, 0.1], QUICK) == Time(after=50, by=100)


def test_nan_holds_nothing():
    assert generalised([0, 1, 2], [1.0, nan, 1.0], QUICK) is None
    assert memorised([0], [nan], QUICK) is None
    assert not Goal("x", 0.5).met(nan)
    assert not Goal("x", 0.5).met(None)


@pytest.mark.parametrize(("direction", "value", "met"), [("max", 0.5, True), ("max", 0.4, False), ("min", 0.5, True), ("min", 0.6, False), ("max", inf, True)])
def test_a_goal_is_met_at_its_threshold_and_beyond(direction, value, met):
    assert Goal("x", 0.5, direction).met(value) is met


def test_better_is_strict_and_nan_never_is():
    top, low = Goal("x", 0), Goal("x", 0, "min")
    assert top.better(1, None)
    assert top.better(2, 1)
    assert low.better(1, 2)
    assert not any((top.better(1, 1), low.better(1, 1), top.better(nan, None), top.better(None, None), top.better(1, 2), low.better(2, 1)))


def test_stability_is_the_share_of_later_evaluations_that_hold():
    assert stability([0, 1, 2, 3, 4], [0, 1, 1, 0.2, 1], 1, QUICK) == pytest.approx(2 / 3)
    assert stability([0, 1], [0, 1], 1, QUICK) == 1


def columns(fit_at, goal_at, end=1000, every=50):
    steps = list(range(0, end + 1, every))
    return steps, [float(fit_at is not None and step >= fit_at) for step in steps], [float(goal_at is not None and step >= goal_at) for step in steps]


@pytest.mark.parametrize(("fit_at", "goal_at", "outcome", "tau", "phase"), [
    (100, 200, "budget", None, "comprehension"),
    (100, 250, "budget", None, "grokking"),
    (None, 200, "budget", None, "comprehension"),
    (100, 50, "target_reached", None, "comprehension"),
    (100, None, "budget", 40.0, "memorisation"),
    (100, None, "budget", 30.0, "memorisation"),
    (100, None, "budget", 5.0, "censored"),
    (None, None, "budget", 5.0, "censored"),
    (100, None, "budget", None, "censored"),
    (None, None, "budget", None, "censored"),
    (100, None, "diverged", 5.0, "diverged"),
    (None, None, "pruned", 5.0, "pruned"),
    (100, 200, "diverged", 5.0, "comprehension"),
])  # fmt: skip
def test_phases(fit_at, goal_at, outcome, tau, phase):
    found = verdict(*columns(fit_at, goal_at), outcome, QUICK, tau)
    assert found.phase == phase
    assert found.horizon == 1000
    assert (found.t_grok is None) == (goal_at is None) == (found.stability is None)
    assert not found.ungrokked
    assert phase_of(found.t_mem, found.t_grok, outcome, QUICK, tau) == phase


@pytest.mark.parametrize("last", [0.2, nan])
def test_a_run_that_falls_back_is_ungrokked(last):
    steps, fit, goal = columns(100, 300)
    goal[-1] = last
    found = verdict(steps, fit, goal, "budget", QUICK)
    assert found.phase == "ungrokked"
    assert found.ungrokked
    assert found.t_grok == Time(250, 300)
    assert found.stability == pytest.approx(13 / 14)


@pytest.mark.parametrize("odd", [{"window": 0}, {"gap": -5}, {"tau": nan}, {"tau": inf}, {"direction": "zz"}])
def test_numbers_of_a_verdict_that_none_can_have_are_refused(odd):
    with pytest.raises(Refused, match=f"{next(iter(odd))} of a (verdict|threshold) must be"):
        Thresholds(**odd)


def test_an_empty_history_says_nothing():
    found = verdict([], [], [], "budget", QUICK)
    assert (found.t_mem, found.t_grok, found.phase, found.horizon) == (None, None, "censored", 0)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("reduction", 1.5),
        ("embedding_gini", 1.01),
        ("collapsed_share", -0.1),
        ("functional_depth", -1.0),
        ("train_loss", -0.5),
        ("shortfall", inf),
        ("return", nan),
    ],
)
def test_a_threshold_that_its_column_can_never_have_is_refused(column, value):
    with pytest.raises(Refused, match=f"a threshold of {column} must be a value that it can have, .* but got {value:g}"):
        Thresholds(goal=value, goal_column=column)
    with pytest.raises(Refused, match=f"a threshold of {column} "):
        Thresholds(fit=value, fit_column=column)


@pytest.mark.parametrize("column", ["reduction", "embedding_gini", "functional_depth", "shortfall"])
def test_a_threshold_may_lie_at_the_ends_of_what_its_column_can_have(column):
    for end in (end for end in bounds(column) if abs(end) < inf):
        assert Thresholds(goal=end, goal_column=column).goal == end
