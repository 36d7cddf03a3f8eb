"""Runs that compose group elements: plateaus and order are read as they were made, figures show them, and findings say so."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from math import inf, isnan

import numpy as np
import pytest

from analysis import run_report
from analysis.collect import Tables, collect
from analysis.figures import climbing, modes, plateaus, staircase, time_to_goal
from analysis.figures.plateaus import Group, Info
from analysis.findings import findings
from analysis.one_run import one_run
from analysis.run_figures import composing
from analysis.run_figures import staircase as run_staircase
from analysis.run_figures.panels import Heat, Lines
from analysis.run_findings import findings as run_findings
from analysis.staircase_findings import order
from analysis.staircases import CLOSE, Climb, Theory, _theory, climb, climbs, of_rows, theory_of
from lal.config import dump, parse
from lal.errors import Refused
from lal.groups.templates.one_hot import OneHot
from lal.store import Store
from tests.analysis.synthetic import drawn_twice
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


def test_templates_that_cannot_be_drawn_here_are_said_to_be_just_that(tables, monkeypatch):
    monkeypatch.setattr("analysis.staircases.theory_of", lambda config: None)
    for member in (staircase, modes, plateaus, climbing):
        assert "cannot be drawn on this machine" in member.prepare(tables)


def drawn(monkeypatch, draw):
    """What theory says of a run whose template is drawn by `draw`; of numbers that no other test has, as what was found is kept."""
    monkeypatch.setattr(OneHot, "draw", draw)
    return theory_of({"kind": "composition", "task": {"group": {"kind": "cyclic", "p": 19}, "template": {"kind": "one_hot"}, "k": 2}})


def test_only_what_is_missing_here_keeps_a_template_from_being_drawn(monkeypatch):
    def missing(self, group):
        raise Refused("a package is missing")

    def wrong(self, group):
        raise ValueError("a defect")

    assert drawn(monkeypatch, missing) is None
    _theory.cache_clear()
    with pytest.raises(ValueError, match="a defect"):
        drawn(monkeypatch, wrong)
    assert theory_of({"kind": "composition", "task": {"group": {"kind": "cyclic", "p": 11}, "template": {"kind": "of another package"}, "k": 2}}) is None


SMOOTH = {
    "exponential": lambda step: np.exp(-step / 3000),
    "a power of the step": lambda step: 1 / (1 + step / 800),
    "its root": lambda step: 1 / (1 + step / 3) ** 0.5,
    "stretched": lambda step: np.exp(-((step / 3000) ** 0.3)),
    "never falls": lambda step: np.full(len(step), LEVELS[1]),
}


@pytest.mark.parametrize("loss", SMOOTH.values(), ids=SMOOTH)
def test_a_loss_that_only_falls_or_only_rests_has_no_plateau(loss):
    """Each passes slowly enough through every level for five evaluations there to be within ten percent."""
    steps = np.arange(0.0, 15_001, 20)
    theory = Theory((*LEVELS, 0.0), ("a", "b", "c"), (20.0, 11.0, 2.0))
    found = climb(theory, steps, loss(steps), None, None)
    assert all(isnan(each.error) for each in (*found.plateaus, *found.between)) and not found.on_the_lines


def test_plateaus_have_their_length_and_whether_they_were_left():
    """Two of 400 and 1,000 steps between falls by half in 20 steps; the second goes on to the end."""
    steps = np.arange(0.0, 1801, 10)
    theory = Theory((1.0, 0.4, 0.1, 0.0), ("a", "b", "c"), (6.0, 3.0, 1.0))
    found = climb(theory, steps, np.interp(steps, [0, 100, 200, 600, 800, 1800], [1, 1, 0.4, 0.4, 0.1, 0.1]), None, None)
    first, second = found.plateaus
    assert (first.height, second.height) == pytest.approx((0.4, 0.1)) and (first.left, second.left) == (True, False)
    assert first.end - first.start == pytest.approx(400, abs=40) and second.end == 1800 and min(first.rest, second.rest) > 5
    assert all(isnan(each.error) for each in found.between)
    displaced = Theory((1.0, 0.63, 0.2, 0.0), ("a", "b", "c"), (6.0, 3.0, 1.0))  # levels where there is no plateau
    assert not any(
        abs(each.error) <= CLOSE
        for each in climb(displaced, steps, np.interp(steps, [0, 100, 200, 600, 800, 1800], [1, 1, 0.4, 0.4, 0.1, 0.1]), None, None).plateaus
    )


def test_the_order_counts_a_single_wrong_mode_and_says_of_how_many():
    theory = Theory((1.0, 0.4, 0.1, 0.0), ("a", "b", "c"), (6.0, 3.0, 1.0))
    runs = [Climb(theory, (), (), (), learned) for learned in ((inf, 5.0, inf), (1.0, inf, inf), (1.0, 2.0, 3.0), (inf, inf, inf))]
    told = order([("", runs)])
    assert "by falling power in 2 of 3 runs" in told and "2 of them learned part of these, 2 only one, 1 more learned none and are not counted." in told


def test_modes_of_equal_power_are_counted_in_no_order():
    tied = Theory((1.0, 0.5, 0.0), ("a", "b"), (5.0, 5.0))
    assert order([("", [Climb(tied, (), (), (), (2.0, 1.0))])]) == ""
    uneven = Theory((1.0, 0.4, 0.0), ("a", "b"), (6.0, 4.0))
    assert "in 0 of 1 runs" in order([("", [Climb(each, (), (), (), (2.0, 1.0)) for each in (tied, uneven)])])


def test_where_every_output_is_trained_the_last_one_s_loss_is_looked_at():
    import pandas as pd

    theory, steps, loss, _, _ = of(parse(BASE))
    rows = pd.DataFrame({"step": steps, "test_loss": loss / 2, "step_loss": [[0.0, each] for each in loss]})
    assert of_rows(theory, rows).on_the_lines and not of_rows(theory, rows.drop(columns="step_loss")).on_the_lines


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
    assert times.joined and "up to 2% beside it along the axis" in heights.caption and "Drawn are" not in spectrum.caption
    assert len(plateaus.table(heights)) > 4 and len(climbing.table(times)) == 6
    (unseen,) = plateaus.table(Info((Group("", (), (), (), 3),), "")).to_dict("records")
    assert (unseen["plateaus"], unseen["not seen"]) == (0, 3)


def test_all_figures_of_the_sweep_are_drawn_wide_and_narrow(tables):
    figures, _ = drawn_twice(tables)
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


def test_a_threshold_beyond_what_the_loss_can_be_reduced_by_is_refused(tables):
    with pytest.raises(Refused, match=r"a threshold of reduction must be a value that it can have, 1 or less, but got 2\.0; write such a value, or none"):
        collect(tables.store, tables.manifest["name"], threshold=2.0)
    with pytest.raises(Refused, match="a threshold of reduction"):
        time_to_goal.prepare(tables, [1.5])


def test_what_is_left_out_or_moved_is_said_and_arms_are_not_joined(tmp_path):
    """One-hot codes of 17 elements have eight modes; arms have no order."""
    store = Store(tmp_path)
    arms = {"narrow": {"base": {"model": {"width": 16}}}, "wide": {}}
    base = {**BASE, "task": {**BASE["task"], "group": {"kind": "cyclic", "p": 17}, "template": {"kind": "fourier", "n_modes": 8}}}
    at = tuple(range(100, 900, 100))
    found = collect(store, swept(store, {"arms": arms, "seeds": 2}, lambda run: {"at": at}, base))
    assert "Drawn are the 6 strongest of up to 8 modes." in modes.prepare(found).caption
    times = climbing.prepare(found)
    assert not times.joined and {trace.mode for trace in climbing.draw(times).data if trace.error_y.array is not None} == {"markers"}


def test_findings_say_where_plateaus_lie_and_which_order_modes_had(tables):
    told = " ".join(findings(tables))
    assert "after the start were seen; where the loss was flattest, it was off theory’s level by" in told and "at most 10 %" in told
    assert "within 3 % of its level, in 4 of 6 runs" in told and "width = 16 3 of 3, width = 24 1 of 3" in told
    assert "Modes with 1 % or more of the template’s power were learned by falling power in 5 of 6 runs" in told and "all of them learned all of these" in told
    assert "times as fast on either side (asked for: 2)." in told
    assert "Of 12 levels halfway (as ratios) to the one before, where theory has none, the loss rested within 3 % of none." in told
    odd = next(each for each in findings(tables) if each.startswith("Out of order"))
    assert re.search(r"power was there: seed 1 of all \(\d at 5\d\d, before \d at 1,0\d\d\)\.$", odd)


def test_a_run_s_figures_show_its_snapshots(run):
    (stairs,) = run_staircase.prepare(run)
    assert stairs.panels[0].levels == pytest.approx(LEVELS) and "(+0.0 %)" in stairs.caption
    assert "the levels 1, 0.3939, 0.06061, 0 of the loss" in stairs.caption
    steps = next(panel for panel in stairs.panels if panel.title == "loss after each element")
    assert [each.label for each in steps.curves] == ["after 2 (not trained on)", "after 3"]
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
    two = replace(run, config=dump(parse({**BASE, "task": {**run.config["task"], "k": 2}})))
    assert [each.name for each in composing.prepare(two)][2:] == ["weights_out"]  # W_mix rests where there are two elements
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
    store.run("bare").put_bytes("arrays/step-000000000.npz", b"PK no")
    assert composing.prepare(one_run(store, "bare")) == "it kept snapshots, but none of 1 can be read, so there are no pictures of what it learned"
    whole = arrays_of(config, 0)
    for odd in ({"template": whole["template"]}, whole | {"template": whole["template"][:5]}, whole | {"w_out": whole["w_out"].T}):
        store.run("bare").put_bytes("arrays/step-000000000.npz", packed(odd))
        assert "damaged, or of another group" in composing.prepare(one_run(store, "bare"))
