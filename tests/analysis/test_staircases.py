"""Runs that compose group elements: plateaus and order are read as they were made, figures show them, and findings say so."""

from __future__ import annotations

import json
import re
from math import inf, isnan

import numpy as np
import pytest

from analysis import run_report
from analysis.collect import Tables, collect
from analysis.figures import climbing, modes, plateaus, staircase
from analysis.findings import findings
from analysis.one_run import one_run
from analysis.report import drawn
from analysis.run_figures import composing
from analysis.run_figures import staircase as run_staircase
from analysis.run_figures.panels import Heat, Lines
from analysis.run_findings import findings as run_findings
from analysis.staircases import CLOSE, Theory, climb, climbs, theory_of
from lal.config import dump, parse
from lal.store import Store
from tests.analysis.synthetic_composition import AT, BASE, arrays_of, finish, rows_of, swept
from tests.analysis.synthetic_run import packed

LEVELS = (1, 13 / 33, 2 / 33)
WIDTHS = {"axes": {"model.width": [16, 24]}, "seeds": {"n": 3, "vary": ["seed", "task.template.seed"]}}


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Tables:
    """Two widths; of the wider one, seed 1 learns the third mode before the second, and seed 2 has plateaus 10 % too high."""

    def truth(run):
        odd = {1: {"at": (100, 1000, 500)}, 2: {"off": 1.1}} if run.config.model.width == 24 else {}
        return odd.get(run.seed, {})

    store = Store(tmp_path_factory.mktemp("composed"))
    return collect(store, swept(store, WIDTHS, truth))


@pytest.fixture(scope="module", params=["ring", "torus"])
def run(request, tmp_path_factory):
    """One run with snapshots, of each shape that functions on a group are drawn in."""
    task = BASE["task"] | ({"group": {"kind": "product", "p1": 3, "p2": 4}} if request.param == "torus" else {})
    config, store = parse({**BASE, "task": task}), Store(tmp_path_factory.mktemp(request.param))
    finish(store, config, "one", {})
    return one_run(store, "one")


def of(config):
    """What theory says, and the steps, losses and powers of a run that does as it says."""
    rows = rows_of(config)
    return theory_of(dump(config)), *(np.array([row[name] for row in rows]) for name in ("step", "test_loss", "mode_power", "mode_error"))


def test_a_run_on_the_lines_is_read_as_it_was_made():
    theory, steps, loss, power, error = of(parse(BASE))
    found = climb(theory, steps, loss, power, error)
    assert np.allclose(theory.levels, [*LEVELS, 0], atol=1e-12) and theory.steps == (1, 2)
    assert [each.level for each in found.plateaus] == pytest.approx(LEVELS[1:]) and all(abs(each.error) < 1e-3 for each in found.plateaus)
    assert found.on_the_lines and found.in_order and found.n_learned == 3
    assert found.learned == pytest.approx(AT, abs=20)
    for (start, end), each in zip(((100, 500), (500, 1000)), found.plateaus, strict=True):
        assert start <= each.start < each.end <= end
    assert found.reached[0] < 200 < 400 < found.reached[1] < 700 < 900 < found.reached[2] < 1100


def test_what_is_off_the_lines_out_of_order_or_not_there_is_told_apart():
    theory, steps, loss, power, error = of(parse(BASE))
    assert climb(theory, steps, loss * 1.05, power, error).plateaus[0].error == pytest.approx(0.05, abs=1e-3)
    assert not climb(theory, steps, loss * 1.05, power, error).on_the_lines
    turned = power[:, [0, 2, 1]] * np.array(theory.power) / np.array(theory.power)[[0, 2, 1]]
    assert not climb(theory, steps, loss, turned, error[:, [0, 2, 1]]).in_order
    assert climb(theory, steps, loss, power, error + 0.6).learned == (inf, inf, inf)  # power that is not where it should be
    rush = climb(theory, steps, np.geomspace(1, 1e-4, len(steps)) ** 3, power, error)  # steady decay never rests
    assert isnan(rush.plateaus[0].error) and not rush.on_the_lines
    early = climb(theory, steps[:20], loss[:20], power[:20], error[:20])
    assert early.n_learned == 1 and early.in_order and early.reached[1:] == (inf, inf)
    unmeasured = climb(theory, steps, loss, None, None)
    assert unmeasured.learned == () and unmeasured.on_the_lines
    assert climb(theory, steps[:0], loss[:0], None, None).reached == (inf, inf, inf)


def test_levels_too_close_to_tell_are_not_measured():
    theory = Theory((1.0, 0.9, 0.5, 0.1, 0.09, 0.0), ("a", "b", "c", "d", "e"), (1, 4, 4, 0.05, 0.95))
    assert theory.steps == (2,) and theory.main == 4  # and a mode of half a percent is too weak to be seen
    assert Theory((1.0, 0.005, 0.0), ("a", "b"), (0.995, 0.005)).steps == ()
    low, high = theory.band(2)
    assert low == pytest.approx((0.5 * 0.1) ** 0.5) and high == pytest.approx((0.5 * 0.9) ** 0.5)
    tied = Theory((1.0, 0.5, 0.0), ("a", "b"), (5.0, 5.0))
    found = climb(tied, np.arange(10.0), np.ones(10), np.array([[0, 4.0]] * 5 + [[4.0, 4.0]] * 5), np.zeros((10, 2)))
    assert found.learned == (5, 0) and found.in_order  # equal powers have no order


def test_other_kinds_of_run_have_no_theory(odd_tables):
    assert theory_of({"kind": "supervised", "task": {"p": 5}}) is None
    assert climbs(odd_tables["single"]) == {}
    for member in (staircase, modes, plateaus, climbing):
        assert "no run composes elements of a group" in member.prepare(odd_tables["single"])


def test_the_sweep_s_figures_show_what_was_made(tables):
    stairs, spectrum, heights, times = (member.prepare(tables) for member in (staircase, modes, plateaus, climbing))
    (panel,) = stairs.panels
    assert panel.levels == pytest.approx(LEVELS) and [line.label for line in panel.lines] == ["16", "24"] and panel.log
    assert [each.title for each in spectrum.panels] == ["width = 16", "width = 24"] and spectrum.labels == ("strongest", "second", "third")
    first = spectrum.panels[0].lines[1].points
    assert np.interp(AT[1], *first) == pytest.approx(0.5, abs=0.1) and first[1][-1] == pytest.approx(1, abs=1e-3)
    worst = max(heights.groups[1].errors)
    assert worst == pytest.approx(0.1, abs=0.01) and max(map(abs, heights.groups[0].errors)) < CLOSE
    assert [title for title, _ in times.panels] == ["first plateau (0.394 of the loss)", "second plateau (0.0606 of the loss)", "all learned (reduction 0.99)"]
    medians = [lines[0][1][0].median.value for _, lines in times.panels]
    assert medians == sorted(medians) and medians[0] == pytest.approx(120, abs=40) and medians[2] == pytest.approx(1000, abs=60)
    assert len(plateaus.table(heights)) > 4 and len(climbing.table(times)) == 6


def test_all_figures_of_the_sweep_are_drawn_wide_and_narrow(tables):
    figures, _ = drawn(tables)
    own = {each.name: each for each in figures if each.name in ("staircase", "modes", "plateaus", "climbing")}
    assert set(own) == {"staircase", "modes", "plateaus", "climbing"}
    for each in own.values():
        wide, narrow = (json.loads(fig.to_json()) for fig in (each.wide, each.narrow))
        assert wide["data"] == narrow["data"] and wide["data"] and each.caption.endswith(".") and "<td" in each.table
    shapes = json.loads(own["staircase"].wide.to_json())["layout"]["shapes"]
    assert [shape["y0"] for shape in shapes] == pytest.approx(LEVELS)


def test_arms_with_levels_of_their_own_have_panels_of_their_own(tmp_path):
    arms = {"three": {}, "two": {"base": {"task": {"template": {"kind": "fourier", "n_modes": 2}}}}}
    store = Store(tmp_path)
    found = collect(store, swept(store, {"arms": arms, "seeds": 2}, lambda run: {"at": AT[: run.config.task.template.n_modes]}))
    panels = staircase.prepare(found).panels
    assert [each.title for each in panels] == ["three", "two"] and [len(each.levels) for each in panels] == [3, 2]
    assert "differ in the levels of theory" in climbing.prepare(found)


def test_findings_say_where_plateaus_lie_and_which_order_modes_had(tables):
    told = " ".join(findings(tables))
    assert "after the start were seen; where the loss was flattest, it was off theory’s level by" in told and "at most 10 %" in told
    assert "within 3 % of its level, in 4 of 6 runs" in told and "width = 16 3 of 3, width = 24 1 of 3" in told
    assert "Modes were learned by falling power in 5 of 6 runs" in told
    odd = next(each for each in findings(tables) if each.startswith("Out of order"))
    assert re.search(r"power was there: seed 1 of all \(\d at 5\d\d, before \d at 1,0\d\d\)\.$", odd)


def test_a_run_s_figures_show_its_snapshots(run):
    (stairs,) = run_staircase.prepare(run)
    assert stairs.panels[0].levels == pytest.approx(LEVELS) and "(+0.0 %)" in stairs.caption
    sheet, outputs, out, mix = composing.prepare(run)
    torus = len(run.snapshots.last("shape")) == 2
    assert [each.name for each in (sheet, outputs, out, mix)] == ["template", "predictions", "weights_out", "weights_mix"]
    assert len(sheet.panels) == 4 and all(isinstance(each, Heat if torus else Lines) for each in sheet.panels)
    values = [each.values if torus else each.curves[0].values for each in sheet.panels]
    assert np.allclose(sum(values[1:]), values[0], atol=1e-12)  # three modes are all of it
    last = outputs.panels[-1]
    output, target = (last.values, outputs.panels[0].values) if torus else (last.curves[1].values, last.curves[0].values)
    step = run.snapshots.steps[-1]
    assert np.abs(output - target).max() < (0.5 if step == 1000 else 0.1)
    assert len(out.panels[0].boxes) == (20 if torus else 3)  # a frame a living unit, or a block of units
    assert [(box.left, box.right) for box in mix.panels[0].boxes] == [(-0.5, 6.5), (6.5, 13.5), (13.5, 19.5)] and "the last 4 of 24 are dead" in mix.caption
    told = " ".join(run_findings(run))
    assert "2 of 2 plateaus that can be told apart lie within 3 % of theory’s levels." in told
    assert "Modes were learned by falling power, as theory has it" in told


def test_a_run_s_page_has_all_of_them(run):
    figures, _ = run_report.drawn(run)
    assert [each.name for each in figures][1:6] == ["staircase", "template", "predictions", "weights_out", "weights_mix"]
    for each in figures:
        wide, narrow = (json.loads(fig.to_json()) for fig in (each.wide, each.narrow))
        assert wide["data"] == narrow["data"] and each.caption.endswith("."), each.name


def test_a_run_without_snapshots_or_with_others_says_so(tmp_path):
    store, config = Store(tmp_path), parse(BASE)
    finish(store, config, "bare", {}, snapshots=())
    assert composing.prepare(one_run(store, "bare")) == "it kept no snapshots, so there are no pictures of what it learned"
    whole = arrays_of(config, 0)
    for odd in ({"template": whole["template"]}, whole | {"template": whole["template"][:5]}, whole | {"w_out": whole["w_out"].T}):
        store.run("bare").put_bytes("arrays/step-000000000.npz", packed(odd))
        assert "damaged, or of another group" in composing.prepare(one_run(store, "bare"))
