"""The report of one run: what its figures compute, what its page says, and who is meant by a name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analysis.commands import report
from analysis.one_run import one_run
from analysis.run_figures import curvature, depth_of_inputs, gates, optimizer, over_pairs, routing, spectral_analysis, training_curves, weight_norms
from analysis.run_figures.drawing import _stacked, _values_axis
from analysis.run_figures.panels import Bars, Curve, Heat, Lines, span
from analysis.run_findings import findings
from analysis.run_report import drawn, write
from lal.config import parse, run_id
from lal.errors import Refused
from lal.runs.session import attempt
from lal.store import Store
from tests.analysis.synthetic import Truth, filled
from tests.analysis.synthetic_run import HEADS, LAYERS, UNITS, arrays_of, written
from tests.analysis.test_report import Page

NAMES = ["training_curves", "routing_layer_1", "routing_layer_2", "gates", "depth_of_inputs", "spectral_analysis", "weight_norms", "curvature", "optimizer"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that has everything, and its store."""
    store = Store(tmp_path_factory.mktemp("whole"))
    return store, one_run(store, written(store))


def info_of(member, run):
    """The only Info of a figure."""
    (info,) = member.prepare(run)
    return info


def panel(info, title: str):
    """The panel with this title."""
    return next(each for each in info.panels if each.title == title)


def test_every_figure_draws_wide_and_narrow_with_the_same_traces(whole):
    figures, left_out = drawn(whole[1])
    assert [each.name for each in figures] == NAMES and left_out == []
    for each in figures:
        wide, narrow = (json.loads(fig.to_json()) for fig in (each.wide, each.narrow))
        assert wide["data"] == narrow["data"] and wide["data"], each.name
        assert each.caption.endswith(".") and "<td" in each.table and wide["layout"]["height"] < narrow["layout"]["height"] < 4000, each.name


@pytest.mark.parametrize("narrow", [False, True])
def test_no_panel_stands_on_another(whole, narrow):
    """Domains of all axes are within the figure, and disjoint in x or in y."""
    for figure in drawn(whole[1])[0]:
        layout = (figure.narrow if narrow else figure.wide).layout
        boxes = [(layout[name].domain, layout[name.replace("xaxis", "yaxis")].domain) for name in layout if name.startswith("xaxis")]
        assert all(0 <= low < high <= 1 for box in boxes for low, high in box), figure.name
        for index, (x, y) in enumerate(boxes):
            apart = [x[1] <= u[0] or u[1] <= x[0] or y[1] <= v[0] or v[1] <= y[0] for u, v in boxes[:index]]
            assert all(apart), figure.name


def test_training_curves_have_marks_and_begin_after_step_0(whole):
    info = info_of(training_curves, whole[1])
    assert info.marks == ((100, "memorised"), (500, "generalised"))
    assert "at which it memorised (train accuracy ≥ 0.99) and generalised (test accuracy ≥ 0.95, 5 evaluations in a row)." in info.caption
    assert [(each.label, each.dash) for each in panel(info, "accuracy").curves] == [("train", "dot"), ("test", "solid")]
    assert all(each.steps[0] == 25 for one in info.panels for each in one.curves)


def test_routing_shows_each_head_on_its_pairs_at_the_first_middle_and_last_snapshot(whole):
    infos = routing.prepare(whole[1])
    assert len(infos) == LAYERS and len(infos[0].panels) == 3 * HEADS and infos[0].n_columns == HEADS
    last = infos[0].panels[-HEADS]
    assert last.title == "head 1 · step 1,500" and last.values.shape == (11, 11)
    arrays = arrays_of(1500, 11)
    a, b = 3, 8
    row = np.flatnonzero((arrays["tokens"] == [a, b]).all(1))[0]
    assert last.values[a, b] == np.float32(arrays["routing"][0, row, 0])


@pytest.mark.parametrize(("steps", "chosen"), [([5], [5]), ([0, 10], [0, 10]), ([0, 10, 100, 1000], [0, 100, 1000]), ([0], [0]), ([1, 2, 3], [1, 2, 3])])
def test_the_middle_snapshot_is_that_of_the_logarithm(steps, chosen):
    assert over_pairs.ends_and_middle(steps) == chosen


def test_beyond_a_million_numbers_only_the_last_snapshot_is_drawn(whole, monkeypatch):
    monkeypatch.setattr(routing, "MOST_NUMBERS", 11 * 11 * HEADS * LAYERS * 3 - 1)
    assert [len(each.panels) for each in routing.prepare(whole[1])] == [HEADS] * LAYERS


def test_several_operations_have_a_heatmap_each_and_three_operands_none(store):
    run = one_run(store, written(store, {"seed": 1}, operations=2))
    both = one_run_with(run, operation="add+multiply", operands=2)
    assert "on every pair (a, b): yellow" in routing.prepare(both)[0].caption
    read = replace(both, config={**both.config, "model": {"kind": "transformer"}})
    assert "on every pair (a, b) at the position that the answer is read from: yellow" in routing.prepare(read)[0].caption
    assert [each.title for each in routing.prepare(both)[0].panels][: 2 * HEADS : HEADS] == ["head 1 · add · step 0", "head 1 · multiply · step 0"]
    three = one_run_with(one_run(store, written(store, {"seed": 2, "task": {"p": 5}}, operands=3)), operation="add", operands=3)
    assert "3 operands, and a heatmap is over two" in routing.prepare(three)
    info = info_of(depth_of_inputs, three)
    assert not any(isinstance(each, Heat) for each in info.panels) and "not drawn over pairs: it has 3 operands" in info.caption


def one_run_with(run, **task):
    """`run`, as if its task were another."""
    return replace(run, config={**run.config, "task": {**run.config["task"], **task}})


def test_pairs_that_a_task_leaves_out_are_empty():
    from analysis.snapshots import pairs

    tokens = np.array([[a, b] for a in range(5) for b in range(1, 5)], np.int16)
    ((name, grid),) = pairs({"task": {"operation": "divide"}}, tokens).grids(np.ones(20))
    assert name == "" and np.isnan(grid[:, 0]).all() and (grid[:, 1:] == 1).all()


def test_gates_of_units_are_sorted_by_their_last_values(whole):
    info = info_of(gates, whole[1])
    layers, units = panel(info, "gates of layers"), panel(info, "units of layer 2")
    assert layers.values.shape[0] == LAYERS and units.values.shape == (UNITS, 4)
    assert (np.diff(units.values[:, -1]) <= 0).all() and units.values[0, -1] == arrays_of(1500, 11)["gates"][1].max()


def test_units_of_one_snapshot_are_bars(store):
    units = panel(info_of(gates, one_run(store, written(store, snapshots=(1500,)))), "units of layer 1, step 1,500")
    assert isinstance(units, Bars) and (np.diff(units.values) <= 0).all()


def test_depth_of_inputs_is_the_sum_of_their_gates(whole):
    info = info_of(depth_of_inputs, whole[1])
    arrays = arrays_of(1500, 11)
    depth = arrays["input_gates"].astype(np.float32).sum(0)
    drawn_depth = panel(info, "depth · step 1,500")
    assert drawn_depth.values[7, 2] == depth[7 * 11 + 2] and f"mean {depth.mean():.2f}" in info.caption
    assert panel(info, "inputs by depth").values.sum() == pytest.approx(1)
    right = depth[arrays["correct"]].mean()
    assert f"answered right use {right:.2f} layers" in info.caption


def test_spectra_put_frequency_0_in_the_middle_and_key_frequencies_in_another_colour(whole):
    info = info_of(spectral_analysis, whole[1])
    logits, embedding = panel(info, "spectrum of the centred logits"), panel(info, "spectrum of the embedding")
    assert logits.x.tolist() == list(range(-5, 6)) and embedding.chosen == {2.0, 5.0}
    brightest = np.unravel_index(np.argmax(logits.values), logits.values.shape)
    assert abs(logits.y[brightest[0]]) == 2 and logits.y[brightest[0]] == logits.x[brightest[1]]
    assert panel(info, "spectrum of the embedding over training").values.shape == (5, 4)


def test_norms_of_a_group_are_those_of_its_tensors_together(whole):
    info = info_of(weight_norms, whole[1])
    assert [each.title for each in info.panels][-3:] == ["embedding, readout and others", "blocks 1", "blocks 2"]
    (out,) = panel(info, "blocks 1").curves
    row = whole[1].rows.iloc[-1]
    assert out.label == "attention out"
    assert out.values[-1] == pytest.approx(np.hypot(row["weight_norm/blocks.0.attention.out.weight"], row["weight_norm/blocks.0.attention.out.bias"]))


def test_tensors_are_grouped_by_part_and_layer():
    columns = [f"weight_norm/{name}" for name in ("norms.0.weight", "norms.0.bias", "norms.1.weight", "heads.0.up", "heads.0.up_bias", "out.weight")]
    assert weight_norms.grouped(columns) == {
        "norms": {"1": columns[:2], "2": columns[2:3]},
        "heads 1": {"up": columns[3:5]},
        "embedding, readout and others": {"out": columns[5:]},
    }


def test_estimates_have_bands_of_95_percent_and_signs_keep_an_axis_linear(whole):
    """Student's of a few groups of rows, where the standard error is of these; else the normal's, of many rows."""
    from lal.metrics.sample import GROUPS

    info = info_of(curvature, whole[1])
    (trace,), (of_inputs,) = (panel(info, f"{what} Hessian trace").curves for what in ("weight", "input"))
    assert trace.spread == pytest.approx(3.182446 * 15) and trace.values.min() < 0 and of_inputs.spread == pytest.approx(1.96 * 0.3)
    assert panel(info, "Jacobian norm").curves[0].spread == pytest.approx(1.96 * 0.1)
    assert f"of {GROUPS} groups of rows alone, and so 3.18 standard errors wide" in info.caption and curvature.GROUPS == GROUPS
    alone = replace(whole[1], rows=whole[1].rows[["step", "grad_norm"]])
    assert info_of(curvature, alone).caption == "Gradient: of the loss in the weights."
    assert panel(info, "Fisher trace").is_log and not Lines("", (trace,), log=True).is_log
    assert [each.title for each in info_of(optimizer, whole[1]).panels][:3] == ["signal to noise", "effective learning rate", "update / decay"]


def test_span_passes_over_what_is_not_finite():
    assert span([np.array([np.nan, 2.0]), np.array([np.inf, 5.0])]) == (2.0, 5.0)
    assert span([np.array([3.0])]) == (2.5, 3.5) and span([np.array([np.nan])]) == span([]) == (0.0, 1.0)


def test_findings_tell_times_delay_depth_and_frequencies(whole):
    told = " ".join(findings(whole[1]))
    for words in (
        "Memorised (train accuracy 0.99 or better) at step 100 (between 75 and 100).",
        "at step 500 (between 475 and 500).",
        "The delay after memorising is 400 steps, 5.0 times as late.",
        "The sum of gates ends at 4 of 2; 4 layers are needed.",
        "Key frequencies at the end: 2, 5.",
        "90 % of the centred logits",
    ):
        assert words in told


def with_rows(run, **columns):
    """`run`, whose last rows have these values, one list a column, and at the others none."""
    rows = run.rows.copy()
    for name, values in columns.items():
        rows[name] = [None] * (len(rows) - len(values)) + values
    return replace(run, rows=rows)


def test_a_network_at_chance_is_not_said_to_need_no_layer(whole):
    told = [findings(with_rows(whole[1], functional_depth=[0.0], test_acc=[acc])) for acc in (0.05, 0.5)]
    assert not any("needed" in each for each in told[0]) and any("0 layers are needed" in each for each in told[1])


def test_a_network_that_never_grew_is_not_said_to_have_grown(whole):
    for counts, words in (([1.0, 1.0], "It did not grow: it has 1 layer, as at the beginning."), ([1.0, 3.0], "It grew from 1 to 3 layers.")):
        assert words in findings(with_rows(whole[1], layers_present=counts))


def test_beyond_eight_open_gates_at_most_so_many_layers_are_needed(whole):
    for n_open, words in ((8, "; 5 layers are needed"), (9, "; at most 5 layers are needed")):
        run = with_rows(whole[1], functional_depth=[5.0], gate_values=[[0.01] * n_open + [0.0] * 3])
        assert any(words in each for each in findings(run))
        assert ("at most so many layers" in info_of(gates, run).caption) == (n_open == 9)


def test_accuracies_that_are_set_side_by_side_are_of_one_step(whole):
    """Routing by the heaviest head was measured once, before the end."""
    run = with_rows(whole[1], routing_entropy_norm=[0.5], effective_heads=[2.0], hard_acc=[0.4, None], test_acc=[0.6, 0.9], operation_specialisation=[0.2])
    told = " ".join(findings(run))
    assert "with the heaviest head alone, test accuracy is 0.4 instead of 0.6 (step 1,475)." in told
    assert "tells 0.2 nats of which operation" in told
    assert "heads by operation (nats)" in [each.title for each in info_of(training_curves, run).panels]


@pytest.mark.parametrize("model", [{"kind": "routed", "choice": "hard"}, {"kind": "transformer", "feed_forward": {"kind": "routed", "choice": "hard"}}])
def test_of_a_hard_choice_nothing_is_told_that_is_so_by_construction(whole, model):
    run = with_rows(whole[1], routing_entropy_norm=[0.0], effective_heads=[2.0], hard_acc=[0.9], test_acc=[0.9], operation_specialisation=[0.2])
    told = " ".join(findings(replace(run, config={**run.config, "model": model})))
    assert "The choice of heads is hard: each input takes one in each layer, over 2 effective heads" in told and "tells 0.2 nats" in told
    assert "entropy" not in told and "heaviest" not in told


def test_layers_that_are_not_grown_yet_are_blank(whole):
    run = with_rows(whole[1], gate_values=[[0.9, 0.0], [0.9, 0.8]], layers_present=[1.0, 2.0])
    heat = panel(info := info_of(gates, run), "gates of layers")
    assert np.isnan(heat.values).tolist() == [[False, False], [True, False]] and "had not grown yet" in info.caption
    assert "had not grown yet" not in info_of(gates, with_rows(run, layers_present=[2.0, 2.0])).caption


def test_titles_that_are_too_long_for_their_panel_are_stacked():
    assert _stacked("head 1 · multiply · step 800", 110) == ["head 1", "multiply", "step 800"]
    assert _stacked("head 1 · multiply · step 800", 150) == ["head 1 · multiply", "step 800"]


def test_what_is_0_throughout_is_drawn_at_0_and_nothing_below(whole):
    zero = Curve("x", np.array([20.0, 800.0]), np.zeros(2))
    for limits in ({}, {"low": 0.0}, {"low": 0.0, "high": 1.0}):
        low, high = _values_axis(Lines("", (zero,), **limits))["range"]
        assert -0.06 < low < 0 and 1 < high < 1.1


def test_findings_of_a_run_that_never_generalised(store):
    told = " ".join(findings(one_run(store, written(store, truth=Truth(grok=None, memorise=10**6)))))
    assert "It never memorised: train accuracy 0.99 was not reached." in told and "It did not generalise" in told and "up to step 1,500." in told


def test_the_page_says_how_to_compute_it_anew_and_asks_the_network_for_nothing(whole):
    store, run = whole
    path = Path(write(store, run.run_id, png=False).where)
    page = Page(path.read_bytes())
    assert path == store.place.root / "runs" / run.run_id / "report.html" and set(page.specs()) == set(NAMES)
    assert f"lal train {store.place.root}/runs/{run.run_id}/rerun.json --results elsewhere" in page.text and "0123456789ab" in page.text
    assert not any(tag in ("link", "iframe", "img", "form") for tag, _ in page.tags) and "http" not in json.dumps(page.specs())
    assert Path(write(store, run.run_id, png=False).where).read_bytes() == path.read_bytes()


def test_pictures_have_the_names_of_figures(store, monkeypatch):
    monkeypatch.setattr("analysis.report.pictures", lambda figures: [b"\x89PNG" for _ in figures])
    name = written(store)
    assert write(store, name).no_pictures is None
    assert store.names(f"runs/{name}/plots") == sorted(f"{each}.png" for each in NAMES)


@pytest.mark.parametrize("png", [True, False])
def test_pictures_of_an_earlier_report_do_not_stay_beside_a_new_page(store, monkeypatch, png):
    monkeypatch.setattr("analysis.run_report.drawn", lambda run: ([], ["nothing was measured"]))
    monkeypatch.setattr("analysis.report.pictures", lambda figures: [])
    name = written(store)
    store.put(f"runs/{name}/plots/routing_layer_9.png", b"PNG")
    store.put(f"runs/{name}/plots/notes.txt", b"mine")
    write(store, name, png=png)
    assert store.names(f"runs/{name}/plots") == ["notes.txt"]


def test_later_measurements_are_merged_by_step_and_damaged_ones_told(store):
    from lal.store import encoded

    name = written(store)
    folder = store.run(name)
    folder.put_bytes("measured/rank.parquet", encoded([{"step": 500, "rank": 7.0}, {"step": 510, "rank": 8.0}, {"step": 1500, "rank": 9.0, "train_acc": -1.0}]))
    folder.put_bytes("measured/broken.parquet", b"PAR1")
    run = one_run(store, name)
    assert run.rows["rank"].dropna().tolist() == [7.0, 9.0] and run.last("train_acc") == 1.0 and run.unread == ("broken",)
    assert "Later measurements of broken cannot be read" in findings(run)[-1]


def test_a_damaged_snapshot_is_passed_over(store):
    name = written(store)
    store.run(name).put_bytes("arrays/step-000001000.npz", b"PK no")
    run = one_run(store, name)
    assert run.snapshots.of("routing") == [0, 500, 1500] and run.snapshots.damaged == (1000,)
    assert findings(run)[-1] == "Of 4 snapshots 1 cannot be read (step 1,000); figures leave them out."
    for step in (0, 500, 1500):
        store.run(name).put_bytes(f"arrays/step-{step:09d}.npz", b"PK no")
    run = one_run(store, name)
    assert findings(run)[-1] == "Of 4 snapshots 4 cannot be read (step 0, 500, 1,000, 1,500); figures leave them out."
    assert depth_of_inputs.prepare(run) == "it kept snapshots, but none of 4 can be read, so there are no maps of the depth of inputs"


def test_a_run_without_arrays_or_later_metrics_has_what_it_has(store):
    config = parse({"task": {"p": 5, "train_frac": 0.6}, "measure": {"eval_every": 5}, "budget": {"steps": 20}, "model": {"kind": "mlp", "width": 6}})
    attempt(config, store)
    figures, left_out = drawn(one_run(store, run_id(config)))
    assert {"training_curves", "weight_norms"} <= {each.name for each in figures} and any("no gates" in each for each in left_out)
    assert len(left_out) >= 3


def test_what_computes_a_run_anew_is_that_very_run(store):
    """The file is a sweep of one run, which has the same id."""
    from launch.sweep import load

    config = parse(
        {"task": {"p": 5, "train_frac": 0.6}, "measure": {"eval_every": 5}, "budget": {"steps": 10}, "model": {"kind": "routed", "width": 6}, "seed": 3}
    )
    attempt(config, store)
    name = run_id(config)
    write(store, name, png=False)
    (point,) = load(str(store.place.root / "runs" / name / "rerun.json"), None, []).runs
    assert run_id(point.config) == name and point.config.budget == config.budget


def report_on(*words: str) -> str:
    """What `lal report` said."""
    return CliRunner().invoke(report, [*words, "--no-png"], catch_exceptions=False, standalone_mode=False).output


def test_a_run_is_meant_by_its_id_its_beginning_or_its_folder(whole):
    store, run = whole
    page = store.place.root / "runs" / run.run_id / "report.html"
    for words in ((run.run_id, "--results", str(store.place.root)), (run.run_id[:7], "--results", str(store.place.root)), (str(page.parent),)):
        assert report_on(*words).endswith(f"Report: {page}\n")


def test_a_name_that_means_two_things_is_refused(store):
    first, second = written(store), written(store, {"seed": 1})
    root = ("--results", str(store.place.root))
    with pytest.raises(Refused, match=f"begins 2 of them: {first}"):
        report_on(first[:5], *root)
    with pytest.raises(Refused, match=f"did you mean '{second}'"):
        report_on(f"{second[:-1]}x", *root)
    with pytest.raises(Refused, match="--profile is of sweeps"):
        report_on(first, "--profile", "laptop", *root)
    filled(store, lambda *_: Truth(), weights=(0.0,), seeds=1, name=first)
    with pytest.raises(Refused, match=f"both are called '{first}'; write .*/sweeps/{first} or .*/runs/{first}"):
        report_on(first, *root)
    filled(store, lambda *_: Truth(), weights=(0.0,), seeds=1, name=first[:5])
    assert report_on(first[:5], *root).endswith(f"sweeps/{first[:5]}/report.html\n")


def test_an_unfinished_run_is_told_so_and_an_empty_one_refused(store):
    from lal.store import encoded
    from tests.analysis.synthetic import rows_of

    name = written(store)
    folder = store.run(name)
    store.remove(f"{folder.path}/record.json")
    store.remove(f"{folder.path}/history.parquet")
    with pytest.raises(Refused, match="none are there yet"):
        one_run(store, name)
    folder.put_bytes("history/part-00000.parquet", encoded(rows_of(Truth(), 0, 700)))
    run = one_run(store, name)
    assert "not finished: what is shown ends at step 700" in findings(run)[0] and run.snapshots.steps == (0, 500)
