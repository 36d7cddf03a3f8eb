"""Identity and strictness of configurations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lal import models, optim, part, penalties, tasks
from lal.config import dump, identity, parse, run_id
from lal.errors import Refused, nearest
from lal.models.mlp import Mlp
from lal.models.model import ROLES
from lal.part import Part, kind_of, members, trimmed
from tests.lal.small import MODELS, OPTIMS
from tests.lal.walk import Walk

GOLDENS = Path(__file__).parent / "goldens"
SMALL = {"task": {"p": 5, "train_frac": 0.5}}
SUM = {"kind": "sum", "weight": 0.1}


def golden(name):
    return json.loads((GOLDENS / name).read_text())


IDENTITIES = golden("ids.json")


@pytest.mark.parametrize("number", range(len(IDENTITIES)))
def test_run_ids_are_those_of_the_first_version(number):
    case = IDENTITIES[number]
    assert run_id(parse(case["values"])) == case["run_id"]


def defaults():
    """Every default that a run id takes for granted, by family and kind."""
    families = {"tasks": tasks.MEMBERS, "models": models.MEMBERS, "optim": optim.MEMBERS}
    families |= {"routing": penalties.ROUTING, "compute": penalties.COMPUTE, "spectral": penalties.SPECTRAL}
    built = {
        family: {kind_of(member): member(**({"weight": 1.0} if "weight" in member.model_fields else {})) for member in kinds}
        for family, kinds in families.items()
    }
    run = {key: value for key, value in dump(parse({})).items() if key not in ("measure", "budget")}
    return {"run": run, **{family: {kind: each.model_dump(mode="json") for kind, each in kinds.items()} for family, kinds in built.items()}}


def test_defaults_are_frozen():
    """A changed default would give old ids a new meaning; a new field with a default may be added here."""
    assert defaults() == golden("defaults.json")


def test_every_family_is_in_the_golden_of_ids():
    used = [case["values"] for case in IDENTITIES]
    assert {values.get("model", {}).get("kind", "mlp") for values in used} == {kind_of(member) for member in models.MEMBERS}


@pytest.mark.parametrize("change", [
    {"budget": {"steps": 7}}, {"budget": {"stop": None}}, {"budget": {"checkpoint_every_s": 1}},
    {"measure": {"eval_every": 7}}, {"measure": {"metrics": ["accuracy"]}},
    {"penalties": {"compute": {**SUM, "weight": 0}}}, {"penalties": {"spectral": {"weight": 0, "every": 5}, "routing": None}},
    {"seed": 0}, {"kind": "supervised"},
    {"optim": {"kind": "adamw", "lr": 1e-3, "betas": [0.9, 0.98], "roles": {"gate": {"weight_decay": 0}}}}, {"optim": {"kind": "adamw", "lr": "1e-3"}},
])  # fmt: skip
def test_what_does_not_change_the_trajectory_does_not_change_the_id(change):
    assert run_id(parse({**SMALL, **change})) == run_id(parse(SMALL))


CHANGES = [
    {"seed": 1},
    {"loss": "mse"},
    {"dtype": "float64"},
    {"task": {"p": 5, "train_frac": 0.6}},
    {"task": {"p": 5, "train_frac": 0.5, "split_seed": 1}},
    {"model": {"kind": "mlp", "width": 64}},
    {"model": {"kind": "gated"}},
    {"model": {"kind": "gated"}, "penalties": {"compute": SUM}},
    {"model": {"kind": "gated"}, "penalties": {"compute": {"kind": "flops", "weight": 0.1}}},
    {"penalties": {"spectral": {"weight": 0.1}}},
    {"penalties": {"spectral": {"weight": 0.1, "every": 2}}},
    {"optim": {"kind": "adam", "weight_decay": 1.0}},
    {"optim": {"kind": "adamw", "roles": {"bias": {"weight_decay": 0}}}},
    {"model": {"kind": "gated"}, "optim": {"kind": "adamw", "roles": {"gate": {"weight_decay": 1.0}}}},
    {"model": {"kind": "gated"}, "optim": {"kind": "adamw", "roles": {"gate": {"weight_decay": 1.0, "lr_scale": 0.5}}}},
    {"optim": {"kind": "adamw", "decay": {"steps": 10}}},
    {"optim": {"kind": "adamw", "batch_size": 5}},
]


def test_what_changes_the_trajectory_changes_the_id():
    ids = [run_id(parse({**SMALL, **change})) for change in ({}, *CHANGES)]
    assert len(set(ids)) == len(ids)


NUMBERS = st.floats(1e-6, 10)
ROLE_SETTINGS = st.fixed_dictionaries({}, optional={"lr_scale": NUMBERS, "weight_decay": st.none() | NUMBERS})
OPTIMIZERS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["adamw", "adam", "sgd"])},
    optional={
        "lr": NUMBERS,
        "weight_decay": NUMBERS,
        "warmup": st.integers(0, 9),
        "clip": st.none() | NUMBERS,
        "batch_size": st.none() | st.integers(1, 11),
        "decay": st.none()
        | st.fixed_dictionaries({"steps": st.integers(10, 10**6)}, optional={"kind": st.sampled_from(["linear", "cosine"]), "floor": st.floats(0, 1)}),
        "roles": st.fixed_dictionaries({}, optional=dict.fromkeys(("embedding", "weight", "bias"), ROLE_SETTINGS)),
    },
)
MEASURES = st.integers(1, 9).flatmap(
    lambda every: st.fixed_dictionaries(
        {"eval_every": st.just(every)}, optional={"metrics": st.just(["default"]) | st.just(["margin", "accuracy"]), "every": st.just({"margin": 3 * every})}
    )
)
RUNS = st.fixed_dictionaries(
    {"task": st.just({"p": 5, "train_frac": 0.5}), "model": st.sampled_from(list(MODELS.values())), "optim": OPTIMIZERS},
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "loss": st.sampled_from(["cross_entropy", "mse"]),
        "penalties": st.fixed_dictionaries({}, optional={"spectral": st.none() | st.fixed_dictionaries({"weight": st.floats(0, 10)})}),
        "measure": MEASURES,
        "budget": st.fixed_dictionaries(
            {"steps": st.integers(1, 10**9)}, optional={"stop": st.none() | st.fixed_dictionaries({"at_least": st.floats(0.01, 1)})}
        ),
    },
).filter(lambda values: not (values["model"].get("grow") and values["optim"].get("batch_size")))  # which is refused


@given(RUNS)
def test_parse_of_dump_is_identity(values):
    config = parse(values)
    through = parse(json.loads(json.dumps(dump(config))))
    assert through == config
    assert run_id(through) == run_id(config)
    assert json.loads(identity(config)) == config.trajectory()


@given(RUNS, st.randoms(use_true_random=False))
def test_the_order_of_keys_is_of_no_account(values, random):
    def shuffled(value):
        if not isinstance(value, dict):
            return value
        keys = list(value)
        random.shuffle(keys)
        return {key: shuffled(value[key]) for key in keys}

    assert run_id(parse(shuffled(values))) == run_id(parse(values))


@given(RUNS)
def test_ids_can_name_folders(values):
    from lal.store import checked_name

    assert checked_name(run_id(parse(values)), "run id")


@given(RUNS)
def test_a_trajectory_rebuilds_the_run(values):
    config = parse(values)
    again = parse({**config.trajectory(), "measure": dump(config)["measure"], "budget": dump(config)["budget"]})
    assert again.trajectory() == config.trajectory()


WRONG = {
    "task.prime": {"task": {"prime": 5}},
    "model.mlp.depht": {"model": {"kind": "mlp", "depht": 2}},
    "optim.adamw.betas.0": {"optim": {"kind": "adamw", "betas": ["a", 0.9]}},
    "optim.adamw.momentum": {"optim": {"kind": "adamw", "momentum": 0.9}},
    "optim": {"optim": {"kind": "adamm"}},
    "model": {"model": {"depth": 3}},
    "penalties.compute": {"penalties": {"compute": {"kind": "l1", "weight": 1}}},
    "penalties.compute.sum.weight": {"penalties": {"compute": {"kind": "sum"}}},
    "penalties.extra": {"penalties": {"extra": None}},
    "model.mlp.depth": {"model": {"kind": "mlp", "depth": 0}},
    "model.gated.width": {"model": {"kind": "gated", "width": "wide"}},
    "optim.adamw.lr": {"optim": {"kind": "adamw", "lr": "inf"}},
    "budget.steps": {"budget": {"steps": 0}},
    "budget.stop.tail.min_stesp": {"budget": {"stop": {"tail": {"min_stesp": 1}}}},
    "measure.every.margin": {"measure": {"every": {"margin": "often"}}},
    "seed": {"seed": -1},
    "epochs": {"epochs": 3},
}


@pytest.mark.parametrize("path", WRONG)
def test_unknown_keys_and_wrong_values_are_refused_at_their_path(path):
    with pytest.raises(ValidationError) as caught:
        parse(WRONG[path])
    assert path in [".".join(str(each) for each in error["loc"]).removeprefix("supervised.") for error in caught.value.errors()]


IDLE = [
    ({"model": {"kind": "mlp", "embed_dim": 8}}, "embed_dim has an effect only with inputs: sum or concat"),
    ({"model": {"kind": "gated", "temperature": 0.5}}, "temperature has an effect only with gate: gumbel"),
    ({"model": {"kind": "routed", "heads": 1, "state_width": 8}}, "state_width has an effect only with two heads or more"),
    ({"optim": {"kind": "adamw", "roles": {"router": {"lr_scale": 2}}}}, "optim.roles.router would have no effect"),
    ({"model": {"kind": "gated", "norm": "none"}, "optim": {"kind": "adamw", "roles": {"norm": {"weight_decay": 1}}}}, "optim.roles.norm would have no effect"),
    ({"penalties": {"compute": SUM}}, "penalties.compute: a compute penalty charges for gates"),
    ({"measure": {"metrics": ["accuracy", "gates"]}}, "metric gates does not apply"),
    ({"measure": {"every": {"functional_depth": 100}}}, "metric functional_depth does not apply"),
    ({"measure": {"metrics": ["accuracy"], "every": {"margin": 200}}}, "measure.every.margin would have no effect"),
    ({"measure": {"metrics": ["margin"]}}, "measure must read accuracy at every evaluation"),
    ({"measure": {"every": {"accuracy": 200}}}, "measure must read accuracy at every evaluation"),
    ({"measure": {"every": {"margin": 150}}}, "must be a positive multiple of eval_every=100, but got 150"),
    ({"measure": {"metrics": ["acuracy"]}}, "did you mean 'accuracy'"),
    ({"measure": {"metrics": "all"}}, r"write \[all\]"),
    ({"measure": {"every": {"margn": 100}}}, "did you mean 'margin'"),
    ({"budget": {"stop": {"at_least": 1.5}}}, "must be in \\(0, 1\\], but got 1.5"),
    ({"model": {"kind": "mlp", "depth": True}}, "depth must be a number, but got true"),
    ({"optim": {"kind": "adamw", "clip": False}}, "clip must be a number, but got false"),
]


@pytest.mark.parametrize(("values", "words"), IDLE)
def test_a_knob_without_effect_is_refused_with_the_reason(values, words):
    with pytest.raises(ValidationError, match=words):
        parse(values)


def test_every_role_has_settings():
    assert set(optim.Roles.model_fields) == set(ROLES)


def test_parts_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        parse(SMALL).seed = 3


class Offered(Part):
    kind: str = "offered"


class Entry:
    def __init__(self, member):
        self.member = member

    def load(self):
        return self.member


def test_installed_packages_add_members_and_may_not_take_a_name_twice(monkeypatch):
    monkeypatch.setattr(part, "entry_points", lambda *, group: [Entry(Offered)] if group == "lal.models" else [])
    assert members("lal.models", models.MEMBERS) == (*models.MEMBERS, Offered)
    assert members("lal.tasks", tasks.MEMBERS) == tasks.MEMBERS
    monkeypatch.setattr(part, "entry_points", lambda *, group: [Entry(Mlp)])
    with pytest.raises(Refused, match=r"every kind in lal.models must be offered once, but mlp is offered twice"):
        members("lal.models", models.MEMBERS)


def test_trimmed_keeps_what_differs_and_the_kind():
    assert trimmed(Mlp(width=3)) == {"kind": "mlp", "width": 3}
    assert trimmed(Walk(seed=2, drift=-0.5)) == {"kind": "walk", "seed": 2}


@pytest.mark.parametrize(("name", "remedy"), [("widht", "did you mean 'width'?"), ("zzz", "write one of: depth, width")])
def test_nearest(name, remedy):
    assert nearest(name, ["width", "depth"]) == remedy


@pytest.mark.parametrize("optimizer", OPTIMS)
def test_flops_parameters_and_warnings_are_told_before_a_run_is_built(optimizer):
    config = parse({**SMALL, "optim": OPTIMS[optimizer]})
    assert config.flops_per_step() == 3 * config.model.flops(config.task, 12) > 0
    assert config.n_parameters() > 0
    assert all(isinstance(text, str) for text in config.warnings())


WARNED = [
    ({}, r"p ln p; under 4 seldom generalises"),
    ({}, "test set of 13 rows is small"),
    ({"optim": {"kind": "adam", "weight_decay": 1}}, "adam adds weight decay to the loss"),
    ({"optim": {"kind": "sgd"}}, "weight decay 0 with softmax"),
    ({"model": {"kind": "gated"}, "optim": {"kind": "adamw", "roles": {"gate": {"weight_decay": 1.0}}}}, "gate parameters decay"),
    ({"budget": {"steps": 100}}, "decay time lr x wd x steps is 0.1 at most"),
]


@pytest.mark.parametrize(("values", "words"), WARNED)
def test_warnings(values, words):
    assert any(words in text for text in parse({**SMALL, **values}).warnings())
    calm = parse({"task": {"p": 113, "train_frac": 0.3}})
    assert not any(words in text for text in calm.warnings())
