"""Fronts, their order and the equations of values, on learners whose values drift at a known speed."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isnan

import numpy as np
import pandas as pd
import pytest

from analysis import run_findings
from analysis.collect import collect
from analysis.figures import equations, fronts, passages
from analysis.findings import findings
from analysis.one_run import one_run
from analysis.run_figures import drawing, space_time
from analysis.run_figures.panels import Heat, table
from analysis.spreading import MOMENTS, shape_of, spread, spreading, unfitted
from analysis.spreading_findings import _equation
from lal.store import Store
from tests.analysis.patterns import fields


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def tables(store):
    return collect(store, fields.sweep(store))


def cell(tables, label):
    found = spreading(tables)
    assert not isinstance(found, str)
    return next(each for each in found if each.label == label)


@pytest.mark.parametrize(("label", "speed"), [("line, target every = 10", 0.1), ("line, target every = 20", 0.05), ("grid, target every = 10", 0.1)])
def test_speeds_are_those_of_the_drift(tables, label, speed):
    found = cell(tables, label)
    assert found.speed().value == pytest.approx(speed, rel=0.2)
    assert found.coefficient("drift").value == pytest.approx(speed, rel=0.15)
    assert found.error("drift").value < min(0.1, found.error("diffusion").value / 2)
    for shuffled in ("places", "moments"):
        assert found.advantage("drift", shuffled).low > 0
    assert found.every == 1 / speed


def test_what_comes_first_is_told_pair_by_pair(tables):
    """The ramp is half-way at episode 45 of a speed of 0.1, long before the return at 150 and more; at 0.05 at 90."""
    found = cell(tables, "line, target every = 10").order("value_front", "return")
    assert (found.n, found.n_sooner, found.n_later) == (3, 0, 3)
    assert found.difference.value > 50 and isnan(found.difference.low)  # the same in each: evaluations are ten episodes apart
    slow = cell(tables, "line, target every = 20").order("value_front", "return")
    assert 0 < slow.difference.value < found.difference.value
    assert found.sign_p == pytest.approx(2 * 0.5**3)


def test_what_is_not_so_at_the_end_is_censored():
    rows = pd.DataFrame(fields.run_of((14,), 0.1, 0, 150)[0])
    rows.loc[rows.index[-1], "value_front"] = 12
    found = spread(0, rows, None)
    assert found.times["value_front"] == inf
    assert found.times["greedy_return"] == 150
    assert found.scored is None
    never = spread(0, pd.DataFrame(fields.run_of((14,), 0.1, 0, 1000)[0]), None)
    assert (never.times["return"], never.times["greedy_return"], never.last) == (inf, inf, 200)


def test_a_front_that_never_moves_has_no_speed():
    rows = pd.DataFrame(fields.run_of((14,), 0.0, 0, 150)[0])
    assert isnan(spread(0, rows.assign(value_front=11), None).speed.value)


@pytest.mark.parametrize("shape", [(7,), (3, 4)])
def test_states_of_lines_and_grids_are_known_as_such(shape):
    states = (np.indices(shape).reshape(len(shape), -1).T / shape).astype(np.float32)
    assert shape_of(states) == shape
    assert shape_of(states[::-1]) is None
    assert shape_of(states[:-1]) is None or len(shape) == 1
    assert shape_of(np.random.default_rng(0).random((8, 4))) is None
    assert shape_of(None) is None


def test_findings_say_what_is_speculative_and_which_equation_fits(tables):
    told = " ".join(findings(tables))
    assert "Speculative: that values spread as patterns of chemicals do is a conjecture" in told
    assert "V_t = D V_xx + f(V) leaves unexplained, of line, target every = 10" in told
    assert "3 of 3 in this order, sign test p = 0.25" in told
    orders = [each for each in findings(tables) if each.startswith("Episodes from")]
    assert "the ramp to the greedy return" in orders[0]
    assert ["late by construction" in each for each in orders] == [False, False, True]
    assert told.count("(3 of 3 runs)") == 3
    assert "where 1 / target_every is 0.05" in told
    drift = next(each for each in findings(tables) if each.startswith("V_t = c V_x"))
    assert drift.count("better than both shuffles") == 3


def test_figures_have_a_row_for_every_cell_and_run(tables):
    order, errors, over = passages.prepare(tables), equations.prepare(tables), fronts.prepare(tables)
    assert not isinstance(order, str) and not isinstance(errors, str) and not isinstance(over, str)
    assert len(passages.table(order)) == 9
    assert errors.expected == (0.1, 0.05, 0.1)
    assert set(equations.table(errors)["cell"]) == set(errors.labels)
    for member, info in ((passages, order), (equations, errors), (fronts, over)):
        wide, narrow = member.draw(info), member.draw(info, narrow=True)
        assert len(wide.data) == len(narrow.data)
        assert "Speculative" in info.caption or member is passages


def test_a_control_with_nothing_to_shuffle_is_told_as_that(tables):
    whole = cell(tables, "grid, target every = 10")
    none = np.empty(0)
    runs = [(run, {term: replace(each, places=none) for term, each in run.scored.items()}) for run in whole.runs]
    few = replace(whole, runs=tuple(replace(run, scored=each) for run, each in runs))
    assert "better than moments shuffled (places too few to shuffle, moments +" in _equation([few], "drift")
    neither = {term: replace(each, moments=none) for term, each in runs[0][1].items()}
    few = replace(whole, runs=(replace(runs[0][0], scored=neither),))
    assert _equation([few], "drift").endswith("with too few places and moments to shuffle.")


def test_a_field_without_a_fit_says_why(tables):
    whole = cell(tables, "grid, target every = 10")
    diverged = replace(whole, runs=(replace(whole.runs[0], scored=None, unfitted="it is inf"), *whole.runs[1:]))
    assert unfitted([diverged]) == f"1 of {len(whole.runs)} runs: it is inf" and unfitted([whole]) == ""


def test_shares_are_drawn_within_what_is_possible():
    found = equations.mark([0.1, 0.9], *equations.SHARE).mean
    assert (found.value, found.low, found.high) == (0.5, 0, 1)


def test_learners_without_patterns_have_none_of_it(store):
    tables = collect(store, fields.without_patterns(store))
    assert spreading(tables) == "no run has measured the pattern of its values, so there are no fronts of it"
    assert all(isinstance(member.prepare(tables), str) for member in (fronts, passages, equations))
    assert "Speculative" not in " ".join(findings(tables))


@pytest.mark.parametrize("shape", [(14,), (5, 6)])
def test_a_run_is_drawn_in_space_and_time(store, shape):
    run = one_run(store, fields.one(store, shape))
    infos = space_time.prepare(run)
    assert not isinstance(infos, str)
    info, pressed = infos
    assert [each.scale for each in pressed.panels if isinstance(each, Heat)] == ["pressure"]
    heats = [each for each in info.panels if isinstance(each, Heat)]
    assert heats[0].values.shape == (sum(shape) - len(shape), 21)
    assert heats[0].values[-1, -1] > heats[0].values[0, 0]
    assert sum(each.square for each in heats) == (4 if len(shape) == 2 else 0)
    visits = next(each for each in heats if each.scale == "visits")
    assert visits.values.shape[1] == 20  # changes between snapshots
    assert visits.values[3] == pytest.approx(visits.values[3, 0])
    assert "Speculative: V_t = D V_xx + f(V) leaves" in info.caption
    assert len(table(info)) >= len(info.panels)
    assert drawing.draw(info).data and run_findings.findings(run)


def test_fields_are_thinned_to_so_many_moments(store):
    from analysis.spreading import value_field

    snapshots = one_run(store, fields.one(store, (14,))).snapshots
    whole, thin = value_field(snapshots), value_field(snapshots, 8)
    assert whole is not None and thin is not None
    assert whole[0].shape == (21, 13) and len(whole[1]) <= MOMENTS
    assert thin[1].tolist() == list(range(0, 201, 30))
