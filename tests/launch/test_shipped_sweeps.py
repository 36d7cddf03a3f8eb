"""The sweeps that are shipped: each parses and plans in every profile, says what is expected, and is listed with its true size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lal.store import Store, flattened
from launch.plan import plan, summary
from launch.planning.listing import listing
from launch.planning.resources import this_machine
from launch.sweep import document_of, load, manifest

SWEEPS = Path(__file__).parents[2] / "sweeps"
NAMES = sorted(path.stem for path in SWEEPS.glob("*.yaml"))
LINE = re.compile(r"^\| \[`(\w+)`\]\(\1\.yaml\) \| (.*) \| ([\d,]+) \| .* \| ([\d,]*) \| .* \| (.*) \|$", re.MULTILINE)
COST = re.compile(r"([\d,]+) (h|min|s) (?=\|)")
UNITS = {"h": 3600, "min": 60, "s": 1}
LISTED = {name: cells for name, *cells in LINE.findall((SWEEPS / "README.md").read_text(encoding="utf-8"))}


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_sweep_plans_in_every_profile_and_is_listed_with_its_size(name: str, tmp_path: Path) -> None:
    question, n_runs, n_laptop, _ = LISTED[name]
    whole = load(name)
    assert whole.sweep.question == question and whole.n_runs == int(n_runs.replace(",", "")) > 1
    assert bool(n_laptop) == ("laptop" in whole.sweep.profiles)
    for profile in (None, *whole.sweep.profiles):
        sweep = load(name, profile)
        assert sweep.folder == (name if profile is None else f"{name}@{profile}") and manifest(sweep)["question"]
        if profile == "laptop":
            assert len(sweep.configs()) == int(n_laptop)
        planned = summary(
            plan(load(name, profile, ["seeds=1"]), Store(tmp_path), nodes=[this_machine(2, 0)])
        )  # one seed: what a plan says of the others is the same
        assert planned["runs"] == planned["to_train"] and planned["runs"] + planned["unknown"]["runs"] > 0
        assert profile is None or planned["core_hours"] < 0.1
        assert not [text for text in planned["warnings"] if "decay: a pressure" in text and name != "gated_decay"]


def test_the_list_has_every_sweep_once() -> None:
    assert sorted(LISTED) == NAMES


def test_the_list_is_what_is_written_from_the_sweeps() -> None:
    """Costs may drift a little before they are written anew: they follow every constant of the model of machines."""
    page = (SWEEPS / "README.md").read_text(encoding="utf-8")
    anew = listing(page)
    assert COST.sub("", anew) == COST.sub("", page), "run `make docs`"
    then, now = ([float(number.replace(",", "")) * UNITS[unit] for number, unit in COST.findall(each)] for each in (page, anew))
    assert len(now) > 60 and now == pytest.approx(then, rel=0.5, abs=2), "run `make docs`"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_expected_is_written_before(name: str) -> None:
    head = (SWEEPS / f"{name}.yaml").read_text(encoding="utf-8").split("name:")[0]
    assert re.search(r"\bExpected\b", head) or name == "smoke"


@pytest.mark.parametrize("name", NAMES)
def test_no_base_sets_what_every_run_sets_anew(name: str) -> None:
    """But the weight of a penalty, without which its kind cannot be written."""
    document = document_of(name).values
    points = [set(point) for point in document.get("points", {}).values()]
    laptop = document.get("profiles", {}).get("laptop", {})
    axes = document.get("axes", {})
    for base, varied in ((document["base"], axes), (laptop.get("base", {}), axes | laptop.get("axes", {}))):
        anew = {*(path for path, values in varied.items() if values is not None), *(set.intersection(*points) if points else ())}
        assert not {path for path, _ in flattened(base) if path in anew and not path.endswith(".weight")}


def test_every_row_of_the_gated_plan_is_a_named_point() -> None:
    rows = {run.name for name in ("gated_compute_cost", "gated_architecture", "gated_cost_function", "gated_complexity") for run in load(name).runs}
    assert rows == {"none", *(f"{phase}{row}" for phase, n in ((2, 4), (3, 5), (4, 4), (5, 4)) for row in "abcde"[:n])}


def test_matched_problems_have_the_data_that_they_say() -> None:
    for profile in (None, "laptop"):
        for run in load("gated_complexity_matched", profile).runs:
            task = run.config.task  # type: ignore[attr-defined]
            assert task.n_train / task.data_scale == pytest.approx(6, abs=0.03)


def test_networks_that_are_compared_for_routing_are_of_one_size() -> None:
    for profile in (None, "laptop"):
        sizes = {run.arm: run.config.n_parameters() for run in load("transformer_routing", profile).runs}
        assert sizes["plain_matched"] == pytest.approx(sizes["soft"], rel=0.005) and sizes["hard"] == sizes["soft"] == sizes["entropy"] == sizes["load_balance"]
        pair = {run.arm: run.config.n_parameters() for run in load("transformer_matched_pair", profile).runs}
        assert pair["routed"] == pytest.approx(pair["transformer"], rel=0.01)
