"""Correlations against SciPy and against what is known of made-up learners; figures and sentences of them."""

from __future__ import annotations

import json
from math import isnan, nan
from typing import Any

import numpy as np
import pytest
from scipy import stats

from analysis import control, order, order_findings
from analysis.collect import collect
from analysis.figures import correlations, crystallization, order_curves, order_parameters, returns, transition
from analysis.findings import findings
from analysis.one_run import one_run
from analysis.run_figures import agent
from analysis.run_figures.drawing import draw
from analysis.run_figures.panels import Lines, table
from analysis.statistics.correlation import centred, chosen, fisher, mean_over_seeds, over_seeds, pearson, within
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


def by_loop(statistic, seeds):
    """Quantiles of a statistic of row numbers over the same choices of seeds, one after another."""
    labels = sorted(set(seeds))
    found = []
    for times in chosen(len(labels), 2000).astype(int):
        taken = [label for label, count in zip(labels, times, strict=True) for _ in range(count)]
        found.append(statistic(np.concatenate([np.flatnonzero(np.asarray(seeds) == label) for label in taken])))
    return np.nanquantile(found, [0.025, 0.975]).tolist()


def test_a_bootstrap_over_seeds_is_a_loop_over_choices_of_seeds():
    seeds = np.repeat(np.arange(8), 5).tolist()
    pooled, held = over_seeds(X + 1e3, Y, seeds), over_seeds(X, Y, seeds, GROUPS)
    assert [pooled.low, pooled.high] == pytest.approx(by_loop(lambda rows: pearson(X[rows], Y[rows]), seeds), abs=1e-6)
    assert [held.low, held.high] == pytest.approx(by_loop(lambda rows: within(X[rows], Y[rows], GROUPS[rows]), seeds), abs=1e-6)
    assert (pooled.value, held.value) == pytest.approx((pearson(X, Y), within(X, Y, GROUPS)))
    assert isnan(over_seeds(X, Y, [0, 1, 2, 3] * 10).low)


def test_means_of_correlations_are_on_fishers_scale():
    assert mean_over_seeds([0.9, nan, 0.0], [0, 1, 2]).value == pytest.approx(np.tanh(np.arctanh(0.9) / 2))
    assert isnan(mean_over_seeds([nan] * 6, range(6)).value)
    values = np.tanh(NOISE.normal(size=24))
    seeds = (np.arange(24) % 6).tolist()
    found = mean_over_seeds(values.tolist(), seeds)
    assert [found.low, found.high] == pytest.approx(by_loop(lambda rows: np.tanh(np.arctanh(values[rows]).mean()), seeds), abs=1e-6)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    from lal.store import Store

    store = Store(tmp_path_factory.mktemp("learners"))
    return collect(store, learners.sizes(store))


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
    assert steep.fixed is not None and abs(steep.fixed.value) < 0.5 and not steep.fixed.sure
    assert certain.fixed is not None and certain.fixed.value == pytest.approx(1) and abs(certain.pooled.value) < 0.5
    assert found.size is not None and found.size.value < -0.98
    assert found.steepness == pytest.approx((1, 1), abs=0.03)
    assert found.world == ("environment.size",)
    assert len(steep.by_seed) == 5 and max(steep.by_seed) < -0.95


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


def test_a_transition_is_along_size_over_width_from_0_to_1(tables):
    info = transition.prepare(tables)
    assert not isinstance(info, str)
    assert info.ratio.tolist() == sorted(size / width for size in learners.SIZES for width in learners.WIDTHS)
    assert all(values.min() == 0 and values.max() == 1 for _, values in info.curves)
    assert info.curves[0][0] == "return" and len(info.curves) == 4 and len(info.marks) == 1


def test_what_the_rate_does_is_told_from_what_an_arm_does(armed):
    told = control.sentences(armed)
    assert told[0].startswith("Crystallization C ends at none, rate = 0.01: 0.508")
    assert "Measurably unlike none, rate = 0.01: none" in told[1]
    assert "lies between different rates" in told[2]
    assert told[3].startswith("Returns of the last ten episodes")
    assert all(sentence in findings(armed) for sentence in told)


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
