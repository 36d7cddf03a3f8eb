"""Files of two earlier formats: every key has its meaning here or is refused by name, and what they expand to is what this program's own format would."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lal.config import dump
from lal.errors import Refused
from launch.dialects import house_format
from launch.dialects.keys import ABOUT, BY_NAME, FLAGS, KEYS, MODEL_TYPES, REFUSED
from launch.dialects.nested import SECTIONS
from launch.parsing.reading import Document
from launch.plan import warnings_of
from launch.sweep import Expanded, document_of, expanded, load

FLAT = {"p": 31, "epochs": 100, "log_every": 10}
SAMPLES: dict[str, Any] = {
    "p": 37,
    "operation": "mul",
    "k": 3,
    "train_frac": 0.4,
    "data_seed": 9,
    "hidden_dim": 24,
    "n_layers": 3,
    "n_heads": 2,
    "n_ffn_heads": 3,
    "tie_embeddings": True,
    "init_scale": 0.5,
    "gate_type": "gumbel-softmax",
    "task_loss": "mse",
    "routing_regularizer": "sparsity",
    "lambda_routing": 0.25,
    "lambda_spectral": 0.2,
    "spectral_k": 5,
    "spectral_interval": 10,
    "lambda_compute": 0.3,
    "compute_cost_fn": "weighted",
    "optimizer": "adam",
    "lr": "2e-3",
    "weight_decay": 0.3,
    "beta1": 0.8,
    "beta2": 0.95,
    "eps": "1e-9",
    "grad_clip": 1.0,
    "warmup_epochs": 7,
    "batch_size": 64,
    "epochs": 200,
    "num_steps": 150,
    "log_every": 20,
    "save_routing_every": 50,
    "checkpoint_every": 40,
    "compute_weight_curvature": True,
    "weight_curvature_interval": 30,
    "compute_optimizer_metrics": True,
}
HERE = {"mul": "multiply", "gumbel-softmax": "gumbel", "weighted": "flops", "2e-3": 2e-3, "1e-9": 1e-9}


@pytest.fixture
def file(tmp_path: Path):
    """Writes a sweep's values as YAML and gives the path."""

    def written(values: Any, name: str = "old.yaml") -> str:
        (tmp_path / name).write_text(values if isinstance(values, str) else yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        return str(tmp_path / name)

    return written


def at(values: Any, path: str) -> Any:
    """The value at a dotted path of plain data."""
    for key in path.split("."):
        values = values[int(key)] if isinstance(values, list) else values[key]
    return values


def network_for(name: str) -> dict[str, Any]:
    """Other keys with which `name` is read."""
    needed: dict[str, Any] = {}
    for other, values in BY_NAME[name].only.items():
        needed |= {other: values[-1]} if values else {other: SAMPLES[other], **network_for(other)}
    return needed


def flat_for(name: str) -> dict[str, Any]:
    """A run in which key `name` is read."""
    return {key: value for key, value in {**FLAT, **network_for(name)}.items() if (name, key) != ("num_steps", "epochs")}


def of_flat(values: dict[str, Any]) -> dict[str, Any]:
    """The base that a flat run becomes."""
    return house_format(Document(values, {(): "old.yaml"}), Path("old.yaml")).values["base"]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_key_sets_what_the_table_says(key: Any) -> None:
    value = SAMPLES[key.name]
    run = of_flat({**flat_for(key.name), key.name: value})
    steps = 6 if key.name == "batch_size" else 1
    for path in key.sets:
        expected = ["default", *key.adds] if key.adds else HERE.get(value, value) if isinstance(value, str) else value
        found = at(run, path)
        assert (sorted(found), sorted(expected)) == (found, found) if key.adds else found == expected or float(found) == expected
    assert run["budget"]["steps"] == (
        SAMPLES["num_steps"] if key.name == "num_steps" else SAMPLES["epochs"] if key.name == "epochs" else 100 * (5 if steps == 6 else 1)
    )
    assert set(SAMPLES) == set(BY_NAME)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_key_is_where_the_nested_format_has_it(key: Any) -> None:
    values: dict[str, Any] = {"data": {}, "model": {}, "training": {}}
    written = {**flat_for(key.name), key.name: SAMPLES[key.name]}
    for name, value in written.items():
        section = "model" if name == "model_type" else BY_NAME[name].section
        values[section][BY_NAME[name].aliases[0] if name != "model_type" and BY_NAME[name].aliases else name] = value
    flat = of_flat(written)
    nested = of_flat(values)
    if key.name != "data_seed":
        flat["task"].pop("split_seed")
    assert nested == flat


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_null_turns_off_what_can_be_off_and_else_is_as_not_written(key: Any) -> None:
    others = {name: value for name, value in {**FLAT, **network_for(key.name)}.items() if name != key.name}
    null = of_flat({**others, key.name: None})
    if key.switch:
        assert key.sets[0].split(".")[1] not in null.get("penalties", {})
    elif key.none is not None:
        assert at(null, key.sets[0]) == key.none
    else:
        assert null == of_flat(others)


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_meaning_is_refused_by_name(name: str, file: Any) -> None:
    with pytest.raises(Refused, match=rf"old.yaml:2: {name} cannot be taken over: .*remove it"):
        load(file(f"p: 31\n{name}: 3\n"))
    with pytest.raises(Refused, match=rf"old.yaml:3: (training\.)?{name} cannot be taken over"):
        load(file(f"data: {{p: 31}}\ntraining:\n  {name}: 3\n"))


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_every_type_of_model_is_one_of_this_program(model_type: str, file: Any) -> None:
    (run,) = load(file({**FLAT, "model_type": model_type, "hidden_dim": 16, "log_every": 10})).runs
    for path, value in MODEL_TYPES[model_type].items():
        assert at(dump(run.config), path) == value


def test_defaults_are_those_of_the_format(file: Any) -> None:
    (run,) = load(file({"p": 113})).runs
    values = dump(run.config)
    assert run.seed == 42 and values["task"]["split_seed"] == 42 and values["budget"] == {**values["budget"], "steps": 50_000, "stop": None}
    assert values["model"] == {**values["model"], "kind": "routed", "width": 128, "depth": 4, "heads": 4}
    assert values["optim"] == {**values["optim"], "kind": "adamw", "lr": 1e-3, "weight_decay": 0.1, "betas": [0.9, 0.98], "eps": 1e-8, "clip": None}
    assert values["penalties"]["routing"] == {"kind": "entropy", "weight": 0.01} and values["measure"]["eval_every"] == 100
    gated = dump(load(file({"p": 113, "gate_type": "sigmoid"})).runs[0].config)
    assert gated["model"]["depth"] == 10 and gated["penalties"]["compute"] == {"kind": "sum", "weight": 0.01}


def test_epochs_of_batches_are_counted_in_steps(file: Any) -> None:
    path = file({"model_type": "baseline", "p": 31, "train_frac": 0.5, "batch_size": 100, "epochs": 30, "log_every": 2, "warmup_epochs": 3})
    values = dump(load(path).runs[0].config)
    assert values["optim"]["batch_size"] == 100  # 480 training rows: 5 batches
    assert (values["budget"]["steps"], values["measure"]["eval_every"], values["optim"]["warmup"]) == (150, 10, 15)
    whole = dump(load(file({"model_type": "baseline", "p": 31, "train_frac": 0.5, "batch_size": 480, "epochs": 30})).runs[0].config)
    assert whole["optim"]["batch_size"] is None and whole["budget"]["steps"] == 30


def test_a_flat_sweep_has_an_arm_for_every_experiment(file: Any) -> None:
    file({"p": 31, "epochs": 100, "routing_regularizer": None, "n_heads": 4, "seed": 7}, "base.yaml")
    experiments = [
        {"name": "plain", "model_type": "baseline", "notes": "to compare with"},
        {"name": "charged", "routing_regularizer": "entropy", "lambda_routing": 0.1},
        {"name": "narrow", "overrides": {"hidden_dim": 16, "seed": 8}},
    ]
    sweep = load(file({"base": "base.yaml", "notes": "All of it.", "experiments": experiments}))
    assert sweep.folder == "old" and sweep.sweep.question == "All of it.\nplain: to compare with"
    assert [(run.arm, run.seed, run.config.model.kind, run.config.model.width) for run in sweep.runs] == [  # type: ignore[attr-defined]
        ("plain", 7, "mlp", 128),
        ("charged", 7, "routed", 128),
        ("narrow", 8, "routed", 16),
    ]
    assert [at(dump(run.config), "penalties.routing") for run in sweep.runs] == [None, {"kind": "entropy", "weight": 0.1}, None]
    told = [text for text in warnings_of(sweep, sweep.configs()) if "left out" in text]
    assert len(told) == 1 and re.search(r"base\.yaml:\d: n_heads has no effect with model_type: baseline; left out", told[0])
    assert {run.config.model.width for run in load(file({"base": "base.yaml", "experiments": experiments}), None, ["model.width=8"]).runs} == {8}  # type: ignore[attr-defined]


NESTED = {
    "data": {"p": 31, "train_frac": 0.7, "seed": 5},
    "model": {"model_type": "baseline", "hidden_dim": 16},
    "training": {"learning_rate": 1e-2, "betas": [0.9, 0.999], "epochs": 100},
}


def test_a_nested_sweep_has_arms_or_points_and_seeds_of_its_own(file: Any) -> None:
    file(NESTED, "base.yaml")
    experiments = [{"name": "h8", "overrides": {"model": {"hidden_dim": 8}}}, {"name": "same"}]
    named = load(file({"base_config": "base.yaml", "n_seeds": 2, "global_overrides": {"training": {"grad_clip": 0.1}}, "experiments": experiments}))
    assert [(run.arm, run.seed, run.config.seed, at(dump(run.config), "task.split_seed"), at(dump(run.config), "model.width")) for run in named.runs] == [
        ("h8", 0, 0, 0, 8),
        ("h8", 1, 1, 1, 8),
        ("same", 0, 0, 0, 16),
        ("same", 1, 1, 1, 16),
    ]
    assert {at(dump(run.config), "optim.clip") for run in named.runs} == {0.1}
    assert at(dump(named.runs[0].config), "optim.betas") == [0.9, 0.999]
    grid = load(file({"base_config": NESTED, "n_seeds": 1, "parameter_grid": {"model": {"hidden_dim": [8, 16]}, "training": {"learning_rate": ["1e-2", 0.1]}}}))
    assert [(run.name, *run.point.values()) for run in grid.runs] == [
        ("h8_lr1e-2", 8, 0.01),
        ("h8_lr0.1", 8, 0.1),
        ("h16_lr1e-2", 16, 0.01),
        ("h16_lr0.1", 16, 0.1),
    ]
    alone = load(file(NESTED))
    assert [(run.seed, at(dump(run.config), "task.split_seed")) for run in alone.runs] == [(5, 5)]
    assert len(load(file({"base_config": "base.yaml", "n_seeds": 3})).runs) == 3


ABOUT_VALUES = {"model_type": "gated", "name": "other", "notes": "some", "description": "some", "seed": 3}
LEVELS = {
    "lone run": lambda key: {"data": {"p": 31}, **key},
    "base_config": lambda key: {"base_config": {"data": {"p": 31}, **key}, "n_seeds": 2},
    "sweep": lambda key: {"base_config": {"data": {"p": 31}}, **key},
    "global_overrides": lambda key: {"base_config": {"data": {"p": 31}}, "global_overrides": key},
    "experiment": lambda key: {"base_config": {"data": {"p": 31}}, "experiments": [{"name": "a", **key}]},
    "overrides": lambda key: {"base_config": {"data": {"p": 31}}, "experiments": [{"name": "a", "overrides": key}]},
    "grid": lambda key: {"base_config": {"data": {"p": 31}}, "parameter_grid": {name: [value] for name, value in key.items()}},
    **{section: lambda key, section=section: {"data": {"p": 31}, section: {**({"p": 31} if section == "data" else {}), **key}} for section in SECTIONS},
}
HEADS = {("lone run", "name"), ("lone run", "notes"), ("lone run", "description"), ("sweep", "name"), ("sweep", "notes"), ("sweep", "description")}
HEARD = {*HEADS, ("data", "seed"), ("model", "model_type"), ("experiment", "name")}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("key", ABOUT)
def test_a_key_about_the_file_is_heard_at_its_level_and_refused_at_every_other(key: str, level: str, file: Any) -> None:
    values = LEVELS[level]({key: ABOUT_VALUES[key]})
    if (level, key) not in HEARD:
        with pytest.raises(Refused, match=rf"old.yaml:\d+.*\b{key}\b"):
            load(file(values))
        return
    found = load(file(values))
    seed, kind = found.runs[0].seed, found.runs[0].config.model.kind  # type: ignore[attr-defined]
    if level == "experiment":
        assert found.runs[0].arm == "other"
    else:
        heard = {"name": found.folder == "other", "notes": found.sweep.question == "some", "description": found.sweep.question == "some"}
        assert {**heard, "seed": seed == 3, "model_type": kind == "gated"}[key]


@pytest.mark.parametrize("seeds", [{}, {"n_seeds": 2}])
def test_a_seed_that_a_nested_sweep_replaces_is_told(seeds: dict[str, int], file: Any) -> None:
    experiments = [{"name": "a", "overrides": {"data": {"seed": 7}}}, {"name": "b"}]
    found = load(file({"base_config": {"data": {"p": 31, "seed": 5}}, **seeds, "experiments": experiments}))
    assert [run.seed for run in found.runs] == [*range(seeds.get("n_seeds", 1))] * 2
    told = [text for text in warnings_of(found, found.configs()) if "data.seed has no effect in a sweep" in text]
    assert len(told) == 2 and all(re.match(r"\S*old.yaml:\d+: ", text) for text in told)


def test_a_seed_that_is_null_is_the_format_s(file: Any) -> None:
    assert {load(file(values)).runs[0].seed for values in ({"p": 31, "seed": None}, {"data": {"p": 31, "seed": None}}, {"data": {"p": 31}})} == {42}


SPELT = {
    "an int": lambda number: number,
    "a float": float,
    "text": str,
    "text with a point": lambda number: f"{number}.0",
    "text with an exponent": lambda number: f"{number}e0",
    "text with a negative exponent": lambda number: f" {number}0e-1",
}
WHOLE = {key.name: SAMPLES[key.name] for key in KEYS if key.whole}


@settings(max_examples=60)
@given(st.sampled_from(list(SPELT)), st.sampled_from(list(WHOLE)), st.sampled_from(["batch_size", "epochs", "log_every", "p"]), st.integers(1, 400))
def test_a_whole_number_is_the_same_run_however_it_is_spelt(spelling: str, key: str, other: str, batch: int) -> None:
    values = {**flat_for(key), "batch_size": batch, key: WHOLE[key]}
    if other in values:
        values[other] = max(values[other], 17)

    def runs(spelt: Any) -> list[tuple[Any, ...]]:
        written = {name: spelt(value) if name in (key, other) else value for name, value in values.items()}
        return [(run.run_id, dump(run.config)) for run in expanded(house_format(Document(written, {(): "old.yaml"}), Path("old.yaml")), "old.yaml").runs]

    assert runs(SPELT[spelling]) == runs(SPELT["an int"])


def test_epochs_of_batches_count_alike_however_they_are_spelt(file: Any) -> None:
    for batch, epochs in (("100", "1.0e+4"), ("1.0e+2", "10000"), ("'100'", "'10000'"), ("1e2", "1e4")):
        values = dump(load(file(f"model_type: baseline\np: 31\ntrain_frac: 0.3\nbatch_size: {batch}\nepochs: {epochs}\n")).runs[0].config)
        assert (values["optim"]["batch_size"], values["budget"]["steps"]) == (100, 30_000)


@pytest.mark.parametrize("key", WHOLE)
@pytest.mark.parametrize("value", [1.5, "many", True, [3], "inf", "1e30", float(2**70)])
def test_what_is_no_whole_number_is_refused_by_name(key: str, value: Any) -> None:
    with pytest.raises(Refused, match=rf"old.yaml: {key} must be a whole number"):
        of_flat({**flat_for(key), key: value})


WRONG = {
    "a grid of seeds": ("base_config: {}\nparameter_grid: {data: {seed: [1, 2]}}", "old.yaml:2: parameter_grid must vary what runs are, but has data.seed"),
    "a value that is an empty mapping": ("data: {p: 31}\ntraining: {lr: {}}", r"old.yaml:2 \(training.lr\): optim.lr must be"),
    "two names of one experiment": ("experiments:\n- name: a\n  overrides: {name: b}", "old.yaml:3: an experiment has its name beside overrides"),
    "a misspelt key": ("p: 31\nhidden_dm: 3", "old.yaml:2: hidden_dm must be a known key.*did you mean 'hidden_dim'"),
    "a misspelt nested key": ("data: {p: 31}\nmodel:\n  hidden_dm: 3", "old.yaml:3: model.hidden_dm must be a known key"),
    "a type of the nested format": ("p: 31\nmodel_type: QuadraticRNN", "old.yaml:2: model_type must be one of baseline, .*QuadraticRNN.*nested format"),
    "a value out of range": ("p: 31\nhidden_dim: 0", r"old.yaml:2 \(hidden_dim\): model.width must be greater than or equal to 1, but is 0"),
    "in an experiment": ("experiments:\n- name: a\n  p: 31\n  train_frac: 2", r"old.yaml:4 \(train_frac\): task.train_frac must be less than 1"),
    "an unknown regularizer": ("p: 31\nrouting_regularizer: entropi", r"old.yaml:2 \(routing_regularizer\): penalties.routing.kind must be one of"),
    "two names": ("experiments: [{name: a}, {name: a}]", "old.yaml:1: names of experiments must differ, but 'a'"),
    "no name": ("experiments: [{p: 31}]", r"experiments\[0\] must be a mapping with a name"),
    "no experiments": ("base: {p: 31}\nexperiments: []", "old.yaml:2: experiments must be a list with at least one"),
    "keys beside base": ("base: {p: 31}\nlr: 0.1\nexperiments: [{name: a}]", "old.yaml:2: lr must be in base or in an experiment"),
    "both epochs and steps": ("p: 31\nepochs: 3\nnum_steps: 3", "old.yaml:3: num_steps must not be given here: another key sets budget.steps"),
    "a base that is not there": (
        "base: nofile.yaml\nexperiments: [{name: a}]",
        "base must be a mapping or name a YAML file, but .*old.yaml:1 names 'nofile.yaml'",
    ),
    "a base_config that is not there": ("base_config: nofile.yaml", "base_config must be a mapping or name a YAML file"),
    "both ways to vary": ("base_config: {}\nexperiments: [{name: a}]\nparameter_grid: {}", "must have experiments or a parameter_grid, but has both"),
    "a grid of single values": ("base_config: {}\nparameter_grid: {data: {p: 3}}", "parameter_grid.data.p must be a list"),
    "keys beside overrides": ("base_config: {}\nexperiments: [{name: a, model: {}}]", "must have a name and overrides, but has 'model'"),
    "no number of seeds": ("base_config: {}\nn_seeds: 0", "old.yaml:2: seeds must be a number from 1"),
    "a base that is a number": ("base: 3\nexperiments: [{name: a}]", "old.yaml:1: base must be a mapping"),
    "overrides that are a list": ("experiments:\n- name: a\n  overrides: [1]", r"old.yaml:3: experiments.0.overrides must be a mapping"),
    "a base_config that is a number": ("base_config: 3", "old.yaml:1: base_config must be a mapping"),
    "sections that are numbers": ("data: 3", "old.yaml:1: data must be a known key"),
    "a type that is a list": ("p: 31\nmodel_type: [routed]", "old.yaml:2: model_type must be one of"),
    "batches of nothing": ("p: 31\nbatch_size: 0", r"old.yaml:2 \(batch_size\): optim.batch_size must be greater than or equal to 1"),
    "yes as a switch": ("p: 31\ncompute_optimizer_metrics: 1", "compute_optimizer_metrics must be true or false"),
    "house and flat": ("base: {task: {p: 31}}\nlr: 0.1", "old.yaml:2 has 'lr' of the flat format, and .*old.yaml:1 has 'base.task' of this program's"),
    "flat and house": ("p: 31\naxes: {model.depth: [1]}", "'p' of the flat format, and .*'axes' of this program's"),
    "house and nested": ("name: x\narms: {}\nn_seeds: 3", "'arms' of this program's format, and .*'n_seeds' of the nested"),
    "flat and nested": ("data: {p: 31}\nhidden_dim: 3", "old.yaml:1 has 'data' of the nested format, and .*old.yaml:2 has 'hidden_dim' of the flat format"),
    "both in base": ("name: x\nbase: {task: {p: 31}, lr: 0.1}", "'base.task' of this program's format, and .*'base.lr' of the flat"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_with_file_line_and_key(text: str, message: str, file: Any) -> None:
    with pytest.raises(Refused, match=message):
        load(file(text))


def test_flags_are_overrides_here(file: Any) -> None:
    path = file({**FLAT, "model_type": "routed_transformer", "hidden_dim": 32})
    plain = file({**FLAT, "model_type": "routed", "hidden_dim": 32}, "plain.yaml")
    for flag, here in FLAGS.items():
        words = [word for word in re.findall(r"`([^`]*)`", here) if "=" in word and not word.startswith(("CUDA", "lal"))]
        assert words or flag in ("--config FILE", "--sweep FILE", "--dry-run", "--resume", "--gpu N", "--output-dir DIR"), flag
        for word in words:
            assert load(path if "feed_forward" in word else plain, None, [word]).runs


def test_examples_that_people_read_expand(file: Any) -> None:
    page = (Path(__file__).parents[2] / "docs/dialects.md").read_text(encoding="utf-8")
    flat, nested = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert [run.arm for run in load(file(flat)).runs] == ["baseline_2layer", "routed_entropy"]
    assert [(run.name, run.seed) for run in load(file(nested)).runs] == [(name, seed) for name in ("h32", "h64") for seed in range(3)]
    assert all(f"`{name}`" in page for name in (*ABOUT, *BY_NAME, *REFUSED))


def ids(sweep: Expanded) -> list[tuple[str, str, int]]:
    return [(run.arm, run.run_id, run.seed) for run in sweep.runs]


RUNS = st.fixed_dictionaries(
    {"p": st.sampled_from([11, 31]), "model_type": st.sampled_from(["baseline", "routed", "single_head", "gated"])},
    optional={
        "lr": st.floats(1e-5, 1),
        "hidden_dim": st.integers(1, 64),
        "n_heads": st.integers(2, 4),
        "lambda_routing": st.floats(0, 1),
        "lambda_compute": st.floats(0, 1),
        "lambda_spectral": st.sampled_from([0, 0.1]),
        "batch_size": st.sampled_from([-1, 16, None]),
        "seed": st.integers(0, 99),
        "routing_regularizer": st.sampled_from(["entropy", "gini", "none", None]),
        "grad_clip": st.sampled_from([None, 1.0]),
    },
)


@settings(max_examples=40)
@given(RUNS, st.lists(RUNS, min_size=1, max_size=3))
def test_what_a_dialect_says_written_in_this_program_s_format_is_the_same_runs(base: dict[str, Any], experiments: list[dict[str, Any]]) -> None:
    named = [{"name": f"e{index}", **each} for index, each in enumerate(experiments)]
    for values in (base, {"base": base, "experiments": named}):
        translation = house_format(Document(values, {(): "old.yaml"}), Path("old.yaml"))
        again = yaml.safe_load(yaml.safe_dump(translation.values))
        assert ids(expanded(Document(again, {(): "new.yaml"}), "new.yaml")) == ids(expanded(translation, "old.yaml"))
        assert house_format(Document(again, {(): "new.yaml"}), Path("new.yaml")).values == again


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=4), st.just([1]), st.just({"a": 1})
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from([*BY_NAME, *ABOUT]), ODD, min_size=1, max_size=4), st.booleans())
def test_whatever_is_written_is_a_run_or_is_refused(values: dict[str, Any], nested: bool) -> None:
    values = {"p": 11, "epochs": 10, **values}
    whole = {"data": {"p": 11}, "training": values} if nested else values
    try:
        translation = house_format(Document(whole, {(): "old.yaml"}), Path("old.yaml"))
        assert expanded(translation, "old.yaml").runs
    except Refused as error:
        assert "old.yaml" in str(error)


def test_a_house_file_is_left_as_it_is() -> None:
    document = document_of("quickstart")
    assert house_format(document, Path("quickstart.yaml")) is document and not document.left_out
