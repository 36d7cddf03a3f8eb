"""The cells table is made of all cells at once, and says what each cell alone says, to the last bit."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from analysis.cells import curve
from analysis.statistics import common_horizon, mean_interval, mean_intervals, wilson
from lal.columns import bounds
from lal.reading import COUNTED
from tests.analysis.synthetic import ODD


@pytest.mark.parametrize("name", ODD)
def test_cells_at_once_are_as_one_by_one(odd_tables, name):
    tables = odd_tables[name]
    groups = list(tables.runs.groupby("cell", sort=True))
    assert tables.cells["cell"].tolist() == [number for number, _ in groups]
    done = [group[group["state"].isin(COUNTED)] for _, group in groups]
    curves = [curve(each) for each in done]
    horizon = common_horizon(curves)
    for cell, one, km, (_, group) in zip(tables.cells.to_dict("records"), done, curves, groups, strict=True):
        assert cell["n_planned"] == len(group) and cell["n"] == len(one)
        assert cell["n"] == cell["n_grokked"] + cell["n_censored"] + cell["n_diverged"] + cell["n_pruned"]
        assert cell["n_planned"] == cell["n"] + cell["n_failed"] + cell["n_missing"]
        for column, told in (("p", wilson(int(one["event"].sum()), len(one))), ("median", km.median()), ("restricted_mean", km.restricted_mean(horizon))):
            np.testing.assert_array_equal([cell[column], cell[f"{column}_low"], cell[f"{column}_high"]], astuple(told))
        for column in (each for each in tables.runs.columns if "@" in each):
            told = mean_interval(one[column].astype(float).tolist(), *bounds(column))
            np.testing.assert_array_equal([cell[column], cell[f"{column}_low"], cell[f"{column}_high"]], astuple(told))
            assert cell[f"{column}_n"] == np.isfinite(one[column].astype(float)).sum()
        phases = one["phase"].value_counts()
        assert cell["phase"] == (None if phases.empty else min(phases[phases == phases.max()].index))
        assert cell["phases"].count(" ") == max(0, 2 * len(phases) - 1)


def test_means_of_groups_of_any_size():
    rng = np.random.default_rng(7)
    values = rng.normal(size=2000)
    values[rng.random(2000) < 0.2] = np.nan
    values[5] = np.inf
    groups = np.split(rng.permutation(2000), np.sort(rng.integers(0, 2000, 150)))
    found = mean_intervals(values, groups, -0.5, 0.5)
    for place, each in enumerate(groups):
        np.testing.assert_array_equal([column[place] for column in found[:3]], astuple(mean_interval(values[each].tolist(), -0.5, 0.5)))
        assert found[3][place] == np.isfinite(values[each]).sum()
