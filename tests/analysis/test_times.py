"""Restricted means, log-rank and pairs: against exact counts, a second implementation, and simulations whose truth is known."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import exp, inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics import log_rank, mean_interval, paired, restricted_mean_difference, survival, wilson
from analysis.statistics.logrank import _scores

N_DRAWS = 1000  # which see 3.6 to 6.4 % of what happens in 5 %


def share_covered(n: int, share: float) -> float:
    """Exact coverage of Wilson's interval: no simulation is needed."""
    found = [wilson(k, n) for k in range(n + 1)]
    return sum(float(stats.binom.pmf(k, n, share)) for k, each in enumerate(found) if each.low <= share <= each.high)


def least_covered(n: int, low: float = 0.0, high: float = 1.0) -> tuple[float, float]:
    """Least coverage of Wilson's interval over shares in (low, high), exactly, and the first share near which it is.

    Between two neighbouring bounds of intervals the same counts cover, and their probability has one peak: so the least is beside a bound.
    """
    found = [wilson(k, n) for k in range(n + 1)]
    inner = {bound for each in found for bound in (each.low, each.high) if low < bound < high}
    beside = []
    for left, right in pairwise(sorted({low, high, *inner})):
        covering = [k for k, each in enumerate(found) if each.low <= (left + right) / 2 <= each.high]
        beside += [(round(float(stats.binom.pmf(covering, n, share).sum()), 9), share) for share in (left, right)]
    return min(beside)


def mean_covered(n: int) -> float:
    """Coverage of Wilson's interval, averaged over shares, exactly: the integral of each count's probability over its interval."""
    found = [(stats.beta(k + 1, n - k + 1), wilson(k, n)) for k in range(n + 1)]
    return float(sum(law.cdf(each.high) - law.cdf(each.low) for law, each in found)) / (n + 1)


def test_wilson_covers_and_what_it_covers_with_five_is_as_said():
    assert all(0.93 <= share_covered(100, share) <= 0.97 for share in (0.1, 0.2, 0.3, 0.5, 0.7, 0.9))
    assert [mean_covered(n) for n in (5, 8, 100)] == pytest.approx([0.955, 0.954, 0.951], abs=5e-4)
    assert share_covered(5, 0.5) == pytest.approx(0.9375)
    assert least_covered(5, 0.1, 0.9) == pytest.approx((0.8914, 0.1176), abs=5e-5)
    assert least_covered(5) == pytest.approx((0.8315, 0.0362), abs=5e-5)
    assert share_covered(5, least_covered(5)[1] - 1e-9) == pytest.approx(least_covered(5)[0], abs=1e-6)


def test_a_restricted_mean_of_runs_that_all_are_known_is_their_mean_with_student_s_interval():
    times, horizon = [3.0, 8.0, 20.0, 20.0, inf], 15.0
    mine = survival(times, [True, True, False, False, False]).restricted_mean(horizon)
    theirs = mean_interval(np.minimum(times, horizon).tolist(), 0.0, horizon)
    assert (mine.value, mine.low, mine.high) == pytest.approx((theirs.value, theirs.low, theirs.high))


def test_a_difference_of_restricted_means_is_welch_s():
    one, other = [3.0, 8.0, 20.0, 11.0], [5.0, 2.0, 2.5, 9.0, 4.0]
    mine = restricted_mean_difference(survival(one, [True] * 4), survival(other, [True] * 5), 25.0)
    theirs = stats.ttest_ind(other, one, equal_var=False)
    assert (mine.low, mine.high) == pytest.approx(tuple(theirs.confidence_interval()))


def test_greenwood_s_variance_by_hand():
    """Events at 1 and 3, censored at 2 and 4, horizon 4: S = 1, 3/4, 3/8; what is to come after 1 is 1.5 + 0.375, after 3 it is 0.375."""
    value, variance, m = survival([1, 2, 3, 4], [True, False, True, False]).restricted(4.0)
    assert value == pytest.approx(1 + 0.75 * 2 + 0.375) and m == 3
    assert variance == pytest.approx((1.875**2 / 12 + 0.375**2 / 2) * 3 / 2)


def test_no_interval_where_nobody_generalised():
    found = survival([50, 50, 60], [False] * 3).restricted_mean(50)
    assert found.value == 50 and isnan(found.low)
    assert isnan(survival([50.0], [True]).restricted_mean(50).low)


def test_intervals_of_median_and_restricted_mean_cover():
    rng, hits = np.random.default_rng(12), np.zeros(3)
    truth = 1 - exp(-1.0)
    for _ in range(N_DRAWS):
        times, until = rng.exponential(size=(2, 40)), rng.uniform(1.0, 3.0, (2, 40))
        one, other = (survival(np.minimum(t, c), t <= c) for t, c in zip(times, until, strict=True))
        mean, gap, median = one.restricted_mean(1.0), restricted_mean_difference(one, other, 1.0), one.median()
        hits += [mean.low <= truth <= mean.high, gap.low <= 0 <= gap.high, median.low <= np.log(2) <= median.high]
    assert np.all((hits / N_DRAWS >= 0.93) & (hits / N_DRAWS <= 0.97)), hits / N_DRAWS


def test_one_minus_s_is_the_cumulative_incidence_with_diverging_as_the_competing_event():
    """Aalen and Johansen's estimate, written out: every time the share still in training, times the share of those that generalise."""
    rng = np.random.default_rng(4)
    generalise, diverge, budget = rng.exponential(1.0, 60).round(2) + 0.01, rng.exponential(2.0, 60).round(2) + 0.015, 1.5
    event = (generalise < diverge) & (generalise <= budget)
    broke = (diverge < generalise) & (diverge <= budget)
    end = np.minimum(np.minimum(generalise, diverge), budget)
    mine = survival(np.where(broke, inf, end), event)
    left, incidence = 1.0, []
    for time in np.unique(end[event | broke]):
        at_risk = (end >= time).sum()
        gained = left * (event & (end == time)).sum() / at_risk
        left *= 1 - ((event | broke) & (end == time)).sum() / at_risk
        incidence += [gained] if gained else []
    assert 1 - mine.share == pytest.approx(np.cumsum(incidence))


ends = st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["event", "diverged", "censored"])), min_size=1, max_size=8)


@given(ends)
def test_s_is_known_no_further_than_the_cumulative_incidence(rows):
    """Whose last time must be an end, and no censoring, if all are to be spoken for. Only when others than the last diverged is less known here."""
    times = [inf if how == "diverged" else float(time) for time, how in rows]
    mine = survival(times, [how == "event" for _, how in rows])
    seen = {way: [time for time, how in rows if how == way] for way in ("event", "diverged", "censored")}
    last_end, last_censored = max([0, *seen["event"], *seen["diverged"]]), max([0, *seen["censored"]])
    theirs = inf if last_end > last_censored else float(last_censored)
    assert mine.known_to <= theirs
    if max([0, *seen["event"]]) >= max([0, *seen["diverged"]]):
        assert mine.known_to == theirs


def test_a_run_that_was_censored_after_the_last_event_ends_what_is_known_whatever_diverged():
    assert survival([50, 100, inf], [True, False, False]).known_to == 100
    assert survival([50, 100, 200], [True, False, False]).known_to == 200
    assert survival([50, 30, inf], [True, False, False]).known_to == survival([50, inf], [True, False]).known_to == survival([inf], [False]).known_to == inf
    assert survival([30, inf], [False, False]).known_to == survival([30, 30, inf], [True, False, False]).known_to == 30
    assert isnan(survival([50, 100, inf], [True, False, False]).restricted_mean(101).value)


def test_log_rank_is_exact_for_few_runs():
    times, events = np.array([1.0, 2.0, 2.0, 4.0, 5.0, 5.0, inf]), np.array([True, True, False, True, True, False, False])
    scores = _scores(times, events)
    seen = abs(scores[:3].sum())
    deals = [abs(scores[list(chosen)].sum()) for chosen in combinations(range(7), 3)]
    found = log_rank(times, events, [0, 0, 0, 1, 1, 1, 1])
    assert found.p == pytest.approx(np.mean(np.array(deals) >= seen - 1e-9)) and found.least_p == 1 / 35
    assert found.statistic == pytest.approx(seen**2 / np.var([scores[list(chosen)].sum() for chosen in combinations(range(7), 3)]))


def test_log_rank_of_many_runs_agrees_with_scipy_s():
    rng = np.random.default_rng(5)
    one, other = rng.exponential(1.0, 150), rng.exponential(1.4, 150)
    theirs = stats.logrank(*(stats.CensoredData.right_censored(np.minimum(t, 2.0), t > 2.0) for t in (one, other)))
    both = np.concatenate([one, other])
    mine = log_rank(np.minimum(both, 2.0), both <= 2.0, [0] * 150 + [1] * 150)
    assert mine.least_p == 0 and mine.statistic == pytest.approx(theirs.statistic**2, rel=0.03)
    assert log_rank(np.minimum(both, 2.0), both <= 2.0, [1] * 150 + [0] * 150).p == pytest.approx(mine.p)


def test_strata_take_away_what_points_do():
    """Within each point the second group is sooner; the points differ far more."""
    times = [10, 20, 30, 8, 16, 24, 1000, 2000, 3000, 800, 900, 950, 5, 6, 7, 4, 4.5, 4.8]
    groups, strata = ([0] * 3 + [1] * 3) * 3, [0] * 6 + [1] * 6 + [2] * 6
    assert log_rank(times, [True] * 18, groups, strata).p < 0.05 < log_rank(times, [True] * 18, groups).p


def test_log_rank_without_events_or_differences():
    assert isnan(log_rank([5.0, 5.0], [False, False], [0, 1]).p) and isnan(log_rank([5.0, 6.0], [True, True], [0, 0]).p)
    assert log_rank([5.0] * 4, [True] * 4, [0, 0, 1, 1]).p == 1.0


@pytest.mark.parametrize(("n", "k", "n_strata"), [(25, 2, 1), (12, 3, 1), (4, 2, 6)])
def test_log_rank_s_level(n, k, n_strata):
    rng = np.random.default_rng(6)
    group, stratum = np.tile(np.repeat(np.arange(k), n), n_strata), np.repeat(np.arange(n_strata), n * k)
    rejected = 0
    for _ in range(N_DRAWS):
        times = rng.weibull(2.0, len(group)) * np.exp(rng.normal(0, 0.5, n_strata))[stratum]
        rejected += log_rank(np.minimum(times, 1.0), times <= 1.0, group, stratum).p < 0.05
    assert 0.035 <= rejected / N_DRAWS <= 0.065


def test_log_rank_s_level_of_few_runs_is_never_over():
    rng, rejected = np.random.default_rng(7), 0
    for _ in range(N_DRAWS):
        times = rng.exponential(size=8)
        rejected += log_rank(np.minimum(times, 1.5), times <= 1.5, [0] * 4 + [1] * 4).p < 0.05
    assert 0 < rejected / N_DRAWS <= 0.06


def test_pairs_know_their_order_where_one_is_censored():
    before, after = ([500, 600, 700, 3000, inf], [True] * 3 + [False] * 2), ([400, 650, 300, 900, 3000], [True] * 4 + [False])
    found = paired(before, after)
    gaps = [-100, 50, -400, -2100, 0]
    assert found.horizon == 3000 and (found.n_sooner, found.n_later) == (3, 1)
    theirs = stats.ttest_1samp(gaps, 0).confidence_interval()
    assert (found.difference.low, found.difference.high) == pytest.approx(tuple(theirs))
    signs = np.array(np.meshgrid(*[[-1, 1]] * 5)).reshape(5, -1)
    assert found.p == pytest.approx(np.mean(np.abs(np.array(gaps) @ signs) >= abs(sum(gaps)) - 1e-9)) and found.least_p == 1 / 16
    assert found.sign_p == stats.binomtest(3, 4).pvalue


def test_pairs_of_one_seed_count_once():
    before, after = ([5.0, 6.0, 7.0, 8.0], [True] * 4), ([3.0, 5.0, 5.0, 4.0], [True] * 4)
    found = paired(before, after, blocks=[0, 0, 1, 1])
    assert found.n == 2 and found.difference.value == -2.25 and isnan(found.sign_p) and found.n_sooner == 4
    assert paired(([], []), ([], [])).n == 0 and isnan(paired(([3.0], [True]), ([4.0], [True])).p)


def test_pairs_that_differ_alike_have_no_interval():
    """Both later times are censored: they are at least 15 steps later, however far."""
    found = paired(([10.0, 10.0], [True] * 2), ([25.0, 25.0], [False] * 2))
    assert (found.n, found.difference.value, found.n_later) == (2, 15, 2)
    assert isnan(found.difference.low) and isnan(found.difference.high)


def test_intervals_and_tests_of_pairs_are_as_they_say():
    rng, covered, rejected = np.random.default_rng(8), 0, 0
    for _ in range(N_DRAWS):
        seeds = rng.normal(0, 0.6, 10)
        one, other = (np.exp(seeds + rng.normal(0, 0.3, 10)) for _ in range(2))
        found = paired((np.minimum(one, 2.5), one <= 2.5), (np.minimum(other, 2.5), other <= 2.5))
        covered, rejected = covered + (found.difference.low <= 0 <= found.difference.high), rejected + (found.p < 0.05)
    assert 0.93 <= covered / N_DRAWS <= 0.97 and 0.035 <= rejected / N_DRAWS <= 0.065


def test_nothing_is_said_of_nobody():
    assert isnan(survival([], []).restricted_mean(nan).value)
