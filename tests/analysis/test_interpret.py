"""Two runs side by side: which are chosen, what is drawn of their arrays, and what is said where there are none."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from analysis.collect import Tables, collect
from analysis.commands import plot
from analysis.figures import heads, interpret_sides, mechanisms
from analysis.figures.interpret_sides import Pair, pair
from analysis.loading import Sweep
from analysis.one_run import one_run
from analysis.run_figures import routing
from analysis.run_figures.panels import Bars, Heat
from analysis.together import together
from lal.errors import Refused
from lal.store import Store
from tests.analysis.synthetic import WEIGHT, Folder, Truth
from tests.analysis.synthetic_run import HEADS, LAYERS, arrays_of, packed
from tests.analysis.synthetic_run import written as written_run

P = 7
WEIGHTS = (0.0, 0.01, 0.1, 1.0)


def written(store: Store, name: str = "charged", **folder) -> str:
    """Hard gates at four strengths and three seeds, which generalise later with each seed, and break at the highest; every run has arrays at three steps."""
    sweep = Folder(store, name=name, arms=("hard",), **folder)
    for weight in WEIGHTS:
        for seed in range(3):
            run = sweep.add("hard", {WEIGHT: weight}, seed, Truth(grok=None if weight == 1 else 400 + 100 * seed, functional=4 if weight < 0.1 else 1))
            if store.run(run).record():
                for step in (0, 500, 1000, 2900):  # the last lies beyond the end of those that stop
                    store.run(run).put_bytes(f"arrays/step-{step:09d}.npz", packed(arrays_of(step, P)))
    return sweep.write()


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Tables:
    store = Store(tmp_path_factory.mktemp("charged"))
    return collect(store, written(store))


def test_ends_that_stand_are_compared_by_their_median_seeds(tables):
    found = pair(tables)
    assert isinstance(found, Pair)
    assert [(side.label, side.seed, side.n_seeds) for side in found] == [("λ = 0", 1, 3), ("λ = 0.1", 1, 3)]
    assert found.told.startswith("The lowest and the highest λ at which at least half of the seeds end at the goal (where λ is higher, networks are broken):")
    assert "λ = 0, seed 1 of 3 and λ = 0.1, seed 1 of 3" in found.told


def test_of_networks_that_are_all_broken_the_ends_are_compared(store):
    folder = Folder(store, arms=("hard",))
    for weight in (None, 0.5, 1.0):
        folder.add("hard", {WEIGHT: weight}, 3, Truth(grok=None))
    found = pair(collect(store, folder.write()))
    assert isinstance(found, Pair) and found.told.startswith("The lowest and the highest λ at which runs have finished: λ = none, seed 3 of 1 and λ = 1,")


def test_cells_may_be_chosen_and_must_be_there(tables):
    found = pair(tables, (3, 1))
    assert isinstance(found, Pair) and [side.label for side in found] == ["λ = 1", "λ = 0.01"]
    for wrong in ((1, 1), (0, 9), (2,)):
        with pytest.raises(Refused, match=r"two cells with finished runs are compared.*choose two of 0, 1, 2, 3: column `cell`"):
            pair(tables, wrong)


def test_what_has_no_pair_says_so(odd_tables):
    assert "no strength of a charge varies" in str(pair(odd_tables["single"])) and "no strength" in str(mechanisms.prepare(odd_tables["single"]))
    assert "kept no routing" in str(heads.prepare(odd_tables["quickstart"])) and "kept no spectra" in str(mechanisms.prepare(odd_tables["quickstart"]))


def test_spectra_and_gates_stand_side_by_side_on_one_scale(tables):
    info = mechanisms.prepare(tables)
    assert not isinstance(info, str)
    names = [panel.title.split(" · ", 1)[0] for panel in info.panels.panels]
    assert names == [name for name in ("embedding", "logits", "gates of layers", "gates of units", "depth by input") for _ in "lh"]
    assert [panel.title.split(" · ", 1)[1] for panel in info.panels.panels] == ["λ = 0 · seed 1", "λ = 0.1 · seed 1"] * 5
    low, high = info.panels.panels[:2]
    truth = arrays_of(1000, P)["embedding_spectrum"]  # of both: snapshots after the end do not count
    assert isinstance(low, Bars) and isinstance(high, Bars) and low.high == high.high == pytest.approx(1.05 * truth.max())
    assert low.values == pytest.approx(truth) and high.values == pytest.approx(truth)
    shown = mechanisms.table(info).set_index("at the end")
    assert shown.loc["functional depth"].tolist() == ["4", "1"] and shown.loc["test accuracy"].tolist() == ["1", "1"]
    assert info.caption.endswith("sorted.") and "one scale" in info.caption and "diagonal" in info.caption


def test_units_are_sorted_and_depths_are_sums(tables):
    info = mechanisms.prepare(tables)
    assert not isinstance(info, str)
    units, depth = (info.panels.panels[index] for index in (6, 8))
    assert isinstance(units, Heat) and isinstance(depth, Heat)
    kept = arrays_of(1000, P)
    assert units.values == pytest.approx(np.sort(kept["gates"], axis=1)[:, ::-1])
    a, b = kept["tokens"][10]
    assert depth.values[a, b] == pytest.approx(kept["input_gates"].astype(float).sum(0)[10], abs=1e-3)


def test_heads_are_laid_over_pairs_low_above_high(tables):
    info = heads.prepare(tables)
    assert not isinstance(info, str)
    titles = [panel.title for panel in info.panels.panels]
    assert titles == [
        f"λ = {weight} · seed 1 · layer {layer + 1} · head {head + 1}" for layer in range(LAYERS) for weight in ("0", "0.1") for head in range(HEADS)
    ]
    kept, panel = arrays_of(1000, P), info.panels.panels[HEADS + 1]  # high, layer 1, head 2
    assert isinstance(panel, Heat) and info.panels.n_columns == HEADS
    a, b = kept["tokens"][:, 0], kept["tokens"][:, 1]
    assert panel.values[a, b] == pytest.approx(kept["routing"][0, :, 1].astype(np.float32))
    assert list(heads.table(info)) == ["run", "layer", "entropy / log n", "heaviest for"] and len(heads.table(info)) == 2 * LAYERS


def test_only_the_last_layers_are_drawn_where_all_would_be_too_much(tables, monkeypatch):
    monkeypatch.setattr(heads, "MOST_NUMBERS", 2 * HEADS * P**2)
    info = heads.prepare(tables)
    assert not isinstance(info, str)
    assert {panel.title.split(" · ")[2] for panel in info.panels.panels} == {"layer 2"} and "Of 2 layers the last 1 is drawn" in info.caption


def test_indecision_is_entropy_in_units_of_its_maximum():
    assert heads.indecision(np.full((5, 4), 0.25)) == pytest.approx(1.0)
    assert heads.indecision(np.eye(3)) == 0.0 and heads.indecision(np.ones((5, 1))) == 0.0
    assert heads.indecision(np.array([[0.5, 0.5, 0, 0], [1, 0, 0, 0]])) == pytest.approx(0.25)


def test_arrays_are_found_of_sweeps_together(tmp_path):
    store = Store(tmp_path)
    both = together([(store, written(store, name)) for name in ("first", "second")])
    number = int(both.cells[both.cells["arm"] == "second"]["cell"].iloc[0])
    found = interpret_sides.side(both, number)
    assert found is not None and found.label == "second, λ = 0" and found.array("routing") is not None
    info = mechanisms.prepare(both, (0, number))
    assert not isinstance(info, str) and len(info.panels.panels) == 10


def test_notebooks_have_the_arrays_of_a_run(tables):
    sweep = Sweep(tables, tables.store)  # type: ignore[arg-type]
    kept = sweep.arrays("charged-hard-0001-s1")
    assert kept["routing"].shape == (LAYERS, P**2, HEADS) and (kept["gates"] == arrays_of(1000, P)["gates"]).all()
    with pytest.raises(Refused, match="a run of the sweep must be one that there is"):
        sweep.arrays("charged-hard-0001-s9")


def test_the_load_of_heads_is_drawn_layer_by_layer(store):
    run = one_run(store, written_run(store, {"model": {"kind": "routed", "depth": LAYERS, "width": 8, "heads": HEADS}}))
    assert [each.name for each in routing.prepare(run)] == ["routing_layer_1", "routing_layer_2"]  # it was not measured
    load = np.linspace(0, 1, len(run.rows) * LAYERS * HEADS).reshape(len(run.rows), LAYERS * HEADS)
    run = replace(run, rows=run.rows.assign(head_utilization=list(load)))
    info = routing.prepare(run)[-1]
    assert info.name == "head_load" and [panel.title for panel in info.panels] == ["load of heads, layer 1", "load of heads, layer 2"]
    assert [curve.label for curve in info.panels[1].curves] == ["head 1", "head 2", "head 3"]
    assert info.panels[1].curves[2].values.tolist() == load[1:, 5].tolist()  # after step 0


@pytest.mark.parametrize("member", [mechanisms, heads])
def test_both_widths_have_the_same_traces(tables, member):
    info = member.prepare(tables)
    wide, narrow = (json.loads(member.draw(info, narrow).to_json()) for narrow in (False, True))
    assert wide["data"] == narrow["data"] and wide["layout"]["height"] < narrow["layout"]["height"]


def test_the_command_takes_two_cells(tables, tmp_path):
    target = tmp_path / "heads.html"
    results = tables.store.where() if tables.store else ""
    done = CliRunner().invoke(plot, ["heads", "charged", "--results", results, "--cells", "1", "2", "-o", str(target)], catch_exceptions=False)
    assert done.exit_code == 0 and "λ = 0.01, seed 1 of 3 and λ = 0.1, seed 1 of 3" in target.read_text(encoding="utf-8")
    with pytest.raises(Refused, match="--cells is of mechanisms, heads alone"):
        CliRunner().invoke(plot, ["gates", "charged", "--results", results, "--cells", "1", "2"], catch_exceptions=False)
