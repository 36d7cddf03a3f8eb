"""Sweeps as their authors write them: expansion, layers, profiles, the command line, the manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lal.budget import Budget
from lal.config import dump, parse, run_id
from lal.errors import Refused
from launch.sweep import load, manifest

DESIGN = """
name: gated-compute-cost
question: Does charging a network for depth make it generalise with fewer layers?
base:
  task: {kind: modular, p: 113, operation: add, train_frac: 0.3}
  model: {kind: gated, depth: 10, width: 128, gate: sigmoid}
  optim: {kind: adamw, lr: 1.0e-3, weight_decay: 1.0, betas: [0.9, 0.98]}
  measure: {eval_every: 100}
  budget: {steps: 50000, stop: {at_least: 0.99, sustain: 500, tail: {factor: 1.0, min_steps: 1000}}}
axes:
  penalties.compute: [null, {kind: sum, weight: 0.001}, {kind: sum, weight: 0.01}, {kind: sum, weight: 0.1}, {kind: sum, weight: 1.0}]
  model.depth: [4, 8, 16]
seeds: 8
resources: {cpu: 1, gpu: 0.25, gpu_if_present: true}
report:
  phase: {x: penalties.compute.weight, y: model.depth}
  pareto: {maximise: {test_acc: end}, minimise: {functional_depth: end}}
profiles:
  laptop: {base: {task: {p: 31, train_frac: 0.6}, optim: {lr: 5.0e-3}, budget: {steps: 6000}}, axes: {model.depth: [2, 4]}, seeds: 5}
"""
SMALL = """
name: small
base:
  task: {kind: modular, p: 11, train_frac: 0.6}
  model: {kind: gated, depth: 2, width: 16}
  penalties: {compute: {kind: sum, weight: 0.1}}
  optim: {kind: adamw, lr: 5.0e-3}
  measure: {eval_every: 10}
  budget: {steps: 60, stop: null}
"""


@pytest.fixture
def sweep(tmp_path: Path):
    """Loads YAML text as a sweep."""

    def loaded(text: str, profile: str | None = None, overrides: list[str] | None = None):
        (tmp_path / "sweep.yaml").write_text(text, encoding="utf-8")
        return load(str(tmp_path / "sweep.yaml"), profile, overrides or [])

    return loaded


def values(expanded: Any, path: str) -> list[Any]:
    """The values at `path` of a sweep's runs, in order."""
    found = []
    for run in expanded.runs:
        value = dump(run.config)
        for key in path.split("."):
            value = value[key]
        found.append(value)
    return found


def test_the_example_of_the_design(sweep: Any) -> None:
    expanded = sweep(DESIGN)
    assert len(expanded.runs) == 5 * 3 * 8 == len(expanded.configs())
    assert expanded.axes == ("penalties.compute.weight", "model.depth")
    assert {run.point["penalties.compute.weight"] for run in expanded.runs} == {0.0, 0.001, 0.01, 0.1, 1.0}
    assert {run.point["model.depth"] for run in expanded.runs} == {4, 8, 16}
    assert all(run.config.penalties.compute is None for run in expanded.runs if run.point["penalties.compute.weight"] == 0)
    assert [run.seed for run in expanded.runs[:9]] == [0, 1, 2, 3, 4, 5, 6, 7, 0]
    assert expanded.resources == {"cpu": 1.0, "gpu": 0.25, "gpu_if_present": True}
    assert expanded.arms == ("all",)


def test_a_profile_changes_what_it_names_and_nothing_else(sweep: Any) -> None:
    expanded = sweep(DESIGN, "laptop")
    assert expanded.folder == "gated-compute-cost@laptop"
    assert len(expanded.runs) == 5 * 2 * 5
    assert {*values(expanded, "task.p")} == {31} and {*values(expanded, "task.operation")} == {"add"}
    assert {*values(expanded, "optim.lr")} == {0.005} and {*values(expanded, "optim.weight_decay")} == {1.0}
    assert {*values(expanded, "budget.steps")} == {6000} and {*values(expanded, "budget.stop.sustain")} == {500}


def test_the_manifest_holds_what_readers_need(sweep: Any) -> None:
    expanded = sweep(DESIGN, "laptop", ["seeds=2", "optim.lr=1e-3"])
    held = json.loads(json.dumps(manifest(expanded), allow_nan=False))
    entry = held["runs"][2]
    assert held["command"].endswith("sweep.yaml seeds=2 optim.lr=1e-3 --profile laptop")
    assert held["report"] == {
        "phase": {"x": "penalties.compute.weight", "y": "model.depth"},
        "pareto": {"maximise": {"test_acc": "end"}, "minimise": {"functional_depth": "end"}},
    }
    assert held["goal"] == {"column": "test_acc", "at_least": 0.99, "direction": "max"} and held["fit"]["column"] == "train_acc"
    assert held["arms"] == ["all"] and held["axes"] == ["penalties.compute.weight", "model.depth"]
    assert entry["point"] == {"penalties.compute.weight": 0.0, "model.depth": 4} and entry["seed"] == 0 and entry["eval_every"] == 100
    assert entry["run_id"] == run_id(expanded.runs[2].config) and Budget.model_validate(entry["budget"]) == expanded.runs[2].config.budget
    assert (
        held["resolved"]["base"]["task"]["p"] == 31
        and held["resolved"]["seeds"]["values"] == [0, 1]
        and held["resolved"]["overrides"] == ["seeds=2", "optim.lr=1e-3"]
    )


def test_a_report_may_place_arms_and_say_what_verdicts_are_by(sweep: Any) -> None:
    text = SMALL + "arms: {a: {}, b: {base: {model: {width: 3}}}}\nreport: {phase: {x: model.depth, y: arm}, thresholds: {goal: 0.9, tau: 0, window: 1}}\n"
    held = manifest(sweep(text))
    assert held["report"] == {"phase": {"x": "model.depth", "y": "arm"}, "thresholds": {"goal": 0.9, "tau": 0.0, "window": 1}}
    assert held["axes"] == ["model.depth"]


def test_layers_win_in_the_order_of_the_design(sweep: Any) -> None:
    text = SMALL + (
        "arms: {a: {base: {model: {width: 3}}}, b: {}}\nprofiles: {p: {base: {model: {width: 2, depth: 5}}, arms: {b: {axes: {model.width: [4, 5]}}}}}\n"
    )
    assert values(sweep(text), "model.width") == [3, 16]
    assert values(sweep(text, "p"), "model.width") == [3, 4, 5] and {*values(sweep(text, "p"), "model.depth")} == {5}
    assert {*values(sweep(text, None, ["model.width=7"]), "model.width")} == {7}
    assert [(run.arm, run.config.model.width) for run in sweep(text, "p", ["model.width=7"]).runs] == [("a", 7), ("b", 7)]


def test_another_kind_replaces_the_whole_part_and_the_same_kind_merges(sweep: Any) -> None:
    text = SMALL + "arms: {other: {base: {model: {kind: mlp}, penalties: null}}, same: {base: {model: {kind: gated, depth: 3}}}}\n"
    other, same = sweep(text).runs
    assert (other.config.model.kind, other.config.model.width) == ("mlp", 128)
    assert (same.config.model.depth, same.config.model.width) == (3, 16)


def test_null_removes_and_where_null_is_a_value_it_is_that_value(sweep: Any) -> None:
    text = SMALL + "arms: {a: {base: {penalties: {compute: null}, optim: {lr: null}}}, b: {base: {budget: {stop: null}}}}\n"
    a, b = sweep(text).runs
    assert a.config.penalties.compute is None and a.config.optim.lr == 1e-3
    assert b.config.budget.stop is None and b.config.optim.lr == 5e-3


def test_a_profile_takes_away_arms_and_axes(sweep: Any) -> None:
    text = SMALL + "arms: {a: {}, b: {base: {model: {depth: 3}}}}\naxes: {model.width: [8, 16]}\nprofiles: {p: {arms: {a: null}, axes: {model.width: null}}}\n"
    assert [(run.arm, run.config.model.width) for run in sweep(text, "p").runs] == [("b", 16)]


def test_ranges_have_exact_ends_and_round_values(sweep: Any) -> None:
    expanded = sweep(SMALL + "axes: {penalties.compute.weight: {log: [1e-3, 1, 7]}, model.depth: {linear: [2, 8, 3]}}\n")
    weights = [run.point["penalties.compute.weight"] for run in expanded.runs if run.point["model.depth"] == 2]
    assert weights == [0.001, 0.00316227766017, 0.01, 0.0316227766017, 0.1, 0.316227766017, 1.0]
    assert {run.point["model.depth"] for run in expanded.runs} == {2, 5, 8}


def test_text_counts_as_a_number_where_one_is_expected(sweep: Any) -> None:
    text, number = (sweep(SMALL + f"axes: {{penalties.compute.weight: [{each}]}}\n").runs[0] for each in ("1e-3", "0.001"))
    assert text.run_id == number.run_id and isinstance(text.config.penalties.compute.weight, float)
    expanded = sweep(SMALL + "axes: {penalties.compute.weight: [1e-3, '2e-3']}\n")
    assert [run.point for run in expanded.runs] == [{"penalties.compute.weight": 0.001}, {"penalties.compute.weight": 0.002}]


def test_points_have_names_dotted_paths_and_order(sweep: Any) -> None:
    expanded = sweep(SMALL + "points: {2a: {penalties.compute.weight: 0.001}, 2b: {penalties: {compute: {weight: 0.01}}, model.depth: 3}}\nseeds: 2\n")
    assert [(run.name, run.seed) for run in expanded.runs] == [("2a", 0), ("2a", 1), ("2b", 0), ("2b", 1)]
    assert expanded.runs[2].point == {"penalties.compute.weight": 0.01, "model.depth": 3}
    listed = sweep(SMALL + "points: [{model.depth: 2}, {model.depth: 3}]\naxes: {model.width: [8, 16]}\n")
    assert [(run.point["model.depth"], run.point["model.width"]) for run in listed.runs] == [(2, 8), (2, 16), (3, 8), (3, 16)] and listed.runs[0].name is None


def test_paths_that_an_arm_does_not_have_are_null_and_absent_weights_zero(sweep: Any) -> None:
    text = SMALL.replace("penalties: {compute: {kind: sum, weight: 0.1}}\n", "loss: cross_entropy\n") + (
        "arms:\n  plain: {base: {model: {kind: mlp}}}\n"
        "  routed: {base: {model: {kind: routed}}, axes: {model.heads: [2, 4], penalties.routing: [null, {kind: entropy, weight: 0.1}]}}\n"
    )
    plain, *routed = sweep(text).runs
    assert plain.point == {"model.heads": None, "penalties.routing.weight": 0.0}
    assert [tuple(run.point.values()) for run in routed] == [(2, 0.0), (2, 0.1), (4, 0.0), (4, 0.1)]


@pytest.mark.parametrize(
    ("axes", "paths"),
    [
        ("model: [{kind: mlp}, {kind: gated}]", ["model.kind"]),
        ("model: [{kind: gated, depth: 3}, {kind: gated, depth: 4}]", ["model.depth"]),
        ("optim.decay: [null, {kind: cosine, steps: 10}]", ["optim.decay.kind"]),
        ("optim.betas: [[0.9, 0.98], [0.9, 0.99]]", ["optim.betas"]),
        ("model.depth: [3]", []),
    ],
)
def test_a_points_paths_are_those_that_tell_points_apart(sweep: Any, axes: str, paths: list[str]) -> None:
    expanded = sweep(SMALL.replace("  penalties: {compute: {kind: sum, weight: 0.1}}\n", "") + f"axes: {{{axes}}}\n")
    assert list(expanded.axes) == paths
    assert len({json.dumps(run.point) for run in expanded.runs}) == len(expanded.runs)


def test_seeds_vary_what_the_sweep_says(sweep: Any) -> None:
    both = sweep(SMALL + "seeds: {n: 2, vary: [seed, task.split_seed]}\n")
    assert [(run.seed, run.config.seed, run.config.task.split_seed) for run in both.runs] == [(0, 0, 0), (1, 1, 1)]
    split = sweep(SMALL.replace("base:", "base:\n  seed: 9") + "seeds: {values: [3, 5], vary: [task.split_seed]}\n")
    assert [(run.seed, run.config.seed, run.config.task.split_seed) for run in split.runs] == [(3, 9, 3), (5, 9, 5)]
    assert [run.config.seed for run in sweep(SMALL + "seeds: [7, 3]\n").runs] == [7, 3]
    again = sweep(SMALL + "seeds: {n: 2, vary: [task.split_seed]}\n", None, ["seeds=1,4"])
    assert [(run.config.seed, run.config.task.split_seed) for run in again.runs] == [(0, 1), (0, 4)]


def test_the_command_line_replaces_adds_and_removes_axes(sweep: Any) -> None:
    text = SMALL + "axes: {model.depth: [2, 4], penalties.compute.weight: [0, 0.1]}\n"
    assert values(sweep(text, None, ["model.depth=3"]), "model.depth") == [3, 3]
    assert [tuple(run.point.values()) for run in sweep(text, None, ["model.depth=5,6"]).runs] == [(5, 0.0), (5, 0.1), (6, 0.0), (6, 0.1)]
    assert len(sweep(text, None, ["model.width=8,16"]).runs) == 8
    assert len(sweep(text, None, ["penalties.compute=null"]).runs) == 2
    assert sweep(text, None, ["penalties.compute.weight={log: [1e-2, 1, 3]}"]).runs[1].point["penalties.compute.weight"] == 0.1
    assert {*map(str, values(sweep(text, None, ["optim.betas=[0.8,0.9]"]), "optim.betas"))} == {"[0.8, 0.9]"}


def test_the_command_line_sets_the_sweeps_own_fields_over_arms(sweep: Any) -> None:
    text = SMALL + "arms: {a: {seeds: 4}, b: {base: {model: {depth: 3}}}}\nresources: {cpu: 1}\n"
    expanded = sweep(text, None, ["seeds=1", "resources.cpu=2", "name=other"])
    assert len(expanded.runs) == 2 and expanded.resources["cpu"] == 2 and expanded.folder == "other"


def test_arms_that_share_a_run_have_it_twice_in_the_manifest_and_once_to_train(sweep: Any) -> None:
    expanded = sweep(SMALL + "arms: {a: {}, b: {axes: {penalties.compute.weight: [0.1, 0.2]}}}\n")
    assert [run.arm for run in expanded.runs] == ["a", "b", "b"] and len(expanded.configs()) == 2


def test_a_base_of_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("model: {kind: gated, depth: 3}\nbudget:\n  steps: 0\n")
    (tmp_path / "sweep.yaml").write_text("name: x\nbase: base.yaml\n")
    with pytest.raises(Refused, match=r"base\.yaml:3: budget\.steps must be greater than or equal to 1, but is 0"):
        load(str(tmp_path / "sweep.yaml"))
    assert load(str(tmp_path / "sweep.yaml"), None, ["budget.steps=9"]).runs[0].config.model.depth == 3  # type: ignore[attr-defined]


def test_a_thousand_runs(sweep: Any) -> None:
    expanded = sweep(DESIGN, None, ["seeds=70"])
    assert len(expanded.configs()) == 1050
    assert all(parse(dump(run.config)) == run.config for run in expanded.runs[::100])


def test_the_example_that_people_read_expands(sweep: Any) -> None:
    text = (Path(__file__).parents[2] / "sweeps" / "README.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    assert len(sweep(text).runs) == 2 * 3 * 5 and len(sweep(text, "big").runs) == 2 * 3 * 8
