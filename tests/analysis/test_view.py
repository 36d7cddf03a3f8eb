"""The visualizer without a browser: what there is to choose from, what is read of it, how runs are drawn together, and who is answered."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import nan
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from analysis import collect, table_files
from analysis.figures import pareto, phase
from analysis.once import once
from analysis.one_run import OneRun
from analysis.run_figures import weight_norms
from analysis.run_figures.drawing import draw
from analysis.run_figures.panels import Curve, Info, Lines
from analysis.visualizer import maps
from analysis.visualizer.beforehand import beforehand
from analysis.visualizer.columns import known_rows
from analysis.visualizer.commands import view
from analysis.visualizer.curves import curves, drawn_runs
from analysis.visualizer.looking import Look, looked_at, smoothed
from analysis.visualizer.maps import cell_of, pareto_map, phase_map, usual
from analysis.visualizer.naming import told
from analysis.visualizer.results import source_at
from analysis.visualizer.serving import app_of, bound
from analysis.visualizer.showing import Asked, of_sweep, read
from analysis.visualizer.tabs import CURVES, figures
from analysis.visualizer.together import Drawn, together
from lal.budget import Budget
from lal.errors import Refused
from lal.store.codec import table
from tests.analysis.synthetic import WEIGHT, Folder, Truth, filled, rows_of


@pytest.fixture
def looked(odd_store):
    """A source and the catalogue of results like the quickstart's."""
    source, _ = source_at(odd_store.address)
    return source, source.catalogue("quickstart")


@pytest.mark.parametrize(
    ("path", "group", "point", "seed"),
    [
        ("p17_lr3e-4_wd1.0", "p, lr, wd", (("p", 17), ("lr", 0.0003), ("wd", 1)), None),
        ("transformer_p113_s2", "transformer", (("p", 113),), 2),
        ("routed_entropy_0.01_seed_3", "routed", (("entropy", 0.01),), 3),
        ("sweep a/wd=0.5", "sweep a / wd", (("wd", 0.5),), None),
        ("baseline", "baseline", (), None),
    ],
)
def test_names_tell_groups_points_and_seeds(path, group, point, seed):
    found = told(path)
    assert (found.group, found.point, found.seed) == (group, point, seed)


def test_experiments_are_the_points_of_arms_with_all_their_seeds(looked):
    _, catalogue = looked
    assert catalogue.groups == ("soft", "hard") and len(catalogue.experiments) == 11 and {len(each.runs) for each in catalogue.experiments} == {5}
    assert [each.word for each in catalogue.found(["hard"], "λ 0.03")] == ["hard, λ = 0.03"]
    assert catalogue.first() == [0, 4]
    assert [(each.number, runs) for each, runs in catalogue.chosen([2, 999], [3])] == [(2, [13])]


def test_all_tabs_draw_what_runs_have_and_say_what_they_lack(looked):
    source, catalogue = looked
    for tab in CURVES:
        found = curves(source, "quickstart", catalogue, tab, catalogue.chosen([0, 4], [0, 1]), Look())
        assert found.last == 3000 and [label for label, _ in found.legend] == ["soft, λ = 0", "soft, λ = 1"]
        assert (tab in ("training", "routing")) == bool(found.infos) == (not found.told)
        assert all(len(draw(info).data) for info in found.infos)


def test_a_range_without_an_evaluation_is_told(looked):
    source, catalogue = looked
    found = curves(source, "quickstart", catalogue, "training", catalogue.chosen([0], [0]), Look(first=1, last=1))
    assert not found.infos and found.told == ("Nothing is drawn of this kind: no evaluation lies in steps 1 to 1; widen the range",)


def test_a_run_that_cannot_be_drawn_leaves_the_others(looked, monkeypatch):
    source, catalogue = looked
    odd = source.run("quickstart", catalogue.experiments[0].runs[0])

    def of(run, tab):
        if run is odd:
            raise ValueError("five dimensions")
        return figures(run, tab)

    monkeypatch.setattr("analysis.visualizer.curves.figures", of)
    found = curves(source, "quickstart", catalogue, "training", catalogue.chosen([0], [0, 1]), Look())
    assert found.infos and "1 of 2 runs cannot be drawn: " in found.told[0] and "five dimensions" in found.told[0]


def test_weight_norms_before_training_alone_are_told(looked):
    source, catalogue = looked
    run = source.run("quickstart", catalogue.experiments[0].runs[0])
    assert isinstance(run, OneRun)
    before = replace(run, rows=run.rows.iloc[:1].assign(**{"weight_norm/a.weight": 1.0}))
    assert weight_norms.prepare(before) == "its weight norms were measured before training alone"


def test_no_more_runs_are_drawn_than_can_be_read_and_it_is_said(looked):
    source, catalogue = looked
    chosen = catalogue.chosen([each.number for each in catalogue.experiments], [])
    kept = drawn_runs(chosen)
    assert len(kept) == 40 and len({experiment.number for experiment, _ in kept}) == 11  # of 55; none is left out whole
    found = curves(source, "quickstart", catalogue, "training", chosen, Look(median=True))
    assert found.told[0].startswith("40 of the 55 chosen runs are drawn") and len(found.legend) == 11


def info(*curves_: Curve, title: str = "loss") -> Info:
    return Info("training_curves", "Training", (Lines(title, curves_),), "caption")


def drawn(order: int, seed: int, *values: float) -> Drawn:
    steps = np.arange(1.0, len(values) + 1)
    return Drawn(f"cell {order}", seed, order, (info(Curve("train", steps, np.array(values), 0, "dot"), Curve("test", steps, np.array(values) + 1, 1)),))


def test_runs_share_panels_a_colour_an_experiment_and_a_dash_a_kind():
    (found,) = together([drawn(0, 0, 1, 2, 3), drawn(0, 1, 3, 4, 5), drawn(1, 0, 5, 6, 7)], medians=False)
    (panel,) = found.panels
    assert [(each.order, each.dash) for each in panel.curves] == [(0, "dot"), (0, "solid")] * 2 + [(1, "dot"), (1, "solid")]
    assert not panel.told and "test" in panel.title and (panel.curves[2].label, panel.curves[2].seed) == ("cell 0: train", 1)
    assert found.caption.startswith("A colour an experiment;")
    (of_one,) = together([drawn(0, 0, 1, 2, 3), replace(drawn(1, 1, 3, 4, 5), label="cell 0")], medians=False)
    assert of_one.caption.startswith("A colour a seed;")
    (found,) = together([drawn(0, 0, 1, 2, 3), drawn(0, 1, 3, 4, 5), drawn(1, 0, 5, 6, 7)], medians=True)
    assert [each.values.tolist() for each in found.panels[0].curves] == [[2, 3, 4], [3, 4, 5], [5, 6, 7], [6, 7, 8]]


def test_lines_of_several_seeds_are_one_trace_with_gaps_that_tells_whose_each_is():
    (found,) = together([drawn(0, 7, 1, 2, 3), drawn(0, 9, 3, 4), drawn(1, 7, 5, 6)], medians=False)
    traces = draw(found).data
    assert [(each.name, each.line.dash) for each in traces] == [
        (f"cell {k}: {kind}", dash) for k in (0, 1) for kind, dash in (("train", "dot"), ("test", "solid"))
    ]
    assert [*traces[0].x] == pytest.approx([1, 2, 3, nan, 1, 2, nan], nan_ok=True) and [*traces[0].y] == pytest.approx([1, 2, 3, nan, 3, 4, nan], nan_ok=True)
    assert [*traces[0].customdata] == [7] * 4 + [9] * 3 and traces[0].hovertemplate.startswith("cell 0: train, seed %{customdata}: ")


def test_kinds_beyond_the_dashes_have_panels_of_their_own():
    steps = np.arange(1.0, 4.0)
    runs = [Drawn(f"cell {order}", None, order, (info(*(Curve(f"part {kind}", steps, steps, kind) for kind in range(5))),)) for order in range(2)]
    (found,) = together(runs, medians=False)
    assert [panel.title for panel in found.panels] == [f"loss · part {kind}" for kind in range(5)] and {len(panel.curves) for panel in found.panels} == {2}


def test_a_look_cuts_smooths_and_changes_scales():
    steps = np.array([1.0, 10.0, 100.0])
    whole = Info("x", "X", (Lines("loss", (Curve("a", steps, np.array([4.0, 2.0, 1.0])),)),), "", marks=((10, "memorised"), (100, "generalised")))
    found = looked_at(whole, Look(first=5, last=50, log_steps=False, values="log"))
    assert found is not None and found.panels[0].curves[0].steps.tolist() == [10.0] and found.marks == ((10, "memorised"),)  # type: ignore[union-attr]
    assert found.panels[0].is_log and not found.log_steps  # type: ignore[union-attr]
    axis = draw(found).layout.xaxis
    assert axis.type != "log" and axis.title.text == "step"
    assert looked_at(whole, Look(first=1000)) is None


def test_smoothing_is_the_unbiased_running_mean():
    values = np.array([1.0, 3.0, np.nan, 5.0])
    weights = [np.array([1.0]), np.array([0.5, 1.0]), np.array([0.5, 1.0]), np.array([0.125, 0.25, 1.0])]
    means = [1.0, np.average([1, 3], weights=weights[1]), np.average([1, 3], weights=weights[1]), np.average([1, 3, 5], weights=weights[3])]
    assert smoothed(values, 0.5) == pytest.approx(means) and smoothed(values, 0.0) is not None and np.isnan(smoothed(values, 0.0)[2])


def test_a_run_that_trains_is_followed_and_its_old_parts_are_read_once(store, monkeypatch):
    folder = Folder(store, arms=("soft",))
    run_id = folder.add("soft", {WEIGHT: 0.0}, 0, Truth(missing=True))
    folder.write()
    source, _ = source_at(store.address)
    assert source.run("synthetic", 0) == "nothing is saved yet"
    run, rows, versions = store.run(run_id), rows_of(Truth(), 0), []
    for index, end in enumerate((20, 40, 60)):
        run.put_part(index, rows[end - 20 : end])
        versions.append(source.version("synthetic", [0]))
        found = source.run("synthetic", 0)
        assert isinstance(found, OneRun) and len(found.rows) == end and source.run("synthetic", 0) is found
    assert len({*versions}) == 3
    reads = []
    get = type(store).get
    monkeypatch.setattr(type(store), "get", lambda self, path: (reads.append(path), get(self, path))[1])
    run.put_part(3, rows[60:80])
    assert len(source.run("synthetic", 0).rows) == 80  # type: ignore[union-attr]
    assert [path[-18:] for path in reads if "/history/" in path] == ["part-00003.parquet"]


def wait_for_tables(source, name):
    """What is known once verdicts are read."""
    deadline = time.monotonic() + 60
    while (known := source.known(name)).tables is None or "being read" in known.told:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return known


def test_verdicts_are_read_in_the_background_and_again_when_a_run_ended(store):
    folder = Folder(store, arms=("soft",))
    for seed in range(3):
        folder.add("soft", {WEIGHT: 0.0}, seed, Truth(missing=seed == 2))
    folder.write()
    source, _ = source_at(store.address)
    known = wait_for_tables(source, "synthetic")
    assert known.running and known.told.startswith("3 planned, 2 finished, 0 failed, 1 missing") and int(known.tables.cells["n"].iloc[0]) == 2
    folder.runs.pop()
    folder.add("soft", {WEIGHT: 0.0}, 2, Truth())
    again = wait_for_tables(source, "synthetic")
    assert not again.running and again.version != known.version
    assert int(again.tables.cells["n"].iloc[0]) == 3


def test_verdicts_are_read_again_when_a_run_was_continued_or_removed(store, monkeypatch):
    monkeypatch.setattr("analysis.visualizer.following.LOOK_AGAIN_S", 0)
    folder = Folder(store, arms=("soft",))
    ids = [folder.add("soft", {WEIGHT: 0.0}, seed, Truth(grok=None)) for seed in range(2)]
    folder.write()
    table_files.write(store, "synthetic", collect.collect(store, "synthetic"))
    source, _ = source_at(store.address)
    assert wait_for_tables(source, "synthetic").tables.runs["event"].tolist() == [False, False]
    for entry in folder.runs:
        entry["budget"]["steps"] *= 2
    folder.write()
    assert wait_for_tables(source, "synthetic").tables.runs["state"].tolist() == ["outgrown", "outgrown"]
    folder.finish(ids[0], rows_of(Truth(grok=500), 0, 6000), Budget.model_validate(folder.runs[0]["budget"]))
    assert wait_for_tables(source, "synthetic").tables.runs["event"].tolist() == [True, False]
    store.remove(f"runs/{ids[1]}/record.json")
    known = wait_for_tables(source, "synthetic")
    assert known.told.startswith("2 planned, 1 finished, 0 failed, 1 missing") and known.tables.runs["event"].tolist() == [True, False]


def test_verdicts_that_cannot_be_read_are_no_wait_without_end(store, monkeypatch):
    name = filled(store, lambda *_: Truth(), seeds=2)
    monkeypatch.setattr("analysis.visualizer.following.collect", lambda *_: 1 / 0)
    source, _ = source_at(store.address)
    deadline = time.monotonic() + 60
    while not (known := source.known(name)).problem:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "ZeroDivisionError" in known.told and "being read" not in known.told


def test_tables_of_the_last_report_are_taken_where_they_are_of_all_that_ended(store, monkeypatch):
    name = filled(store, lambda *_: Truth(), seeds=2)
    tables = collect.collect(store, name)
    table_files.write(store, name, tables)
    monkeypatch.setattr("analysis.visualizer.following.collect", lambda *_: pytest.fail("runs were read again"))
    source, _ = source_at(store.address)
    known = source.known(name)
    assert known.tables is not None and not known.running
    pd.testing.assert_frame_equal(known.tables.cells, tables.cells, check_dtype=False)
    for each in (known.tables, tables):
        assert len(phase_map(each, None, None, "probability", False).figure.data) > 2  # type: ignore[union-attr]
        front = pareto_map(each, *usual(each), False)
        assert not isinstance(front, str)


def test_tables_of_a_report_by_other_thresholds_are_not_taken(store):
    name = filled(store, lambda *_: Truth(), seeds=2)
    tables = collect.collect(store, name)
    table_files.write(store, name, collect.collect(store, name, 0.3, gap=0))
    known = wait_for_tables(source_at(store.address)[0], name)
    pd.testing.assert_frame_equal(known.tables.cells, tables.cells, check_dtype=False)


def test_maps_are_drawn_beforehand_as_a_page_asks_for_them(store, monkeypatch):
    name = filled(store, lambda *_: Truth(), seeds=2)
    table_files.write(store, name, collect.collect(store, name))
    source, _ = source_at(store.address)
    for rest in ("BROWSER_S", "REST_S"):
        monkeypatch.setattr(f"analysis.visualizer.beforehand.{rest}", 0)
    beforehand(source, None)
    tables = source.known(name).tables
    assert tables is not None
    _, x, y = maps.axes(tables)
    for member in (phase, pareto):
        monkeypatch.setattr(member, "draw", lambda *_: pytest.fail("it was drawn again"))
    for tab, of_map in (("phase", (x, y, "time")), ("pareto", usual(tables))):
        note, place = of_sweep(source, Asked(tab, name, (), (), Look(), False, of_map))
        assert str(note.children).startswith("Click a ") and place.children[1].children[0].figure.data


def test_what_threads_ask_for_at_once_is_made_once(odd_tables):
    made, held = [], Barrier(4)

    @once
    def slowly(_: collect.Tables, what: str) -> str:
        made.append(what)
        time.sleep(0.05)
        return what

    def ask(what: str) -> str:
        held.wait()
        return slowly(odd_tables["quickstart"], what)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, "abab")) == [*"abab"] and sorted(made) == ["a", "b"]


def test_a_front_says_what_is_crossed_beside_it(odd_tables):
    front = pareto_map(odd_tables["quickstart"], *usual(odd_tables["quickstart"]), False)
    assert not isinstance(front, str) and "Crossed, in the strip beside" in front.caption and "Without a place, because" in front.caption


def test_marks_lead_to_cells_and_nothing_else_is_believed(odd_tables):
    tables = odd_tables["quickstart"]
    found = phase_map(tables, None, None, "time", False)
    numbers = {int(number) for trace in found.figure.data if trace.customdata is not None for number in trace.customdata}  # type: ignore[union-attr]
    assert numbers == set(tables.cells["cell"])
    assert cell_of({"points": [{"customdata": 4}]}) == 4
    for click in (None, {}, {"points": []}, {"points": [{"customdata": "4"}]}, {"points": [{"customdata": True}]}):
        assert cell_of(click) is None


def test_a_page_that_asks_for_what_there_is_not_is_refused():
    given = ["training", "x", [0], [], [0, 100], 0, ["log"], "usual", None, None, "time", None, None]
    asked = read(given, False, 100)
    assert asked.look == Look(None, None, 0.0, True, "usual", False) and asked.of_map == ()
    assert read([*given[:4], [10, 50], *given[5:]], False, 100).look == replace(asked.look, first=10, last=50)
    for bad in (["exec", *given[1:]], [*given[:7], "cubic", *given[8:]]):
        with pytest.raises(Refused, match="load it again"):
            read(bad, False, 100)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:7860"}, 200),
        ({"Host": "localhost:9999"}, 200),
        ({"Host": "[::1]:7860"}, 200),
        ({"Host": "stranger.example:7860"}, 403),
        ({"Host": "127.0.0.1.stranger.example"}, 403),
        ({"Host": "127.0.0.1:7860", "Origin": "http://127.0.0.1:7860"}, 200),
        ({"Host": "127.0.0.1:7860", "Origin": "http://stranger.example"}, 403),
        ({"Host": "127.0.0.1:7860", "Origin": "null"}, 403),
    ],
)
def test_only_this_machine_is_answered(looked, headers, status):
    client = app_of(looked[0]).server.test_client()
    answer = client.get("/_dash-layout", headers=headers)
    assert answer.status_code == status


def test_pages_may_run_their_own_scripts_alone(looked):
    client = app_of(looked[0]).server.test_client()
    answer = client.get("/", headers={"Host": "127.0.0.1"})
    policy = answer.headers["Content-Security-Policy"]
    scripts = next(rule for rule in policy.split(";") if rule.strip().startswith("script-src"))
    assert "unsafe" not in scripts and "default-src 'none'" in policy and "connect-src 'self'" in policy and "http" not in policy
    assert 'src="http' not in answer.text and "//cdn" not in answer.text.replace('plotlyjs_url":"https://cdn', "")


def test_a_taken_port_and_nothing_to_show_are_told(looked, tmp_path):
    with bound(0) as taken, pytest.raises(Refused, match=r"is taken.*--port"):
        bound(taken.getsockname()[1])
    for where in (tmp_path / "empty", tmp_path / "absent"):
        with pytest.raises(Refused, match="run `lal sweep quickstart` first"):
            CliRunner().invoke(view, [str(where), "--no-browser"], catch_exceptions=False, standalone_mode=False)


def test_a_sweep_may_be_named_by_its_folder(odd_store):
    assert source_at(f"{odd_store.address}/sweeps/quickstart")[1] == "quickstart"


def test_a_damaged_manifest_is_told_and_so_is_a_damaged_run(store):
    name = filled(store, lambda *_: Truth(), weights=(0.0,), seeds=2)
    source, _ = source_at(store.address)
    catalogue = source.catalogue(name)
    store.put(f"runs/{catalogue.entries[0]['run_id']}/history.parquet", b"rubbish")
    assert source.run(name, 0) == "its history cannot be read" and isinstance(source.run(name, 1), OneRun)
    found = curves(source, name, catalogue, "training", catalogue.chosen([0], []), Look())
    assert found.infos and found.told == ("1 of 2 runs cannot be drawn: soft, seed 0: its history cannot be read",)
    assert wait_for_tables(source, name).told == "4 planned, 3 finished, 0 failed, 0 missing or under way, 1 damaged"
    store.put(f"sweeps/{name}/manifest.json", b"{")
    with pytest.raises(Refused, match="damaged"):
        source.catalogue(name)


def test_why_verdicts_cannot_be_read_is_told(store):
    name = filled(store, lambda *_: Truth(), weights=(0.0,), seeds=2)
    source, _ = source_at(store.address)
    one, other, *_ = (entry["run_id"] for entry in source.catalogue(name).entries)
    store.put(f"runs/{one}/record.json", store.get(f"runs/{other}/record.json"))  # a folder copied by hand
    deadline = time.monotonic() + 60
    while not (problem := source.known(name).problem):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    asked = Asked("phase", name, (), (), Look(), False, (None, None, "time"))
    assert "must be of the run whose folder it is in" in problem and of_sweep(source, asked)[0].children == problem


@pytest.fixture
def foreign(tmp_path):
    """Folders as another program leaves them: its own names of columns, one of them damaged."""
    for name, jump in (("p17_wd0.5_s0", 300), ("p17_wd0.5_s1", 400), ("p17_wd1.0_s0", 200), ("p17_wd1.0_s1", None)):
        folder = tmp_path / "outputs" / name
        folder.mkdir(parents=True)
        steps = np.arange(0, 1000, 20)
        right = np.where(steps >= (jump or 10**6), 1.0, 0.3)
        rows = pd.DataFrame({"epoch": steps, "train_acc": 1.0, "test_acc": right, "train_loss": 0.1, "test_loss": 1 - right, "hessian_trace": 2.0})
        rows["weight_hessian_trace"], rows["adam_ratio_mean"], rows["effective_lr_mean"], rows["layer_0_weight_norm"] = 7.0, 0.5, 0.1, 3.0
        rows.to_parquet(folder / "history.parquet")
        (folder / "config.json").write_text(json.dumps({"p": 17, "operation": "add"}))
    (tmp_path / "outputs/p17_wd2.0_s0").mkdir()
    (tmp_path / "outputs/p17_wd2.0_s0/history.parquet").write_bytes(b"rubbish")
    return tmp_path / "outputs"


def test_folders_of_another_program_are_grouped_by_their_names(foreign):
    source, _ = source_at(str(foreign))
    catalogue = source.catalogue("outputs")
    assert catalogue.groups == ("p, wd",) and [each.word for each in catalogue.experiments] == ["wd = 0.5", "wd = 1", "wd = 2"] and catalogue.seeds == (0, 1)
    found = curves(source, "outputs", catalogue, "curvature", catalogue.chosen([0, 1, 2], []), Look())
    titles = [panel.title for info in found.infos for panel in info.panels]
    assert titles == ["input Hessian trace", "weight Hessian trace"] and "wd = 2: history.parquet is damaged" in found.told[0]
    tables = source.known("outputs").tables
    assert tables.runs["t_grok"].tolist()[:3] == [300, 400, 200] and tables.runs["state"].tolist() == ["done"] * 4 + ["damaged"]
    assert not isinstance(phase_map(tables, None, None, "time", False), str)


def test_words_in_names_of_folders_may_be_those_of_columns(tmp_path):
    for name in ("routed_p17_s0", "routed_p31_s0"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "history.json").write_text('[{"step": 10, "test_acc": 0.25, "train_loss": 1.0}, {"step": 20, "test_acc": 0.5, "train_loss": 0.5}]')
    source, name = source_at(str(tmp_path))[0], tmp_path.name
    assert [each.word for each in source.catalogue(name).experiments] == ["p = 17", "p = 31"]
    tables = source.known(name).tables
    assert len(phase_map(tables, None, None, "probability", False).figure.data) > 0  # type: ignore[union-attr]
    front = str(pareto_map(tables, *usual(tables), False).figure.to_json())  # type: ignore[union-attr]
    assert "p = 17" in front and "p = 31" in front


def asked_of(client, output: str, **values: object):
    """The answer of a page's server to what a page asks for, of which `values` are not None."""
    own = {"Host": "127.0.0.1:7860"}
    spec = next(each for each in client.get("/_dash-dependencies", headers=own).get_json() if each["output"].startswith(output))
    names = [name.rsplit(".", 1) for name in spec["output"].strip(".").split("...")]
    given = {kind: [{**each, "value": values.get(each["id"])} for each in spec[kind]] for kind in ("inputs", "state")}
    outputs = [{"id": name, "property": prop} for name, prop in names]
    return client.post("/_dash-update-component", headers=own, json={"output": spec["output"], "outputs": outputs, "changedPropIds": [], **given})


def test_what_cannot_be_drawn_is_told_in_its_place_and_what_was_there_is_forgotten(looked, monkeypatch):
    client = app_of(looked[0]).server.test_client()
    values = {"tab": "phase", "sweep": "quickstart", "values": "usual"}
    monkeypatch.setattr("analysis.visualizer.showing.figures", lambda *_: (1, 2).index(3))
    answer = asked_of(client, "..shown.children", **values)
    assert answer.status_code == 200 and "This cannot be drawn: ValueError: tuple.index" in answer.text
    assert answer.get_json()["response"]["drawn"] == {"data": None}
    assert "load it again" in asked_of(client, "..shown.children", **values | {"tab": "none"}).text


def test_columns_of_another_program_get_the_names_they_have_here(foreign):
    rows = known_rows(foreign / "p17_wd0.5_s0")
    assert {"step", "input_hessian_trace", "hessian_trace", "adam_snr", "weight_norm/layers.0.weight"} <= {*rows.column_names}  # type: ignore[union-attr]
    assert "effective_lr_mean" not in rows.column_names and rows["hessian_trace"][0].as_py() == 7.0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "text"),
    [("history.csv", "epoch,test_acc\n20,0.5\n10,0.25\n"), ("history.json", '[{"step": 10, "test_acc": 0.25, "note": "x"}, {"step": 20, "test_acc": 0.5}]')],
)
def test_histories_may_be_csv_or_json(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert known_rows(tmp_path).to_pylist() == [{"step": 10, "test_acc": 0.25}, {"step": 20, "test_acc": 0.5}]  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"loss": [1]}', '{"step": ["a"]}'])
def test_histories_that_are_none_are_said_to_be_damaged(tmp_path, text):
    (tmp_path / "history.json").write_text(text)
    assert "damaged" in known_rows(tmp_path)


def test_tables_of_many_runs_are_read_again_though_their_texts_might_have_been_large():
    runs = pd.DataFrame({"run_id": [f"mlp-2x128-lambda-{index:04}-depth-s0-0123456789abcdef" for index in range(10_000)]})
    kept = table(table_files.parquet(runs))
    assert kept is not None and kept.to_pandas()["run_id"].tolist() == runs["run_id"].tolist()


def test_a_kind_without_a_word_leaves_the_title_alone():
    steps = np.arange(1.0, 4.0)
    runs = [Drawn(f"cell {order}", None, order, (info(*(Curve(kind, steps, steps, 0) for kind in ("", "a", "b", "c"))),)) for order in range(2)]
    (found,) = together(runs, medians=False)
    assert [panel.title for panel in found.panels] == ["loss", "loss · a", "loss · b", "loss · c"]
