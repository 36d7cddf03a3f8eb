"""What is made of all runs at once is what each alone says; and what is too much for a screen is thinned, and said."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from analysis import depth_bound
from analysis.collect import Tables, collect
from analysis.figures import curves, final, gates, series, survival
from analysis.figures.dimensions import spread
from analysis.verdicts import at_threshold, held_from
from lal.reading import verdict_on
from tests.analysis.synthetic import ODD, Truth, filled

FINISHED = [name for name in ODD if name not in ("all failed", "all missing")]


@pytest.mark.parametrize("name", FINISHED)
@pytest.mark.parametrize("threshold", [0.2, 0.9])
def test_verdicts_at_once_are_those_of_each_run(odd_tables, name, threshold):
    tables = odd_tables[name]
    limits, found = replace(tables.thresholds, goal=threshold), at_threshold(tables, threshold)
    for index, run in found.iterrows():
        told = verdict_on(tables.readings[index].rows, run["outcome"], limits)
        assert run["event"] == (told.t_grok is not None) and run["horizon"] == told.horizon
        assert np.isnan(run["t_grok"]) if told.t_grok is None else run["t_grok"] == told.t_grok.by


@pytest.mark.parametrize("n_rows", range(1, 5))
def test_evaluations_fewer_than_the_window_show_no_time_and_no_error(n_rows):
    steps, owner = 25.0 * np.arange(n_rows), np.zeros(n_rows, np.int64)
    met = np.ones(n_rows, bool)
    assert np.isnan(held_from(steps, met, owner, 1, 5)[0][0]) and held_from(steps, ~met, owner, 1, 5)[1][0] == steps[-1]
    assert held_from(steps, met, owner, 1, n_rows)[0][0] == 0


def test_evaluations_are_those_of_each_run_in_order(odd_tables):
    tables: Tables = odd_tables["quickstart"]
    rows, counts = tables.evaluations(["step", "functional_depth"])
    assert len(counts) == len(tables.done) and counts.sum() == len(rows) == len(tables.history)
    starts = np.cumsum(counts) - counts
    for place, index in enumerate(tables.done.index):
        alone = tables.readings[index].rows.select(["step", "functional_depth"])
        assert rows.slice(starts[place], counts[place]).to_pylist() == alone.to_pylist()
    some = tables.rows_of(tables.done.iloc[[3, 7]], ["step"])
    assert some["run_id"].unique().tolist() == tables.done["run_id"].iloc[[3, 7]].tolist() and len(some) == counts[[3, 7]].sum()


def test_cells_with_bounds_at_once_are_those_of_each_cell(store, monkeypatch):
    tables = collect(store, filled(store, lambda arm, weight, seed: Truth(gates=4.0 - 40 * weight), weights=(0.0, 0.05, 0.1)))
    assert depth_bound.bounded_cells(tables) == frozenset() and depth_bound.told_of(tables) == ""
    monkeypatch.setattr(depth_bound, "EXACT_UP_TO", 3)
    again = replace(tables)  # what was made of tables is kept with them
    alone = {cell for cell, rows in again.history[["cell", "functional_depth", "gate_values"]].groupby("cell") if depth_bound.is_bound(rows)}
    assert depth_bound.bounded_cells(again) == alone and len(alone) == 6


def test_values_are_spread_over_their_order():
    assert spread([1, 2, 3], 3) == (1, 2, 3) and spread(range(50), 4) == (0, 16, 33, 49) and spread([None, 0.1, 0.2], 2) == (None, 0.2)


def test_more_than_a_screen_shows_is_thinned_and_said(odd_tables, monkeypatch):
    tables = odd_tables["quickstart"]
    for module, name, least in ((series, "MOST_LINES", "LEAST_LINES"), (survival, "MOST_LINES", "LEAST_LINES")):
        monkeypatch.setattr(module, name, 4)
        monkeypatch.setattr(module, least, 2)
    monkeypatch.setattr(gates, "MOST_ABREAST", 2)
    monkeypatch.setattr(final, "MOST_RUNS", 20)
    whole, risen, tiles, ends = (member.prepare(tables) for member in (curves, survival, gates, final))
    assert isinstance(whole, series.Info) and isinstance(risen, survival.Info) and isinstance(tiles, gates.Info) and isinstance(ends, final.Info)
    assert {line.label for panel in whole.panels for line in panel.lines} == {"0", "1"} == {*whole.labels}
    assert "Lines of 2 of 6 values of" in whole.caption
    assert [line.label for _, lines in risen.panels for line in lines] == ["0", "1"] * 2 and "Curves of 2 of 6 values" in risen.caption
    assert tiles.n_columns == 2 and len(tiles.tiles) == 4 and "2 of 6 values of" in tiles.caption
    traces = json.loads(str(final.draw(ends).to_json()))["data"]
    n_drawn = sum(len(np.frombuffer(base64.b64decode(each["y"]["bdata"]), each["y"]["dtype"])) for each in traces if "customdata" in each)
    assert "Of the single runs one of 3 in each cell is drawn" in ends.caption and n_drawn < 2 * len(tables.done) / 2
