"""What ids take for granted, and what a seed means: run ids, defaults and the first losses in float64 on the CPU must not move."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lal import groups
from lal.composition import models, optim
from lal.composition.task import GroupTask, Online, Table
from lal.config import dump, parse, run_id
from lal.groups import templates
from lal.part import kind_of
from lal.stopping import Stopper
from tests.lal.small import COMPOSITIONS, composition_config

GOLDEN = json.loads((Path(__file__).parent.parent / "goldens" / "compositions.json").read_text())
NEEDED = {"fourier": {"n_modes": 1}, "given": {"values": [1.0, 2.0]}}  # by members that have no default of their own


def first_losses(name):
    config = composition_config(name, dtype="float64", measure={"eval_every": 1, "metrics": ["loss"]}, budget={"steps": 5, "stop": None})
    return [row["test_loss"] for row in config.start().rows(Stopper(config.budget, config.goal, config.fit))]


def defaults():
    families = {"model": models.MEMBERS, "optim": optim.MEMBERS, "group": groups.MEMBERS, "template": templates.MEMBERS, "sampling": (Online, Table)}
    families |= {"task": (GroupTask,)}
    found = {
        family: {kind_of(member): member(**NEEDED.get(kind_of(member), {})).model_dump(mode="json") for member in kinds} for family, kinds in families.items()
    }
    return found | {"run": {key: value for key, value in dump(parse({"kind": "composition"})).items() if key not in ("measure", "budget")}}


def ids():
    return {name: run_id(composition_config(name)) for name in COMPOSITIONS} | {"default": run_id(parse({"kind": "composition"}))}


def test_defaults_and_ids_are_frozen():
    """A changed default would give old ids a new meaning; a new field with a default may be added to the file."""
    assert defaults() == GOLDEN["defaults"]
    assert ids() == GOLDEN["ids"]


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_first_losses(name):
    assert first_losses(name) == pytest.approx(GOLDEN["losses"][name], abs=1e-9)
