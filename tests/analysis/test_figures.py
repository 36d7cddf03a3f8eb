"""What figures compute, looked at before it is drawn; and the contract that every figure keeps on every odd sweep."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from math import inf

import numpy as np
import pandas as pd
import pytest

from analysis.collect import collect
from analysis.commands import FIGURES
from analysis.figures import (
    MEMBERS,
    curvature,
    curves,
    depth,
    final,
    gates,
    norms,
    optimizer,
    pareto,
    pareto_planes,
    phase,
    routing,
    series,
    series_drawing,
    spectra,
    survival,
    time_to_goal,
)
from analysis.figures.dimensions import layout
from analysis.figures.theme import CONFIG, axis_word, steps_word, value_word
from analysis.figures.ticks import log_ticks
from lal.budget import Budget
from lal.errors import Refused
from tests.analysis.synthetic import BUDGET, ODD, WEIGHT, Folder, Truth, filled, rows_of


@pytest.mark.parametrize("sweep", [pytest.param(name, marks=pytest.mark.slow) if name == "cube" else name for name in ODD])
def test_every_figure_draws_or_says_why_not(odd_drawn, sweep):
    figures, left_out = odd_drawn[sweep]
    assert len(figures) + len(left_out) == len(MEMBERS) + 2  # the phase diagram has three views, and always applies
    assert [each.name for each in figures][:3] == ["phase-time", "phase-probability", "phase-phase"]
    assert all(reason[0].islower() and not reason.endswith(".") for reason in left_out)  # each ends a sentence that others begin
    for each in figures:
        wide, narrow = (json.loads(fig.to_json()) for fig in (each.wide, each.narrow))
        assert wide["data"] == narrow["data"] and len(wide["data"]) > 0, each.name
        assert wide["layout"]["height"] < 4000 and each.caption.endswith("."), each.name
        assert "<td" in each.table or sweep.startswith("all "), each.name
        assert not any(tag in json.dumps(wide) for tag in ("<img", "<script", "<b>bold")), each.name


@pytest.mark.parametrize("sweep", ODD)
def test_the_phase_diagram_has_every_cell(odd_tables, sweep):
    info = phase.prepare(odd_tables[sweep])
    assert not isinstance(info, str) and len(phase.table(info)) == len(odd_tables[sweep].cells)
    assert sum(len(facet.cells) for facet in info.facets) == len(odd_tables[sweep].cells)


def test_commands_offer_every_figure():
    assert tuple(MEMBERS) == FIGURES


def test_no_figure_offers_to_upload_itself():
    assert CONFIG["showSendToCloud"] is False and CONFIG["displaylogo"] is False and not CONFIG["plotlyServerURL"]


@pytest.mark.parametrize(
    ("ends", "ticks"),
    [
        ((20, 800), [20, 50, 100, 200, 500]),
        ((100, 50_000), [100, 300, 1000, 3000, 10_000, 30_000]),
        ((1e-7, 1e2), [1e-7, 1e-5, 1e-3, 1e-1, 10]),
        ((400, 700), [400, 500, 700]),
    ],
)
def test_log_axes_have_ticks_enough_and_not_too_many(ends, ticks):
    assert log_ticks(*np.log10(ends)) == pytest.approx(ticks)


def test_the_first_panel_of_a_row_that_has_lines_carries_its_axis():
    """One without lines is drawn as nothing, so numbers beside it would be lost: those of its whole row."""
    line = series.Line("", 0, "solid", (np.array([20.0, 800.0]), np.ones(2)), (), 1)
    panels = [series.Panel("", "crystallization", lines, (0, 1), 0) for lines in ((), (line,), (line,))]
    axes = series_drawing.draw(series.Info(tuple(panels), 3, "", (), True, "")).layout
    assert [axes[name].showticklabels for name in ("yaxis", "yaxis2", "yaxis3")] == [False, True, False]
    assert [axes[name].title.text for name in ("yaxis", "yaxis2", "yaxis3")] == ["", "crystallization", ""]


def test_nothing_is_drawn_where_no_value_can_be(store):
    """Shares lie on [0, 1] and are drawn as they are; counts of 0 are drawn from 0 upwards, the offset small against 1."""
    zero = (np.array([20.0, 800.0]), np.zeros(2))
    drawn = [("", tuple(series.Line(str(order), order, "solid", zero, (), 1) for order in range(7)))]
    (share,) = series._in_a_row("test accuracy", ("test_acc",), drawn, log=False)
    (count,) = series._in_a_row("functional depth", ("functional_depth",), drawn, log=False)
    assert share.y_range == count.y_range == pytest.approx((-0.05, 1.05))
    assert share.dodge == 0 and count.whole and 0 < count.dodge * 7 <= 0.1
    heights = [y for each in series_drawing.draw(series.Info((count,), 1, "λ", tuple("0123456"), True, "")).data for y in each.y if y is not None]
    assert min(heights) == 0 and max(heights) < 0.1
    filled(store, lambda *_: Truth(functional=0), arms=("soft",), seeds=2)
    costs = final.prepare(collect(store, "synthetic"))
    assert not isinstance(costs, str)
    xs = [x for each in final.draw(costs).data if each.xaxis == "x2" for x in each.x]
    assert min(xs) == 0 and max(xs) < 0.1 and final.draw(costs).layout.margin.t == 12 + 20 + 22 + 8  # a heading, and one line of legend


def test_layers_that_no_seed_has_are_blank():
    rows = pd.DataFrame(
        {"run_id": ["a", "a", "b", "b"], "step": [0, 10] * 2, "gate_values": [[0.5, 0.0], [0.5, 0.25], [0.7, 0.0], [0.7, 0.0]], "layers_present": [1, 2, 1, 1]}
    )
    values = gates.tile("", rows).values
    assert values[0] == pytest.approx([0.6, 0.6]) and np.isnan(values[1, 0]) and values[1, 1] == 0.25


def cells_of(store, truths: dict[str, list[Truth]]) -> dict[str, phase.Cell]:
    """Cells of a phase diagram, by arm."""
    folder = Folder(store, arms=tuple(truths))
    for arm, runs in truths.items():
        for seed, truth in enumerate(runs):
            folder.add(arm, {WEIGHT: 0.1}, seed, truth)
    info = phase.prepare(collect(store, folder.write()))
    assert not isinstance(info, str)
    return {str(info.x.values[cell.column]): cell for facet in info.facets for cell in facet.cells}


def test_value_censored_failed_and_missing_are_four_things(store):
    found = cells_of(
        store,
        {
            "value": [Truth(grok=500), Truth(grok=600), Truth(fails="error")],
            "censored": [Truth(grok=None), Truth(grok=500), Truth(grok=None)],
            "failed": [Truth(fails="error")] * 2,
            "missing": [Truth(missing=True)],
        },
    )
    assert {name: cell.state for name, cell in found.items()} == {name: name for name in found}
    assert found["value"].value == 500 and found["value"].text == "500<br>2/2<br>1 failed"
    assert found["censored"].value is None and found["censored"].text == "1/3"
    assert (found["failed"].text, found["missing"].text) == ("2 failed", "")
    assert (
        "not reached" in found["censored"].hover and "--run synthetic-value-0000-s0" in found["value"].hover and "lal train synthetic" in found["value"].hover
    )


def test_phase_letters_count_where_seeds_differ(odd_tables):
    info = phase.prepare(odd_tables["quickstart"], view="phase")
    texts = {(cell.row, cell.column): cell.text for cell in info.facets[0].cells}
    hard = info.y.words().index("hard")
    assert texts[hard, 1] == "G" and texts[hard, 5] == "?4 D1"
    assert all(cell.value == int(cell.value) for cell in info.facets[0].cells if cell.value is not None)


def test_probability_is_the_share_of_finished_runs(odd_tables):
    info = phase.prepare(odd_tables["quickstart"], view="probability")
    cells = odd_tables["quickstart"].cells
    assert sorted(info.values()) == sorted(cells["p"])


def test_axes_are_chosen_by_the_report_then_by_lambda(odd_tables):
    quick, cube = layout(odd_tables["quickstart"]), layout(odd_tables["cube"])
    assert (quick.x.column, quick.y.column, quick.rest) == (WEIGHT, "arm", ())
    assert (cube.x.column, cube.y.column, [each.column for each in cube.rest]) == (WEIGHT, "model.depth", ["task.operation", "arm"])
    assert layout(odd_tables["cube"], y="task.operation").y.values == ("multiply", "add")
    assert cube.x.values == (0.0, 1e-5, 0.1, 1.0) and cube.x.words() == ["0", "10⁻⁵", "0.1", "1"]
    assert layout(odd_tables["single"]).x.column == "" and layout(odd_tables["named"]).x.column == "name"


def test_an_axis_that_is_not_there_is_refused_with_the_nearest(odd_tables):
    with pytest.raises(Refused, match=r"did you mean 'model\.depth'"):
        phase.prepare(odd_tables["cube"], x="model.dept")
    with pytest.raises(Refused, match="view must be"):
        phase.prepare(odd_tables["cube"], view="speed")  # type: ignore[arg-type]


def test_facets_of_a_cube(odd_tables):
    info = phase.prepare(odd_tables["cube"])
    assert [facet.title for facet in info.facets] == [f"operation = {op} · {arm}" for op in ("multiply", "add") for arm in ("soft", "hard")]


def test_rows_and_columns_of_the_report_place_facets(store):
    """Primes below one another, arms side by side; a place without cells stays empty, and depth stays on y."""
    spec = {"phase": {"x": WEIGHT, "y": "model.depth", "rows": "task.p", "columns": "arm"}}
    folder = Folder(store, arms=("one", "two", "three"), axes=(WEIGHT, "model.depth", "task.p"), report=spec)
    for arm, weight, layers, p in product(folder.arms, (0.0, 0.1), (2, 4), (31, 17)):
        if (arm, p) != ("two", 31):
            folder.add(arm, {WEIGHT: weight, "model.depth": layers, "task.p": p}, 0, Truth())
    info = phase.prepare(collect(store, folder.write()))
    titles = [each.title if each else None for each in info.places]
    assert titles == ["p = 17 · one", "p = 17 · two", "p = 17 · three", "p = 31 · one", None, "p = 31 · three"]
    assert info.n_columns == 3 and (info.x.column, info.y.column) == (WEIGHT, "model.depth") and len(phase.table(info)) == 20
    wide, narrow = (json.loads(phase.draw(info, narrow).to_json()) for narrow in (False, True))
    assert wide["data"] == narrow["data"] and wide["layout"]["xaxis4"]["domain"] == wide["layout"]["xaxis"]["domain"]
    assert wide["layout"]["xaxis5"]["domain"] == wide["layout"]["xaxis3"]["domain"]


def test_facets_without_y_leave_arms_on_y_and_rows_alone_stand_below_one_another(store):
    spec = {"phase": {"x": WEIGHT, "rows": "task.p"}}
    folder = Folder(store, axes=(WEIGHT, "task.p"), report=spec)
    for arm, weight, p in product(folder.arms, (0.0, 0.1), (17, 31)):
        folder.add(arm, {WEIGHT: weight, "task.p": p}, 0, Truth())
    info = phase.prepare(collect(store, folder.write()))
    assert info.y.column == "arm" and info.n_columns == 1 and [each.title for each in info.facets] == ["p = 17", "p = 31"]


def test_the_front_of_a_known_sweep(odd_tables):
    info = pareto.prepare(odd_tables["quickstart"])
    (plane,) = info.planes
    assert (plane.x.column, plane.y.column) == ("functional_depth", "test_acc")
    on = {place.label: float(p) for place, p, on in zip(plane.places, plane.front.probability, plane.front.on, strict=True) if on}
    assert set(on) == {"hard, λ = 0.1"} and on["hard, λ = 0.1"] > 0.98
    assert plane.broken == ("hard, λ = 0.3", "hard, λ = 1") and "fewer than half of their seeds are at the goal: hard, λ = 0.3" in info.caption
    assert {(each.label, each.why) for each in plane.aside} == {
        ("hard, λ = 0.3", "0 of 4 seeds are at the goal"),
        ("hard, λ = 1", "0 of 5 seeds are at the goal"),
    }
    crossed = [trace for trace in pareto.draw(info).data if trace.marker.symbol == "x-thin"]
    assert len(crossed) == 1 and len(crossed[0].customdata) == 2 and "Crossed, in the strip" in info.caption
    best = pareto.table(info).set_index("cell").loc["hard, λ = 0.1"]
    assert best["test accuracy at the end"] == 1 and 1 <= best["functional depth at the end"] <= 2


def test_cells_that_lack_an_objective_stand_in_the_strip(store):
    name = filled(
        store,
        lambda arm, weight, seed: Truth(grok=None if weight else 500),
        weights=(0.0, 0.1),
        report={"pareto": {"maximise": {"test_acc": "grok"}, "minimise": {"functional_depth": "grok"}}},
    )
    info = pareto.prepare(collect(store, name))
    (plane,) = info.planes
    assert len(plane.places) == 2 and plane.strip == ("soft, λ = 0.1", "hard, λ = 0.1") and "soft, λ = 0.1" in info.caption


def test_a_front_needs_two_objectives(store):
    name = filled(store, lambda *_: Truth(), report={"pareto": {"maximise": {"test_acc": "end"}}})
    assert "no two objectives" in str(pareto.prepare(collect(store, name)))


def test_all_objectives_are_drawn_a_plane_for_each_pair(store):
    asked = {"maximise": {"test_acc": "end"}, "minimise": {"functional_depth": "end", "effective_depth": "end", "tau": "end"}}
    info = pareto.prepare(collect(store, filled(store, lambda *_: Truth(), report={"pareto": asked})))
    assert [(each.x.column, each.y.column) for each in info.planes] == [("functional_depth", "test_acc"), ("effective_depth", "test_acc")]
    assert "Left out: no cell has tau and test accuracy of half of its runs at the goal." in info.caption  # tau is a clock, and no column to read
    assert len(pareto.table(info)) == 2 * 6 and "Hypervolume of functional depth and test accuracy" in info.caption
    three = pareto_planes.pairs({"minimise": {"a": "end", "b": "end"}, "maximise": {"c": "end"}})
    assert [(x.column, y.column) for x, y in three] == [("a", "b"), ("a", "c"), ("b", "c")]
    alone = pareto_planes.pairs({"minimise": {"a": "end", "b": "end", "c": 500}})
    assert [(x.column, y.column) for x, y in alone] == [("a", "b"), ("a", "c"), ("b", "c")]


def test_curves_draw_train_dotted_and_test_solid(odd_tables):
    info = curves.prepare(odd_tables["quickstart"])
    assert [panel.title for panel in info.panels] == ["soft", "hard"]
    assert {line.dash for line in info.panels[0].lines} == {"dot", "solid"} and info.log_steps
    assert all(line.points[0][0] > 0 and line.n_seeds in (4, 5) for panel in info.panels for line in panel.lines)


def test_a_finished_seed_stays_in_the_median():
    early = (np.array([1.0, 2.0]), np.array([0.0, 1.0]))
    late = (np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 0.0, 0.0, 0.5]))
    steps, values = series.median([early, early, late])
    assert steps.tolist() == [1, 2, 3, 4] and values.tolist() == [0, 1, 1, 1]


def test_long_lines_are_thinned_to_their_ends():
    points = (np.arange(1.0, 5001.0), np.arange(1.0, 5001.0))
    steps, values = series.few(points)
    assert len(steps) < 300 and steps[0] == 1 and steps[-1] == 5000 and (steps == values).all()


def test_depth_follows_both_depths_and_routing_its_entropy(odd_tables):
    info = depth.prepare(odd_tables["quickstart"])
    assert list(dict.fromkeys(panel.y_label for panel in info.panels)) == ["sum of gates", "functional depth", "test accuracy"]
    last = {(panel.y_label, panel.title, line.label): line.points[1][-1] for panel in info.panels for line in panel.lines}
    assert last["functional depth", "soft", "1"] == 4 and last["sum of gates", "soft", "1"] < 0.5 and last["functional depth", "hard", "0.3"] == 1
    routed = routing.prepare(odd_tables["routed"])
    assert routed.panels[0].y_label == "routing entropy / log n"
    assert "no run has gates" in str(depth.prepare(odd_tables["routed"])) and "no run has routers" in str(routing.prepare(odd_tables["quickstart"]))


def test_gate_tiles_hold_the_mean_over_seeds_with_finished_ones_kept(odd_tables):
    info = gates.prepare(odd_tables["quickstart"])
    assert info.n_columns == 6 and [tile is None for tile in info.tiles] == [index == 2 for index in range(12)]
    tile = info.tiles[4]
    assert tile.title == "soft · λ = 0.3" and tile.values.shape == (4, len(tile.steps)) and tile.values[:, 0].tolist() == [1.0] * 4
    assert 0.6 < tile.values[:, -1].sum() < 0.8


def test_titles_of_gate_tiles_that_have_no_room_side_by_side_say_once_what_a_row_is_of(odd_tables):
    info = gates.prepare(odd_tables["quickstart"])
    whole = [each.title for each in info.tiles if each]
    assert [each.text for each in gates.draw(info).layout.annotations] == whole
    named = replace(info, tiles=tuple(each and replace(each, title=f"another_sweep@laptop: {each.title}") for each in info.tiles))
    titles = [each.text for each in gates.draw(named).layout.annotations]
    assert titles[:3] == ["another_sweep@laptop: soft<br>λ = 0", "λ = 0.01", "λ = 0.1"] and titles[5].startswith("another_sweep@laptop: hard<br>")
    narrow = gates.draw(named, narrow=True).layout
    assert all(each.text.count("<br>") == 1 for each in narrow.annotations) and narrow.xaxis.domain[1] == narrow.xaxis2.domain[1]


def test_final_sets_accuracy_against_both_depths(odd_tables):
    info = final.prepare(odd_tables["quickstart"])
    assert [title for title, _ in info.panels] == ["sum of gates at the end", "functional depth at the end"]
    assert all(len(groups) == 11 for _, groups in info.panels)
    assert [title for title, _ in final.prepare(odd_tables["routed"]).panels] == ["routing entropy / log n at the end"]


def test_final_means_are_of_seeds_at_the_goal_alone(store):
    name = filled(store, lambda arm, weight, seed: Truth(breaks=700, functional=0) if seed else Truth(functional=3), weights=(0.0,), arms=("soft",))
    _, (group,) = final.prepare(collect(store, name)).panels[1]
    assert group.x.value == 3 and len(group.broken) == 2 and group.seeds == "1 of 3 seeds"


@pytest.mark.parametrize("sign", [1, -1])
def test_staircase_and_band_step_alike_whichever_way_x_is_better(sign):
    found = pareto_planes.front([np.array([[0.0, 2.0]] * 2), np.array([[1.0, 1.0]] * 2), np.array([[2.0, 0.0]] * 2)])
    places = tuple(pareto_planes.Place(index, 0, str(index), 2, 2) for index in range(3))
    plane = pareto_planes.Plane(pareto_planes.Objective("a", "end", sign), pareto_planes.Objective("b", "end", 1), found, places, (), ())
    info = pareto_planes.Info((plane,), ("all",), "")
    lines = [trace for trace in pareto.draw(info).data if trace.mode == "lines"]
    assert len(lines) == 3 and {trace.line.shape for trace in lines} == {"hv"}
    assert all(np.all(np.diff(sign * np.asarray(trace.x, float)) >= 0) for trace in lines)


def test_a_cell_of_one_seed_is_drawn_without_an_interval_or_a_share(store):
    info = pareto.prepare(collect(store, filled(store, lambda *_: Truth(grok=500), seeds=1)))
    assert not isinstance(info, str) and pareto.ALONE in info.caption and "?" not in info.caption
    drawn = str(pareto.draw(info).to_json())
    assert "one seed" in drawn and "of draws" not in drawn
    assert pareto.table(info)["share of draws on it"].isna().all()


def test_survival_ends_at_the_share_that_generalised(odd_tables):
    info = survival.prepare(odd_tables["quickstart"])
    hard = dict(info.panels)["hard"]
    shares = {line.label: 1 - line.curve.share[-1] if len(line.curve.share) else 0.0 for line in hard}
    assert shares["0"] == pytest.approx(0.6) and shares["0.1"] == 1 and shares["1"] == 0


def test_time_to_goal_at_two_thresholds(store):
    name = filled(store, lambda arm, weight, seed: Truth(grok=500, acc=0.93 if seed == 0 else 1.0), weights=(0.0, 0.1))
    tables = collect(store, name)
    info = time_to_goal.prepare(tables)
    assert [title for title, _ in info.panels] == ["test accuracy ≥ 0.9", "test accuracy ≥ 0.95"]
    (_, mild), (_, strict) = info.panels
    assert [len(point.times) for _, points in mild for point in points] == [3] * 4
    assert [len(point.censored) for _, points in strict for point in points] == [1] * 4
    assert mild[0][1][0].median.value == 500 and list(tables.done["event"]) == [False, True, True] * 4


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("penalties.compute.weight", "λ (compute)"),
        ("penalties.routing.kind", "routing penalty"),
        ("penalties.spectral.k", "spectral k"),
        ("model.kind", "model"),
        ("model.feed_forward.kind", "feed-forward"),
        ("model.feed_forward.state_width", "feed forward state width"),
        ("model.scope", "gate scope"),
        ("model.gate_init", "gate init"),
        ("task.operation", "operation"),
        ("task.p", "p"),
        ("optim.roles.gate.weight_decay", "weight decay (gate)"),
        ("<x>.y", "y"),
    ],
)
def test_paths_in_words(path, told):
    assert axis_word(path) == told


def test_measures_over_training_draw_what_was_measured_and_logarithms_where_all_is_positive(store):
    """Of the curvature only what is there; a trace that is somewhere negative keeps its row linear."""
    folder = Folder(store, arms=("all",))
    run_id = folder.add("all", {WEIGHT: 0.1}, 0, Truth(missing=True))
    extra = {"jacobian_norm": 5.0, "hessian_trace": -1.0, "weight_norm": 3.0, "role_norm/weight": 2.0, "adam_snr": 0.5, "diagonal_energy": 0.7}
    folder.finish(run_id, [row | extra for row in rows_of(Truth(), 0)], Budget.model_validate(BUDGET))
    tables = collect(store, folder.write())
    info = curvature.prepare(tables)
    assert [(panel.y_label, panel.log) for panel in info.panels] == [("Jacobian norm", True), ("weight Hessian trace", False)]
    assert "yaxis" in json.loads(curvature.draw(info).to_json())["layout"] and info.panels[1].y_range[0] < -1
    assert "Fisher" not in info.caption and "Standard errors" not in info.caption  # none were measured
    assert "ollapsed" not in norms.prepare(tables).caption
    assert [panel.y_label for panel in norms.prepare(tables).panels] == ["weight norm", "norm of matrices"]
    assert [panel.y_label for panel in optimizer.prepare(tables).panels] == ["signal to noise"]
    assert [panel.y_label for panel in spectra.prepare(tables).panels] == ["diagonal energy"]


def test_words():
    assert axis_word("penalties.compute.weight") == "λ (compute)" and axis_word("model.gate_init") == "gate init"
    assert [value_word(value) for value in (None, 1e-3, 1e-7, 2.5e-7, "<x>", True)] == ["none", "0.001", "10⁻⁷", "2.5·10⁻⁷", "&lt;x&gt;", "true"]
    assert (steps_word(inf), steps_word(1234.0)) == ("not reached", "1,234")


def test_each_measure_begins_a_row(store):
    """Five panels a measure, at most three abreast: the sixth place of each stays empty."""
    folder = Folder(store, arms=tuple("abcde"))
    for arm in folder.arms:
        folder.add(arm, {WEIGHT: 0.1}, 0, Truth())
        folder.add(arm, {WEIGHT: 0.2}, 0, Truth())
    info = depth.prepare(collect(store, folder.write()))
    assert info.n_columns == 3 and [place is None for place in info.places] == [index % 6 == 5 for index in range(18)]
    wide, narrow = (json.loads(depth.draw(info, narrow).to_json()) for narrow in (False, True))
    assert wide["data"] == narrow["data"] and wide["layout"]["yaxis6"]["title"]["text"] == "functional depth"


def test_the_line_of_one_half_lies_between_the_cells_it_parts(store):
    """Over two axes, and within the rows of an axis without an order, the same in all views; none where all generalise."""
    folder = Folder(store, axes=(WEIGHT, "model.depth"), arms=("all",))
    for weight, layers, seed in product((0.01, 0.1, 1.0, 10.0), (2, 4, 6), range(4)):
        folder.add("all", {WEIGHT: weight, "model.depth": layers}, seed, Truth(grok=400 if weight < 0.5 else None))
    tables = collect(store, folder.write())
    info = phase.prepare(tables, view="probability")
    (facet,) = info.facets
    (edge,) = facet.edges
    assert edge.upright and ((edge.x > 1) & (edge.x < 2)).all() and "generalises by the budget is 1/2, fitted" in info.caption
    assert (edge.low <= edge.x).all() and (edge.x <= edge.high).all() and edge.y[0] == 0 and edge.y[-1] == 2
    (turned,) = phase.prepare(tables, x="model.depth", y=WEIGHT, view="probability").facets[0].edges
    assert not turned.upright and np.allclose(turned.y, edge.x) and np.allclose(turned.x, edge.y)
    for view in phase.VIEWS:
        told = phase.prepare(tables, view=view)
        assert told.facets[0].edges[0].x.tolist() == edge.x.tolist() and told.caption.startswith(info.caption.split(". ")[0])
        assert [trace.line.dash for trace in phase.draw(told).data if trace.type == "scatter" and trace.line.color == "#D55E00"] == ["dot", None]
    assert len(tables.lines) == 2  # as y over x and as x over y: each fitted once, whatever is drawn of it
    name = filled(store, lambda arm, weight, seed: Truth(grok=400 if weight < 0.05 or arm == "soft" else None), name="rows", seeds=4)
    (edge,) = phase.prepare(collect(store, name), view="probability").facets[0].edges
    assert edge.upright and edge.y.tolist() == [0.5, 1.5] and 1 < edge.x[0] < 2 and edge.low[0] <= edge.x[0] <= edge.high[0]
