"""The first five training losses of every model, in float64 on the CPU: what a seed means must not move."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lal.runs.supervised_loop import SupervisedRun
from lal.stopping import Stopper
from tests.lal.small import GROWING, MODELS, OPTIMS, run_config

GOLDEN = json.loads((Path(__file__).parent / "goldens" / "losses.json").read_text())
PRICES = {
    "gated": {"compute": {"kind": "sum", "weight": 0.1}},
    "routed": {"routing": {"kind": "entropy", "weight": 0.1}},
    "mlp": {"spectral": {"weight": 0.1, "every": 2}},
    "transformer": {},
    "transformer-routed": {"routing": {"kind": "gini", "weight": 0.1}},
    "transformer-tied": {"spectral": {"weight": 0.1, "every": 2}},
}
for each in ("routed-hard", "transformer-routed-hard"):
    PRICES[each] = {"routing": {"kind": "load_balance", "weight": 0.1}}
for each in ("routed-one-head", "routed-uniform", "transformer-routed-uniform"):
    PRICES[each] = {}


def first_losses(model, optim, batch_size):
    config = run_config(
        model,
        {**OPTIMS[optim], "batch_size": batch_size},
        dtype="float64",
        seed=3,
        penalties=PRICES.get(model, PRICES[model.split("-")[0]]),
        measure={"eval_every": 1, "metrics": ["accuracy", "price"]},
        budget={"steps": 5, "stop": None},
    )
    return [row["total_loss"] for row in SupervisedRun(config).rows(Stopper(config.budget, config.goal, config.fit))]


CASES = {
    f"{model} {optim} {batch_size}": (model, optim, batch_size)
    for model in MODELS
    for optim, batch_size in (("adamw", None), ("sgd", None if model in GROWING else 5))
}
CASES["mlp adam None"] = ("mlp", "adam", None)


def test_every_case_has_a_golden():
    assert GOLDEN.keys() == CASES.keys()


@pytest.mark.parametrize("case", CASES)
def test_first_losses(case):
    assert first_losses(*CASES[case]) == pytest.approx(GOLDEN[case], abs=1e-9)
