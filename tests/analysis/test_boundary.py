"""Firth's fits against exact cases, boundaries against simulations whose line is known, and lines of sweeps' tables."""

from __future__ import annotations

from dataclasses import replace
from math import inf, log, log10, nan

import numpy as np
import pytest
from scipy.optimize import minimize

from analysis.boundaries import Line, in_columns, line_of, scale_of
from analysis.collect import collect
from analysis.figures.dimensions import dimension
from analysis.statistics import Boundary, boundary
from analysis.statistics.boundary import _band, _bootstraps, _places
from analysis.statistics.firth import firth
from tests.analysis.synthetic import Folder, Truth, filled


def test_firth_of_a_saturated_table_adds_a_half_to_every_count():
    """Of one share, log((k + 1/2) / (n - k + 1/2)); of two shares, each its own (Firth 1993)."""
    alone = firth(np.ones((1, 1)), np.array([[3.0], [0.0], [5.0]]), np.full((3, 1), 5.0))
    assert alone[:, 0] == pytest.approx([log(3.5 / 2.5), log(0.5 / 5.5), log(5.5 / 0.5)])
    two = firth(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 5.0]]), np.full((1, 2), 5.0))[0]
    assert two == pytest.approx([log(0.5 / 5.5), 2 * log(5.5 / 0.5)])


def test_firth_is_the_maximum_of_the_penalised_likelihood():
    x, k, n = np.column_stack([np.ones(4), [0.0, 1.0, 2.0, 4.0]]), np.array([0.0, 1.0, 4.0, 5.0]), np.full(4, 5.0)

    def loss(b):
        share = 1 / (1 + np.exp(-x @ b))
        return -(k @ np.log(share) + (n - k) @ np.log1p(-share) + 0.5 * np.linalg.slogdet(x.T @ (x * (n * share * (1 - share))[:, None]))[1])

    theirs = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000})
    assert firth(x, k[None], n[None])[0] == pytest.approx(theirs.x, abs=1e-5)
    assert np.isnan(firth(x, np.zeros((1, 4)), np.array([[0.0, 0.0, 3.0, 0.0]]))).all()


def test_cells_that_part_cleanly_have_their_boundary_between_them():
    x, seeds = np.repeat([1.0, 2.0, 3.0, 4.0], 5), np.tile(range(5), 4)
    found = boundary(x, None, seeds, x > 2)
    assert isinstance(found, Boundary) and found.place[0] == pytest.approx(2.5)
    assert 1.5 < found.low[0] < 2.5 < found.high[0] < 3.5 and found.coefficients[1] > 0


def test_a_line_over_two_axes():
    x, y = np.repeat(np.tile([0.0, 1.0, 2.0, 3.0], 4), 6), np.repeat([0.0, 1.0, 2.0, 3.0], 24)
    seeds = np.tile(range(6), 16)
    happened = np.random.default_rng(2).random(len(x)) < 1 / (1 + np.exp(-3 * (x + y - 3)))
    found = boundary(x, y, seeds, happened, [0.0, 1.5, 3.0], draws=300)
    assert isinstance(found, Boundary) and np.all((found.low <= [3.0, 1.5, 0.0]) & (found.high >= [3.0, 1.5, 0.0]))


def test_what_has_no_boundary_says_why():
    seeds, x = [0, 1, 0, 1], [1.0, 1.0, 2.0, 2.0]
    assert boundary(x, None, seeds, [True] * 4) == "all of the runs generalised"
    assert boundary(x, None, seeds, [False] * 4) == "none of the runs generalised"
    assert "span" in str(boundary([1.0] * 4, None, seeds, [True, False] * 2)) and "span" in str(boundary(x, x, seeds, [True, False] * 2))


def covered(n_cells: int, n_seeds: int, spread: float, n_sweeps: int, n_draws: int) -> float:
    """Share of sweeps whose band holds the true place 0.3; `spread`: of what seeds do to the log odds in all their cells."""
    rng, x = np.random.default_rng(0), np.linspace(-3, 3, n_cells)
    design, hits = np.column_stack([np.ones(n_cells), x]), 0
    for _ in range(n_sweeps):
        odds = 1.5 * (x[None] - 0.3) + spread * rng.normal(size=(n_seeds, 1))
        successes, trials = (rng.random((n_seeds, n_cells)) < 1 / (1 + np.exp(-odds))).astype(float), np.ones((n_seeds, n_cells))
        fitted = firth(design, successes.sum(axis=0)[None], trials.sum(axis=0)[None])
        place = _places(fitted, np.zeros(0))[0]
        bands = [_band(place, _places(drawn, np.zeros(0)), wide, 0.95) for drawn, wide in _bootstraps(design, fitted[0], successes, trials, n_draws)]
        hits += min(band[0][0] for band in bands) <= 0.3 <= max(band[1][0] for band in bands)
    return hits / n_sweeps


def test_the_band_covers_in_a_hundred_sweeps():
    assert covered(7, 5, 0.0, 100, 200) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("n_cells", "n_seeds"), [(7, 5), (7, 10), (9, 20)])
def test_the_band_covers(n_cells, n_seeds):
    assert 0.93 <= covered(n_cells, n_seeds, 0.0, 1000, 400) <= 0.98


@pytest.mark.slow
def test_seeds_that_make_runs_alike_are_borne_with_twenty_of_them():
    assert covered(9, 20, 1.0, 1000, 400) >= 0.93


def test_axes_are_taken_in_logs_or_in_order():
    assert scale_of([1e-3, 1e-2]) == "log" and scale_of([0.4, 0.5, 0.6]) == "linear"
    assert scale_of([0.0, 0.01, 0.1]) == "rank" and scale_of([None, 0.1, 0.2]) == "rank" and scale_of([0, 1, 2]) == "linear"
    places = np.array([-3.0, -2.5, -1.0, -inf, nan])
    assert in_columns(places, [1e-3, 1e-2, 1e-1], "log")[:4] == pytest.approx([0, 0.5, 2, -1]) and np.isnan(in_columns(places, [1e-3, 1e-2], "log")[4])


def test_the_line_of_a_sweep(store):
    folder = Folder(store, axes=("optim.lr", "model.depth"), arms=("all",))
    for lr in (1e-3, 1e-2, 1e-1):
        for depth in (2, 4):
            for seed in range(4):
                folder.add("all", {"optim.lr": lr, "model.depth": depth}, seed, Truth(grok=500 if lr > 2e-3 * depth else None))
    tables = collect(store, folder.write())
    x, y = dimension(tables, "optim.lr"), dimension(tables, "model.depth")
    alone = line_of(tables, tables.cells, x)
    assert isinstance(alone, Line) and alone.x_scale == "log" and -3 < alone.found.place[0] < -2 and alone.n == 24
    assert alone.word(log10(0.00316)) == "0.00316" and alone.word(-0.5) == "–" and 0 < alone.rows()[0][0] < 1
    both = line_of(tables, tables.cells, x, y)
    assert isinstance(both, Line) and len(both.columns()) == len(both.rows()[0]) == 41


def test_lines_leave_out_pruned_cells_and_say_why_there_is_none(store):
    tables = collect(store, filled(store, lambda arm, weight, seed: Truth(grok=None if weight else 500), arms=("soft",)))
    x = dimension(tables, tables.axes[0])
    found = line_of(tables, tables.cells, x)
    assert isinstance(found, Line) and found.x_scale == "rank" and found.word(float(found.found.place[0])) == "0 to 0.01"
    runs = tables.runs.copy()
    runs.loc[runs["cell"] > 0, "outcome"] = "pruned"
    tables = replace(tables, runs=runs)
    assert line_of(tables, tables.cells, x) == "the points that were tried do not span the axes"
