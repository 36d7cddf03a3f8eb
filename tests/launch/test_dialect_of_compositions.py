"""Group composition in the nested format: every key has its meaning here, or is told, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from lal.cli import lal
from lal.config import dump
from lal.errors import Refused
from launch.dialects import composing, house_format
from launch.parsing.reading import Document
from launch.plan import warnings_of
from launch.sweep import Expanded, load

RING = {"data": {"dimension": 1, "p": 100, "k": 3, "template_type": "fourier"}, "model": {"model_type": "QuadraticRNN", "hidden_dim": 200}}
TORUS = {
    "data": {"dimension": 2, "p1": 10, "p2": 10, "k": 3, "template_type": "mnist"},
    "model": {"model_type": "SequentialMLP", "hidden_dim": 600},
}


@pytest.fixture
def file(tmp_path: Path):
    """Writes a sweep's values as YAML and loads it."""

    def loaded(values: Any, name: str = "old.yaml", *overrides: str) -> Expanded:
        (tmp_path / name).write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        return load(str(tmp_path / name), None, list(overrides))

    return loaded


def told(sweep: Expanded) -> str:
    """What a plan says of it."""
    return "\n".join(warnings_of(sweep, sweep.configs()))


def only(sweep: Expanded) -> dict[str, Any]:
    """The values of its one run."""
    (run,) = sweep.runs
    return dump(run.config)


def test_both_published_examples_are_read_as_they_stand(file):
    ring = only(file(RING))
    assert ring["kind"] == "composition" and ring["seed"] == 5 and ring["task"]["template"]["seed"] == 5
    assert ring["task"]["group"] == {"kind": "cyclic", "p": 100} and ring["task"]["k"] == 3 and ring["task"]["template"]["n_modes"] == 1
    assert ring["task"]["sampling"] == {"kind": "online", "batch_size": 1000} and ring["task"]["outputs"] == "last"
    assert ring["model"] == {"kind": "quadratic_rnn", "width": 200, "init_scale": 0.01, "interaction": "quadratic"}
    assert ring["optim"] == {"kind": "adam", "lr": 1e-3, "weight_decay": 0.0, "betas": [0.9, 0.999], "eps": 1e-8, "clip": 0.1}
    assert ring["budget"]["steps"] == 1_000_000 and ring["budget"]["stop"]["at_least"] == 0.99 and ring["budget"]["stop"]["sustain"] == 0
    torus = only(file(TORUS))
    assert torus["task"]["group"] == {"kind": "product", "p1": 10, "p2": 10} and torus["task"]["template"]["kind"] == "image"
    assert torus["task"]["template"]["digit"] == 4 and torus["model"]["kind"] == "sequential_mlp" and torus["model"]["width"] == 600
    assert torus["optim"]["kind"] == "per_neuron" and torus["optim"]["lr"] == 1.0


def test_the_published_sweep_is_read_as_it_stands(file, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**RING, "device": "cuda:1", "analysis": {"checkpoints": [0, 0.5, 1]}}), encoding="utf-8")
    experiments = [{"name": f"hidden_dim_{width}", "overrides": {"model": {"hidden_dim": width}}} for width in (32, 64)]
    sweep = file({"base_config": "config.yaml", "n_seeds": 3, "experiments": experiments})
    assert [(run.arm, run.seed, run.config.seed, run.config.task.template.seed, run.config.model.width) for run in sweep.runs] == [
        (f"hidden_dim_{width}", seed, seed, seed, width) for width in (32, 64) for seed in range(3)
    ]
    assert "device has no effect here; left out" in told(sweep) and "analysis.checkpoints has no effect here; left out" in told(sweep)


def test_a_grid_has_points_by_short_names_and_global_overrides(file):
    grid = {"data": {"k": [2, 3]}, "model": {"hidden_dim": [8, 16]}}
    sweep = file({"base_config": RING, "global_overrides": {"training": {"num_steps": 50}}, "parameter_grid": grid})
    assert [run.name for run in sweep.runs] == ["k2_h8", "k2_h16", "k3_h8", "k3_h16"]
    assert {run.config.budget.steps for run in sweep.runs} == {50}


EVERY: dict[tuple[str, ...], tuple[dict[tuple[str, ...], Any], Any, str, Any]] = {  # other keys, value, path here, value there
    ("data", "dimension"): ({}, 2, "task.group.kind", "product"),
    ("data", "p"): ({}, "17", "task.group.p", 17),
    ("data", "p1"): ({("data", "dimension"): 2}, 6, "task.group.p1", 6),
    ("data", "p2"): ({("data", "dimension"): 2}, 7.0, "task.group.p2", 7),
    ("data", "k"): ({}, 4, "task.k", 4),
    ("data", "batch_size"): ({}, "5e2", "task.sampling.batch_size", 500),
    ("data", "seed"): ({}, 9, "task.template.seed", 9),
    ("data", "template_type"): ({}, "gaussian", "task.template.kind", "gaussian"),
    ("data", "n_freqs"): ({}, 3, "task.template.n_modes", 3),
    ("data", "mnist_label"): ({("data", "template_type"): "mnist"}, 7, "task.template.digit", 7),
    ("data", "mode"): ({("training", "mode"): "offline"}, "exhaustive", "task.sampling.kind", "table"),
    ("model", "model_type"): ({}, "QuadraticRNN", "model.kind", "quadratic_rnn"),
    ("model", "hidden_dim"): ({}, 24, "model.width", 24),
    ("model", "init_scale"): ({}, "3e-1", "model.init_scale", 0.3),
    ("model", "transform_type"): ({("model", "model_type"): "QuadraticRNN"}, "multiplicative", "model.interaction", "multiplicative"),
    ("model", "return_all_outputs"): ({("model", "model_type"): "QuadraticRNN", ("data", "k"): 3}, True, "task.outputs", "every"),
    ("training", "mode"): ({("data", "mode"): "exhaustive"}, "offline", "task.sampling.train_frac", 1.0),
    ("training", "num_steps"): ({}, 70, "budget.steps", 70),
    ("training", "epochs"): ({("data", "mode"): "exhaustive", ("training", "mode"): "offline", ("data", "batch_size"): 30}, 5, "budget.steps", 20),
    ("training", "optimizer"): ({}, "adam", "optim.kind", "adam"),
    ("training", "learning_rate"): ({}, "5e-2", "optim.lr", 0.05),
    ("training", "betas"): ({("training", "optimizer"): "adam"}, [0.8, 0.9], "optim.betas", [0.8, 0.9]),
    ("training", "weight_decay"): ({("training", "optimizer"): "adam"}, 0.1, "optim.weight_decay", 0.1),
    ("training", "degree"): ({}, 2, "optim.degree", 2),
    ("training", "scaling_factor"): ({("training", "optimizer"): "hybrid", ("model", "model_type"): "QuadraticRNN"}, -2, "optim.scaling", -2.0),
    ("training", "grad_clip"): ({}, None, "optim.clip", None),
    ("training", "reduction_threshold"): ({}, 0.9, "budget.stop.at_least", 0.9),
    ("training", "save_param_interval"): ({}, 250, "measure.snapshot_every", 250),
}


def nested(leaves: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    """Leaves as sections; `dimension` marks the file where nothing else does."""
    values: dict[str, Any] = {"data": {"dimension": 1}}
    for (section, name), value in leaves.items():
        values.setdefault(section, {})[name] = value
    return values


@pytest.mark.parametrize("path", EVERY, ids=".".join)
def test_every_key_sets_what_the_table_says(path, file):
    others, value, there, expected = EVERY[path]
    found: Any = only(file(nested({**others, path: value})))
    for key in there.split("."):
        found = found[key]
    assert found == expected
    assert {*EVERY, *composing.IDLE} == {*composing.KEYS}


def test_a_key_with_a_dot_is_refused_with_how_to_write_it(file):
    with pytest.raises(Refused, match=r"model.hidden_dim must be a key within a section, but has a dot; write model: \{hidden_dim: ...\}"):
        file({**nested({}), "model.hidden_dim": 16})


def test_what_has_no_effect_is_told(file):
    sweep = file(nested({("data", "p1"): 4, ("data", "mnist_label"): 3, ("data", "num_samples"): 100, ("training", "scaling_factor"): -3}))
    for name in ("data.p1", "data.mnist_label", "training.scaling_factor"):
        assert f"{name} has no effect with the other keys of its run; left out" in told(sweep)
    assert "data.num_samples has no effect here; left out" in told(sweep)
    assert "is taken for 1, as it was there" in told(file(nested({("training", "learning_rate"): 0.001})))
    assert "training.learning_rate, not written, with per_neuron is taken for 1, as it was there" in told(file(nested({})))
    assert "takes digits of 8 x 8 pixels here" in told(file(nested({("data", "template_type"): "mnist"})))
    assert "return_all_outputs has no effect with k = 2" in told(file(nested({("model", "model_type"): "QuadraticRNN", ("model", "return_all_outputs"): True})))


@pytest.mark.parametrize(
    ("leaves", "text"),
    [
        ({("data", "dimension"): 3}, r"data.dimension must be 1 or 2, but is 3"),
        ({("data", "template_type"): "minst"}, r"data.template_type must be one of fourier, .*did you mean 'mnist'"),
        ({("model", "model_type"): "QuadraticRnn"}, r"model.model_type must be one of QuadraticRNN, SequentialMLP, but is 'QuadraticRnn'; did you mean"),
        ({("training", "optimizer"): "adamw"}, r"training.optimizer must be one of auto, adam, .*did you mean 'adam'"),
        ({("training", "mode"): "offline"}, r"data.mode must be exhaustive where training.mode is offline, but is sampled"),
        ({("data", "dimenson"): 2}, r"data.dimenson must be a known key of group composition, but is not; did you mean 'data.dimension'"),
        ({("data", "k"): 1}, r"old.yaml:\d+.*data.k"),
        ({("model", "hidden_dim"): "many"}, r"old.yaml:\d+.*model.hidden_dim"),
        ({("model", "return_all_outputs"): True, ("model", "model_type"): "SequentialMLP"}, r"return_all_outputs.*must be false with SequentialMLP"),
        ({("model", "return_all_outputs"): "yes", ("model", "model_type"): "QuadraticRNN"}, r"return_all_outputs must be true or false"),
        ({("training", "optimizer"): "hybrid"}, "hybrid is for quadratic_rnn"),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_place(leaves, text, file):
    with pytest.raises(Refused, match=text):
        file(nested(leaves))


def test_a_sweep_is_of_one_kind(file):
    experiments = [{"name": "a", "overrides": {"data": {"dimension": 1}}}, {"name": "b"}]
    with pytest.raises(Refused, match="all runs of a sweep must be of group composition, or none"):
        file({"base_config": {"data": {"p": 31}}, "experiments": experiments})


def test_one_hot_templates_have_no_seed_to_vary(file):
    sweep = file({"base_config": nested({("data", "template_type"): "onehot"}), "n_seeds": 2})
    assert [run.config.seed for run in sweep.runs] == [0, 1]


def test_the_translation_is_this_program_s_own_format():
    document = house_format(Document(RING, {(): "old.yaml"}), Path("old.yaml"))
    assert house_format(Document(document.values, {(): "new.yaml"}), Path("new.yaml")).values == document.values


@pytest.mark.parametrize("command", ["sweep", "plan"])
def test_one_gpu_for_a_whole_sweep_is_refused_with_what_to_write(command):
    with pytest.raises(Refused, match=r"one pool, but got --gpu 1, .*write resources.gpu=1 .*CUDA_VISIBLE_DEVICES=1"):
        CliRunner().invoke(lal, [command, "smoke", "--gpu", "1"], catch_exceptions=False, standalone_mode=False)
