"""Correlations against SciPy and against what is known of made-up learners; figures and sentences of them."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import control, order, order_findings, run_findings
from analysis.collect import collect
from analysis.figures import correlations, crystallization, order_curves, order_parameters, returns, transition
from analysis.findings import findings
from analysis.one_run import one_run
from analysis.run_figures import agent
from analysis.run_figures.drawing import draw
from analysis.run_figures.panels import Lines, table
from analysis.statistics import Interval
from analysis.statistics.correlation import centred, fisher, mean_over_seeds, over_seeds, pearson, within
from analysis.statistics.paired import flipped_p
from lal.reinforcement.crystallization import Crystal, Crystallization
from tests.analysis import learners

NOISE = np.random.default_rng(0)
X = NOISE.normal(size=40)
Y = 0.6 * X + NOISE.normal(size=40)
GROUPS = np.arange(40) % 4


def test_correlation_and_interval_are_those_of_scipy():
    known: Any = stats.pearsonr(X, Y)
    found = fisher(pearson(X, Y), 40)
    assert found.value == pytest.approx(known.statistic)
    assert (found.low, found.high) == pytest.approx(tuple(known.confidence_interval(0.95)))


def test_a_group_held_fixed_is_a_regression_on_its_intercepts():
    design = np.eye(4)[GROUPS]
    shifted = Y + 100 * GROUPS
    rest = [values - design @ np.linalg.lstsq(design, values, rcond=None)[0] for values in (X, shifted)]
    assert within(X, shifted, GROUPS) == pytest.approx(pearson(*rest)) == pytest.approx(within(X, Y, GROUPS))
    assert centred(X, GROUPS).tolist() == pytest.approx(rest[0].tolist())


def test_a_coverage_of_fishers_interval_with_groups_held_fixed():
    """r of deviations from 4 means has 3 fewer degrees of freedom: 95 % intervals hold the truth 95 times of 100."""
    noise, held = np.random.default_rng(1), 0
    for _ in range(400):
        x = noise.normal(size=24)
        y = 0.5 * x + 0.75**0.5 * noise.normal(size=24)
        found = fisher(within(x, y + GROUPS[:24], GROUPS[:24]), 24, 3)
        held += found.low <= 0.5 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_what_does_not_vary_has_no_correlation():
    assert isnan(pearson(X, np.full(40, 0.1)))
    assert isnan(pearson(X[:2], Y[:2]))
    assert isnan(fisher(1.0, 40).low) and isnan(fisher(nan, 40).value) and isnan(fisher(0.5, 6, 3).low)


def test_an_interval_over_seeds_is_students_of_each_seeds_own():
    seeds = np.repeat(np.arange(8), 5)
    own = np.arctanh([pearson(X[seeds == seed], Y[seeds == seed]) for seed in range(8)])
    known = stats.t.interval(0.95, 7, own.mean(), own.std(ddof=1) / 8**0.5)
    found = over_seeds(X, Y, seeds)
    assert (found.value, found.low, found.high) == pytest.approx((np.tanh(own.mean()), *np.tanh(known)))
    pairs = GROUPS // 2
    held = over_seeds(X, Y + 100 * pairs, seeds, pairs)
    assert held.value == pytest.approx(over_seeds(X, Y, seeds, pairs).value) and held.low < held.value < held.high
    assert isnan(over_seeds(X, Y, seeds, GROUPS).value)  # of five rows, four groups leave two
    assert isnan(over_seeds(X, Y, [3] * 40).low)


@pytest.mark.parametrize(("first", "last", "sign"), [(10.0, 30.0, 1), (30.0, 10.0, 1), (-30.0, -10.0, -1), (-10.0, -30.0, -1)])
def test_crystallization_is_the_logarithm_of_how_far_returns_came(first, last, sign):
    """Positive or negative, by small steps; and below the floor it goes straight."""
    rule = Crystallization(window=1, rate=0.1)
    crystal, straight, lived = Crystal(rule), Crystal(Crystallization(window=1, rate=0.1, floor=100.0)), [first]
    for each in np.geomspace(first, last, 2000):
        lived.append(float(each))
        crystal.see(lived)
        straight.see(lived)
    assert crystal.value == pytest.approx(rule.start + sign * rule.rate * np.log(last / first), abs=2e-4)
    assert straight.value == pytest.approx(rule.start + rule.rate * (last - first) / 100)


def test_means_of_correlations_are_on_fishers_scale():
    assert mean_over_seeds([0.9, nan, 0.0], [0, 1, 2]).value == pytest.approx(np.tanh(np.arctanh(0.9) / 2))
    assert isnan(mean_over_seeds([nan] * 6, range(6)).value)
    several = mean_over_seeds([0.9, 0.0, 0.5], [0, 0, 1])  # two runs of one seed are one number
    assert several.value == pytest.approx(np.tanh((np.arctanh(0.9) / 2 + np.arctanh(0.5)) / 2))


@pytest.mark.parametrize("n_seeds", [3, 5, 8])
def test_coverage_of_the_interval_over_few_seeds(n_seeds):
    """Seeds whose correlations scatter about 0.5 on Fisher's scale, each seen in 9 rows: a bootstrap of five seeds held the truth 83 times of 100."""
    noise, held, times = np.random.default_rng(2), 0, 1000
    seeds, truth = np.repeat(np.arange(n_seeds), 9), None
    means = []
    for _ in range(times):
        r = np.tanh(np.arctanh(0.5) + 0.3 * noise.normal(size=n_seeds))[seeds]
        x = noise.normal(size=9 * n_seeds)
        found = over_seeds(x, r * x + np.sqrt(1 - r**2) * noise.normal(size=9 * n_seeds), seeds)
        means.append(found)
    truth = np.tanh(np.mean([np.arctanh(each.value) for each in means]))  # bias of r in 9 rows included
    held = sum(each.low <= truth <= each.high for each in means)
    assert 0.93 <= held / times <= 0.97


def test_nothing_is_sure_by_fishers_interval_alone():
    fisher_alone = order.Estimate(27, Interval(-0.6, -0.8, -0.3), Interval(-0.6, nan, nan))
    assert not fisher_alone.sure
    assert not order.Estimate(27, Interval(-0.6, -0.8, -0.3), Interval(-0.6, -0.9, 0.1)).sure
    assert order.Estimate(27, Interval(-0.6, -0.8, -0.3), Interval(-0.6, -0.9, -0.1)).sure


@pytest.mark.slow
def test_of_five_candidates_that_go_with_nothing_one_is_sure_no_more_often_than_of_one():
    """Of 1,000 sweeps of 8 seeds of 9 runs, each with five candidates unlike the return, any interval over seeds misses 0 at most 5 times of 100."""
    noise, missed, seeds = np.random.default_rng(4), {0.95: 0, order.together(5): 0}, np.repeat(np.arange(8), 9)
    for _ in range(1000):
        y, *candidates = noise.normal(size=(6, 72))
        for confidence in missed:
            missed[confidence] += any(not each.low <= 0 <= each.high for each in (over_seeds(x, y, seeds, confidence=confidence) for x in candidates))
    plain, together = missed.values()
    assert order.together(5) == pytest.approx(0.99)
    assert plain / 1000 > 0.15 and 0.03 <= together / 1000 <= 0.065


def test_candidates_have_intervals_that_hold_together(tables):
    found = order.relations(tables)
    assert not isinstance(found, str) and len(found.each) == 5
    one = of(found, "action_certainty")
    rows = tables.done
    x, y = (rows[f"{name}@end"].to_numpy(float) for name in ("action_certainty", "return"))
    assert one.pooled.fisher == fisher(pearson(x, y), 30, confidence=0.99) and one.pooled.seeds == over_seeds(x, y, rows["seed"].to_numpy(), confidence=0.99)
    assert found.size is not None and found.size.fisher == fisher(found.size.value, 30)
    assert "Intervals in brackets hold for all 5 together at 95 % (Bonferroni)" in order_findings.sentences(tables)[0]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    from lal.store import Store

    store = Store(tmp_path_factory.mktemp("learners"))
    return collect(store, learners.sizes(store))


@pytest.fixture(scope="module")
def store_of_signs(tmp_path_factory):
    from lal.store import Store

    store = Store(tmp_path_factory.mktemp("signs"))
    return collect(store, learners.sizes(store, sign=lambda size: -1 if size == 30 else 1))


@pytest.fixture(scope="module")
def armed(tmp_path_factory):
    from lal.store import Store

    store = Store(tmp_path_factory.mktemp("arms"))
    return collect(store, learners.arms(store))


def of(found, column):
    return next(each for each in found.each if each.column == column)


def test_what_follows_from_size_alone_is_gone_once_size_is_held_fixed(tables):
    found = order.relations(tables)
    assert not isinstance(found, str)
    steep, certain = of(found, "input_gradient_norm"), of(found, "action_certainty")
    assert steep.pooled.value < -0.98 and steep.pooled.sure
    assert found.n_flat == 0 and steep.not_flat is None
    assert steep.fixed is not None and abs(steep.fixed.value) < 0.5 and not steep.fixed.sure
    assert certain.fixed is not None and certain.fixed.value > 0.99 and abs(certain.pooled.value) < 0.5
    assert found.size is not None and found.size.value < -0.98
    assert found.steepness == pytest.approx((1, 1), abs=0.03)
    assert found.world == ("environment.size",)
    assert found.worlds == ((5,), (15,), (30,)) and correlations.world_words(found) == ("size = 5", "size = 15", "size = 30")
    assert found.n_solved == 30 and found.share == pytest.approx(order.share_within(*returned(tables)))
    assert len(steep.by_seed) == 5 and max(steep.by_seed) < -0.95


def returned(tables):
    return tables.done["return@end"].to_numpy(float), tables.done["environment.size"].to_numpy(int) // 5


def test_each_size_has_a_correlation_of_its_own(store_of_signs):
    """One sign in small worlds, the other in large ones: pooled within, that would be hidden."""
    found = order.relations(store_of_signs)
    assert not isinstance(found, str)
    certain = of(found, "action_certainty")
    assert [round(each.value) for each in certain.by_world] == [1, 1, -1]
    assert all(each.n == 10 for each in certain.by_world)
    told = next(each for each in order_findings.sentences(store_of_signs) if each.startswith("Of each by itself"))
    assert "at size = 30" in told
    info = correlations.prepare(store_of_signs)
    assert not isinstance(info, str)
    rows = correlations.table(info).query("of == 'action certainty'").set_index("view")["correlation"]
    assert rows["size = 5"] == pytest.approx(1, abs=0.01) and rows["size = 30"] == pytest.approx(-1, abs=0.01)


def test_few_runs_are_said_to_be_few_rather_than_told_as_nothing(store):
    noise = np.random.default_rng(0)
    runs = [("all", {"environment.size": size}, seed, learners.rows_of(size, float(noise.normal()), noise)) for size in (4, 8) for seed in (0, 1)]
    told = " ".join(order_findings.sentences(collect(store, learners.sweep(store, runs, ["environment.size"]))))
    assert "Of each by itself no correlation with the return can be told: 2 runs or fewer of each are too few, or too much alike." in told
    assert (
        "policy entropy unknown, since too little varies" in told
        and "[−1, +1], as of too few seeds" in told
        and "?" not in told
        and "−1.0000, +1.0000" not in told
    )
    more = [("all", {"environment.size": 4}, seed, learners.rows_of(4, float(noise.normal()), noise)) for seed in (2, 3)]
    told = order_findings.sentences(collect(store, learners.sweep(store, [*runs, *more], ["environment.size"], "more")))
    (own,) = (each for each in told if each.startswith("Of each by itself"))
    assert " at size = 4" in own and own.endswith(" At size = 8 runs are too few, or too much alike.")


def test_little_variance_within_worlds_is_told_as_such(tables):
    (told,) = (each for each in order_findings.sentences(tables) if "best greedy policy" in each)
    assert told.startswith("30 of 30 runs end with the best greedy policy, and ")
    assert told.endswith("this says nothing of runs that fail to learn, of which there are too few.")


def test_dead_networks_are_told_from_those_that_have_not_learned(store):
    """What goes with the return only because dead networks have neither values nor a return is gone without them."""
    noise, runs = np.random.default_rng(0), []
    for seed in range(6):
        for number in range(6):
            rows = learners.rows_of(8, float(noise.normal()), noise)
            rows[-1] |= {"value_range": 12 + float(noise.normal())}
            if number == 0:
                rows[-1] |= {"return": -40.0, "input_gradient_norm": 0.0, "value_range": 0.5}
            runs.append(("all", {"environment.width": 4 + 4 * (number % 2)}, seed, rows))
    tables = collect(store, learners.sweep(store, runs, ["environment.width"]))
    found = order.relations(tables)
    assert not isinstance(found, str) and found.n_flat == 6
    ranged = of(found, "value_range")
    assert ranged.fixed is not None and ranged.fixed.value > 0.9 and ranged.fixed.sure
    assert ranged.not_flat is not None and ranged.not_flat.n == 30 and not ranged.not_flat.sure
    (told,) = (each for each in order_findings.sentences(tables) if "6 of 36 runs end with the same action values in every state" in each)
    assert "Without these, with grid width held fixed, " in told and "value range" in told.split("told from none")[1]


def test_over_time_every_run_counts_alike(tables):
    found = order.relations(tables)
    assert not isinstance(found, str)
    entropy = of(found, "policy_entropy").over_time
    assert entropy.value == pytest.approx(-1, abs=1e-3)
    assert entropy.n == 30


def test_sentences_say_what_is_size_and_what_remains(tables):
    told = order_findings.sentences(tables)
    assert "The size of the environment itself, of which nothing is learned, correlates with the return at −0.99" in told[1]
    assert "With size held fixed, what remains is: action certainty" in told[3]
    assert "input gradient norm" in told[3].split("Not to be told from none")[1]
    assert all(sentence in findings(tables) for sentence in told)


def test_without_a_return_or_with_too_few_runs_nothing_is_said(store, odd_tables):
    assert order.relations(odd_tables["quickstart"]) == "no run has both a return and action values, so there are no order parameters"
    assert order_findings.sentences(odd_tables["quickstart"]) == control.sentences(odd_tables["quickstart"]) == []
    few = collect(store, learners.sweep(store, [("all", {}, 0, learners.rows_of(5, 0.0, np.random.default_rng(0)))], []))
    assert order.relations(few) == "too few runs have a return for correlations with it"


MEMBERS = {each.__name__.rpartition(".")[2]: each for each in (correlations, order_parameters, transition, returns, order_curves, crystallization)}


@pytest.mark.parametrize("name", MEMBERS)
def test_figures_draw_wide_and_narrow_with_the_same_traces(tables, name):
    member = MEMBERS[name]
    info = member.prepare(tables)
    assert not isinstance(info, str), info
    wide, narrow = (json.loads(member.draw(info, narrow=each).to_json()) for each in (False, True))
    assert wide["data"] == narrow["data"] and len(wide["data"]) > 0
    assert len(member.table(info)) > 0


def test_marks_of_a_scatter_are_all_runs_and_deviations_from_their_size(tables):
    info = order_parameters.prepare(tables)
    assert not isinstance(info, str)
    assert len(info.panels) == 10 and all(len(each.x) == 30 for each in info.panels)
    for panel in info.panels[1::2]:
        assert all(abs(panel.x[panel.order == size].mean()) < 1e-9 for size in range(3))


def test_marks_of_a_scatter_are_of_the_runs_that_its_r_is_of(tables):
    """A run that lacks one candidate is in the panels of the others."""
    runs = tables.runs.copy()
    runs.loc[runs.index[0], "grad_norm@end"] = nan
    info = order_parameters.prepare(replace(tables, runs=runs))
    assert not isinstance(info, str)
    for panel in info.panels:
        assert len(panel.x) == len(panel.y) == len(panel.order) == len(panel.runs) == (29 if panel.x_label.startswith("gradient norm") else 30)
        assert panel.title.endswith(f"r = {order.signed(pearson(panel.x, panel.y))}")


@pytest.mark.parametrize(
    ("value", "told"), [(0.314, "+0.31"), (-0.999, "−0.999"), (-0.003, "−0.003"), (1.0, "+1.0000"), (0.0, "+0.00"), (-1e-9, "+0.00"), (nan, "?")]
)
def test_a_correlation_is_rounded_neither_to_one_nor_to_zero(value, told):
    assert order.signed(value) == told


def test_means_are_told_by_size_and_width(tables):
    told = order_findings.by_size_and_width(tables, "value_range")
    widths = ", ".join(map(str, sorted(learners.WIDTHS)))
    assert [each.split(" at the end")[0] for each in told] == ["Mean return", "Mean value range"]
    assert all(f"at widths {widths}: size {min(learners.SIZES)}: " in each and each.count(";") == len(learners.SIZES) - 1 for each in told)
    assert all(each in order_findings.sentences(tables) for each in told)


def test_what_was_found_over_corridors_is_what_was_first_reported():
    """Of the sweep whose summary is kept: r <= -0.90 over the cells of every seed, their median <= -0.95, and returns within 2.5 of 12 - N."""
    results = Path(__file__).parents[2] / "docs" / "results"
    found = pd.read_csv(results / "order_parameter_correlations.csv")
    by_seed = np.array(found.query("view == 'cells of one seed' and of == 'input gradient norm'")["correlation"], float)
    assert len(by_seed) == 8 and by_seed.max() <= -0.90 and np.median(by_seed) <= -0.95
    cells = pd.read_csv(results / "order_parameter_cells.csv")
    assert len(cells) == 9 and bool((12 - cells["environment.size"] - cells["return@end"]).between(0, 2.5).all())


def test_the_control_parameters_gap_is_that_of_its_rates():
    """Of the sweep whose summary is kept: C ends where it was first reported at each rate, alike at equal rates, and legacy uncertainty is 1."""
    cells = pd.read_csv(Path(__file__).parents[2] / "docs" / "results" / "control_parameter_cells.csv").set_index(["arm", "crystallization.rate"])
    ends = cells["crystallization@end"].to_dict()
    slow, fast = ([value for (_, rate), value in ends.items() if rate == each] for each in (0.01, 0.02))
    assert len(slow) == 6 and all(0.5065 <= value <= 0.5095 for value in slow) and max(slow) - min(slow) < 0.0015
    assert len(fast) == 3 and all(0.514 <= value <= 0.519 for value in fast)
    returned, low, high = (cells[f"{name}@end"].to_dict() for name in ("return", "uncertainty_low", "uncertainty_high"))
    assert all(-21.5 <= value <= -18 for value in returned.values()) and set(cells["n"]) == {8}
    assert {side["uncertainty_focus", rate] for side in (low, high) for rate in (0.01, 0.02)} == {1}
    assert all(low["uncertainty_of_actions", rate] < 0.5 and high["uncertainty_of_actions", rate] > 2 for rate in (0.01, 0.02))


def test_a_transition_is_along_size_over_width_from_0_to_1(tables):
    info = transition.prepare(tables)
    assert not isinstance(info, str)
    assert info.ratio.tolist() == sorted(size / width for size in learners.SIZES for width in learners.WIDTHS)
    assert all(values.min() == 0 and values.max() == 1 for _, values in info.curves)
    assert info.curves[0][0] == "return" and len(info.curves) == 4
    joined = transition.by_size(info.ratio, info.sizes)
    assert np.isnan(joined).sum() == len(learners.SIZES)
    assert (joined[: len(learners.WIDTHS)] * sorted(learners.WIDTHS, reverse=True) == min(learners.SIZES)).all()


def test_no_panel_is_blank(armed):
    info = crystallization.prepare(armed)
    assert not isinstance(info, str) and "Left out" not in info.caption
    blank = replace(info, places=(*info.places, replace(info.panels[0], lines=())))
    left = crystallization.without_blanks(blank)
    assert left.places == (*info.places, None) and "Left out: panels of runs without" in left.caption


def test_what_the_rate_does_is_told_from_what_an_arm_does(armed):
    told = control.sentences(armed)
    assert "lies between different rates" in told[0]
    assert told[1].startswith("Crystallization C ends at none, rate = 0.01: 0.508")
    assert "with 6 seeds and 3 cells to compare with it no sign-flip test comes under the 5 % level" in told[2]
    assert told[3].startswith("Returns of the last 10 episodes")
    assert findings(armed)[: len(told)] == told  # before pairs of cells


def arms_of(shift: float) -> list[control.Cell]:
    """Two cells whose seeds differ much, and of which the second is `shift` more, seed by seed."""
    seeds = np.arange(8)
    noise = 0.05 * np.random.default_rng(0).normal(size=8)
    own = tuple(float(each) for each in np.linspace(0, 10, 8))
    other = tuple(float(each) for each in np.linspace(0, 10, 8) + shift + noise)
    return [control.Cell(name, 0.01, tuple(seeds.tolist()), of, of, of) for name, of in (("none", own), ("focus", other))]


def test_arms_are_compared_seed_by_seed():
    """Unpaired, a difference of 0.3 between seeds that range over 10 could never be told."""
    found = arms_of(0.3)
    assert "Measurably unlike none: focus (higher)" in control.differing(found, [each.c for each in found])
    swapped = [found[0], replace(found[1], seeds=found[1].seeds[::-1])]
    assert "Measurably unlike none: none" in control.differing(swapped, [each.c for each in swapped])


def test_what_is_not_measurably_unlike_is_said_to_be_so_within_a_bound():
    found = arms_of(0.0)
    gaps = np.array(found[1].c) - np.array(found[0].c)
    low, high = stats.t.interval(0.95, 7, gaps.mean(), gaps.std(ddof=1) / 8**0.5)
    bound = f"{max(abs(low), abs(high)):.2g}"
    told = control.differing(found, [each.c for each in found])
    assert f"That is not to say alike: means may be up to {bound} from that of none (simultaneous 95 % intervals of paired differences)." in told
    few = [replace(each, seeds=(0, 1)) for each in found]
    assert control.differing(few, [each.c[:2] for each in few]).startswith("There are too few seeds")


def test_gaps_that_are_all_alike_have_no_interval_and_show_nothing_that_seeds_do_not():
    """Three equal gaps were once called measurably unlike, at p = 0; their signs have p = 2 / 8."""
    first = control.Cell("none", 0.01, (0, 1, 2), *([(0.1, 0.2, 0.4)] * 3))
    told = control.differing([first, first], [(0.1, 0.2, 0.4), (0.2, 0.3, 0.5)])
    assert told == "No test can tell which differ from none: with 3 seeds no sign-flip test comes under the 5 % level, Holm-adjusted."
    assert flipped_p(np.full(3, 0.1)) == 0.25 and flipped_p(np.zeros(3)) == 1
    assert flipped_p(1e-9 * np.array([1.0, 2, 3, 4, 5, 6])) == 2 / 64  # however small gaps are
    eight = [replace(first, seeds=tuple(range(8)))] * 9
    told = control.differing(eight, [tuple(0.0 + number * seed for seed in range(8)) for number in range(9)])
    assert told.startswith("No test can tell which differ from none: with 8 seeds and 8 cells to compare with it no sign-flip test comes")


def test_of_cells_that_are_alike_few_are_called_unlike():
    """Size of the whole: of 1,000 sweeps of three cells of ten seeds, which do not differ, about 5 in 100 name any cell: the test is exact."""
    noise, named = np.random.default_rng(3), 0
    seeds = tuple(range(10))
    found = [control.Cell(name, 0.01, seeds, *([(0.0,) * 10] * 3)) for name in ("none", "a", "b")]
    for _ in range(1000):
        named += "unlike none: none" not in control.differing(found, noise.normal(size=(3, 10)).tolist())
    assert 0.03 <= named / 1000 <= 0.065


def test_a_pressure_that_was_clipped_is_reported(store):
    noise = np.random.default_rng(0)
    runs = []
    for seed in range(6):
        rows = learners.rows_of(8, 0.0, noise)
        rows[-1] |= {"pressure_clipped": 0 if seed < 4 else 1000 * seed}
        runs.append(("all", {}, seed, rows))
    (told,) = control.sentences(collect(store, learners.sweep(store, runs, [])))
    assert "in 2 of 6 runs under pressure, up to 5,000 times in one" in told
    (told,) = run_findings.clipped(cast(Any, SimpleNamespace(last={"pressure_clipped": 5000}.get)))
    assert told == "β was clipped 5,000 times, as it would have been more than pressure.most."
    assert run_findings.clipped(cast(Any, SimpleNamespace(last={"pressure_clipped": 0}.get))) == []


def test_corridors_of_several_sizes_are_no_arms_of_a_control(tables):
    assert control.sentences(tables) == []


@pytest.mark.parametrize("pressed", [False, True])
def test_a_run_shows_returns_and_pressure_where_there_was_some(store, pressed):
    infos = agent.prepare(one_run(store, learners.one(store, pressed)))
    assert not isinstance(infos, str)
    assert [info.name for info in infos] == ["agent", *(["pressure"] if pressed else [])]
    for info in infos:
        assert len(table(info)) > 0
        wide, narrow = (json.loads(str(draw(info, narrow=each).to_json())) for each in (False, True))
        assert wide["data"] == narrow["data"]
    if pressed:
        at_end = infos[1].panels[1]
        assert isinstance(at_end, Lines) and np.isnan(at_end.curves[0].values).tolist() == [True] + [False] * 5  # its first state was never left
    panel = infos[0].panels[0]
    assert isinstance(panel, Lines)
    mean = panel.curves[1]
    assert mean.steps[0] == 10 and mean.values[0] == pytest.approx(np.linspace(-50, -10, 300)[:10].mean())


def test_the_largest_changes_of_pressure_are_marked(store):
    infos = agent.prepare(one_run(store, learners.one(store, True)))
    assert not isinstance(infos, str)
    panel = infos[1].panels[0]
    assert isinstance(panel, Lines)
    marked = {int(each) for each in panel.curves[1].steps if not isnan(each)}
    assert {*range(502, 526)} <= marked
    assert len(marked) == 50
