"""Intervals and survival against scipy, exact cases, and simulated coverage."""

from __future__ import annotations

import warnings
from itertools import combinations
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics import common_horizon, difference_p, directions, holm, log_rank, mean_interval, survival, wilson
from lal.columns import bounds


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(counts):
    k, n = counts
    theirs = stats.binomtest(k, n).proportion_ci(method="wilson")
    mine = wilson(k, n)
    assert (mine.value, mine.low, mine.high) == pytest.approx((k / n, theirs.low, theirs.high), abs=1e-12)


def test_wilson_of_nothing_is_unknown():
    assert isnan(wilson(0, 0).value)


def test_mean_interval_is_students_and_one_value_has_none():
    values = [1.0, 2.0, 4.0, 7.0]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    found = mean_interval(values)
    assert (found.value, found.low, found.high) == pytest.approx((3.5, low, high))
    assert mean_interval([2.0]).value == 2.0 and isnan(mean_interval([2.0]).low)
    assert isnan(mean_interval([nan]).value)
    assert mean_interval([0.9, 1.0, 0.8], 0.0, 1.0).high == 1.0


observations = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=25).filter(lambda rows: any(event for _, event in rows))


@given(observations)
def test_kaplan_meier_is_scipys(rows):
    times, events = [float(time) for time, _ in rows], [event for _, event in rows]
    mine = survival(times, events)
    theirs = stats.ecdf(stats.CensoredData.right_censored(times, [not event for event in events])).sf
    assert mine.share == pytest.approx(theirs.evaluate(mine.times), abs=1e-12)
    with warnings.catch_warnings(action="ignore"):
        band = theirs.confidence_interval(method="log-log")
        inside = (mine.share > 0) & (mine.share < 1)
        assert mine.low[inside] == pytest.approx(band.low.evaluate(mine.times[inside]), abs=1e-9)
        assert mine.high[inside] == pytest.approx(band.high.evaluate(mine.times[inside]), abs=1e-9)


def test_a_run_that_diverged_stays_at_risk_for_ever():
    with_diverged = survival([10, 20, inf, inf], [True, True, False, False])
    assert list(with_diverged.share) == [0.75, 0.5] and with_diverged.median().value == 20
    censored_early = survival([10, 20, 5, 5], [True, True, False, False])
    assert list(censored_early.share) == [0.5, 0.0]


def test_median_not_reached_is_infinite_and_nothing_is_unknown():
    assert survival([50, 50, 10], [False, False, True]).median().value == inf
    assert isnan(survival([], []).median().value)
    assert survival([9], [True]).median().value == 9 and isnan(survival([9], [True]).median().high)
    assert survival([7, 7], [False, False]).median().low == inf


def test_upper_limit_needs_six_of_six():
    """With n events of n, the exact bound on S after the last one is 1 - 0.025^(1/n): over one half up to n = 5."""
    assert survival(range(1, 6), [True] * 5).median().high == inf
    assert survival(range(1, 7), [True] * 6).median().high == 6


def test_restricted_mean_is_the_mean_of_cut_times():
    times = [3.0, 8.0, 20.0, 20.0]
    curve = survival(times, [True, True, False, False])
    assert curve.restricted_mean(15.0).value == pytest.approx(np.mean([3, 8, 15, 15]))
    assert curve.restricted_mean(20.0).value == pytest.approx(np.mean([3, 8, 20, 20]))
    assert isnan(curve.restricted_mean(21.0).value)
    assert survival([inf, inf], [False, False]).restricted_mean(12.0).value == 12
    assert survival([4.0, inf], [True, False]).restricted_mean(10.0).value == 7


def test_common_horizon_is_the_furthest_that_all_curves_reach():
    all_done, censored = survival([5, 9], [True, True]), survival([5, 7], [True, False])
    assert common_horizon([all_done, censored]) == 7
    assert common_horizon([all_done]) == 9
    assert common_horizon([survival([3, inf], [True, False]), all_done]) == 9
    assert isnan(common_horizon([survival([], [])]))


def test_median_interval_covers_the_truth():
    rng = np.random.default_rng(1)
    truth, covered, n_draws = np.log(2.0), 0, 400
    for _ in range(n_draws):
        times = rng.exponential(size=20)
        found = survival(np.minimum(times, 1.5), times <= 1.5).median()
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / n_draws <= 0.99


def dealt(before: list[float], after: list[float]) -> float:
    """The two-sided p value by listing every way to deal the values out: twice the smaller tail."""
    values, n = [*before, *after], len(before)
    gaps = []
    for chosen in combinations(range(len(values)), n):
        mine = [values[index] for index in chosen]
        gaps.append((sum(values) - sum(mine)) / len(after) - sum(mine) / n)
    seen = sum(after) / len(after) - sum(before) / n
    tails = [sum(sign * gap >= sign * seen - 1e-9 for gap in gaps) / len(gaps) for sign in (1, -1)]
    return min(1.0, 2 * min(tails))


@given(*[st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=4)] * 2)
@settings(max_examples=30)
def test_the_permutation_test_is_exact(before, after):
    assert difference_p(before, after)[0] == pytest.approx(dealt(before, after))


def test_directions_are_told_only_where_a_test_supports_them():
    low, high = [1.0, 1.1, 0.9, 1.0, 1.05], [2.0, 2.2, 1.9, 2.1, 2.0]
    assert directions([(low, high), (high, low), (low, low)]) == [1, -1, 0]
    assert directions([([4.0] * 5, [3.0] * 5)]) == [-1] and directions([([4.0] * 5, [4.0] * 5)]) == [0]
    assert directions([(low, [nan, 2.0, 2.2, 1.9, 2.1, inf])]) == [1] and directions([]) == []


def test_two_or_three_seeds_support_no_direction_however_far_apart():
    """The least p value of n against n is 2 / (2n choose n): 1/3 for 2, 1/10 for 3, 2/70 for 4, and Holm multiplies it."""
    assert directions([([4.0, 4.0], [3.0, 3.0])]) == directions([([4.0] * 3, [3.0] * 3)]) == directions([([1.0], [2.0, 3.0])]) == [None]
    four, five = ([4.0] * 4, [3.0] * 4), ([4.0] * 5, [3.0] * 5)
    assert directions([four]) == [-1] and directions([four, four]) == [None, None] and directions([five] * 3) == [-1] * 3


def test_upper_limit_counts_those_effectively_at_risk():
    """Six of six have an upper limit; six of which one was censored early are five."""
    times = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert survival(times, [True] * 6).high[-1] == pytest.approx(1 - 0.025 ** (1 / 6))
    assert survival(times, [False, *[True] * 5]).high[-1] == pytest.approx(1 - 0.025 ** (1 / 5))
    assert survival(times, [False, *[True] * 5]).median().high == inf


def test_log_rank_sees_what_is_earlier_and_bears_infinite_times():
    early, late = [1.0, 2.0, 3.0, 2.0, 1.5], [7.0, 8.0, 9.0, inf, inf]
    sides = [0] * 5 + [1] * 5
    found = log_rank([*early, *late], [True] * 8 + [False] * 2, sides)
    assert found.p < 0.01 and found.lean > 0 > log_rank([*late, *early], [True] * 3 + [False] * 2 + [True] * 5, sides).lean
    assert log_rank([*early, *early], [True] * 10, sides).p == pytest.approx(1.0)
    assert log_rank([5.0] * 4, [True] * 4, [0, 0, 1, 1]).p == 1.0
    assert isnan(log_rank([5.0, 5.0], [False, False], [0, 1]).p)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=2), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_no_p_value_is_under_the_least_that_is_told(sizes, draw):
    group = [side for one, other in sizes for side in [0] * one + [1] * other]
    strata = [index for index, (one, other) in enumerate(sizes) for _ in range(one + other)]
    found = log_rank([float(draw.randint(1, 9)) for _ in group], [draw.random() < 0.8 for _ in group], group, strata)
    assert isnan(found.p) or found.p >= found.least_p - 1e-12


@pytest.mark.parametrize(("one", "other"), [(3, 4), (5, 5), (2, 6)])
def test_groups_wholly_apart_have_the_least_p_that_is_told(one, other):
    """The smaller group is the later: its runs, of whom the others left few at risk, have the most extreme scores."""
    times = np.arange(one + other, 0.0, -1)
    found = log_rank(times, times > 0, [0] * one + [1] * other)
    assert found.p == pytest.approx(found.least_p)


def test_few_of_several_comparisons_may_be_told_where_holm_asks_less_of_them():
    """The least p of the last of Holm's is not multiplied by how many were tested: 2 / 70 of four against four."""
    apart, mixed = ([0.0, 0.1, 0.2, 0.3, 0.4], [1.0, 1.1, 1.2, 1.3, 1.4]), ([0.0, 0.1, 0.2, 0.3], [1.0, 1.1, 1.2, 1.3])
    assert directions([apart, mixed]) == [1, 1]


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, nan])[0] == 0.5 and isnan(holm([0.5, nan])[1])


@pytest.mark.parametrize(
    ("column", "limits"),
    [("test_acc@end", (0.0, 1.0)), ("routing_entropy_norm@end", (0.0, 1.0)), ("collapsed_share@grok", (0.0, 1.0))]
    + [(f"{name}@end", (0.0, float("inf"))) for name in ("jacobian_norm", "grad_norm", "weight_norm", "functional_depth", "test_loss")]
    + [("train_margin@end", (-float("inf"), float("inf")))],
)
def test_an_interval_is_cut_to_what_its_column_can_be_and_no_further(column, limits):
    assert bounds(column) == limits
