"""Figures of sweeps whose points were searched for: points as points, the search in order, and no cells where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.collect import Tables, collect
from analysis.figures import parallel, phase, points, search
from analysis.report import drawn
from tests.analysis.synthetic import WEIGHT, Folder, Truth

OBJECTIVES = {"maximise": {"test_acc": "end"}, "minimise": {"functional_depth": "end"}}


def searched(store, n: int, objectives=OBJECTIVES) -> Tables:
    """n points of λ and lr between two ends, two seeds each; the last all failed."""
    folder = Folder(store, name="searched", axes=(WEIGHT, "optim.lr"), arms=("all",), report={"pareto": objectives})
    rng = np.random.default_rng(0)
    for index in range(n):
        point = {WEIGHT: float(10 ** rng.uniform(-3, 0)), "optim.lr": float(10 ** rng.uniform(-4, -2))}
        for seed in range(2):
            truth = Truth(grok=400 if index % 3 else None, functional=1 + (index * 7) % 4)
            folder.add("all", point, seed, Truth(fails="error") if index == n - 1 else truth)
    folder.write()
    manifest = store.manifest("searched")
    store.put_json("sweeps/searched/manifest.json", {**manifest, "search": {"space": {"objectives": objectives}, "points": []}})
    return collect(store, "searched")


def test_every_point_is_a_mark_where_it_is(store):
    tables = searched(store, 16)
    info = points.prepare(tables)
    assert not isinstance(info, str) and (info.x_scale, info.y_scale) == ("log", "log")
    ((_, drawn_points),) = info.panels
    assert len(drawn_points) == 16 and {each.state for each in drawn_points} == {"value", "censored", "failed"}
    assert sorted(each.x for each in drawn_points) == sorted(tables.cells[WEIGHT])
    fig = points.draw(info)
    assert sum(len(trace.x) for trace in fig.data) == 16 and fig.layout.xaxis.type == "log"
    assert sorted(cell for trace in fig.data for cell in trace.customdata) == list(range(16))


def test_the_report_draws_points_and_says_that_it_draws_no_cells(store):
    figures, left_out = drawn(searched(store, 16))
    names = [each.name for each in figures]
    assert {"points", "search", "parallel", "pareto"} <= {*names} and not any(name.startswith("phase") for name in names)
    assert any("no phase diagram of cells" in reason for reason in left_out)


def test_few_points_still_have_cells(store):
    tables = searched(store, 4)
    assert not points.continuous(tables) and not any(isinstance(member.prepare(tables), str) for member in (phase, points, search))


def test_the_search_is_told_in_order_with_the_best_so_far(store):
    info = search.prepare(searched(store, 7))
    assert not isinstance(info, str) and len(info.labels) == 6  # the last failed
    depth, accuracy, area = info.panels
    assert depth.values.tolist() == [1, 4, 3, 2, 1, 4] and depth.best.tolist() == [1] * 6
    assert (np.diff(accuracy.best) >= 0).all() and (np.diff(area.best) >= 0).all() and area.label == "hypervolume"
    assert len(search.draw(info).data) == 5


def test_a_search_for_one_number_is_told_too(store):
    info = search.prepare(searched(store, 5, {"minimise": {"functional_depth": "end"}}))
    assert not isinstance(info, str) and len(info.panels) == 1


def test_so_far_begins_with_the_first_that_has_a_value():
    found = search.so_far(np.array([np.nan, 3.0, np.nan, 5.0, 1.0]), -1)
    assert np.isnan(found[0]) and found[1:].tolist() == [3, 3, 5, 5]


def test_heights_of_many_values_are_on_their_own_scale(store):
    info = parallel.prepare(searched(store, 16))
    assert not isinstance(info, str)
    first = info.axes[0]
    assert first.places.min() == 0 and first.places.max() == pytest.approx(1) and len(first.ticks) <= 8
    assert {word for _, word in first.ticks} <= {"0.001", "0.002", "0.003", "0.005", "0.01", "0.02", "0.03", "0.05", "0.1", "0.2", "0.3", "0.5", "1"}


def test_sweeps_without_a_search_say_so(odd_tables):
    assert "were not searched" in str(search.prepare(odd_tables["quickstart"])) and "were not searched" in str(points.prepare(odd_tables["quickstart"]))
