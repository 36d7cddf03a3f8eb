"""Adam's moments against sums over all gradients that there were."""

from __future__ import annotations

from statistics import mean, median_low

import pytest

from lal.metrics import METRICS
from lal.runs.supervised_loop import SupervisedRun
from tests.lal.small import run_config
from tests.lal.test_metrics import measured

OPTIM = {
    "lr": 0.03,
    "weight_decay": 0.2,
    "betas": [0.8, 0.95],
    "eps": 1e-3,
    "warmup": 3,
    "roles": {"embedding": {"lr_scale": 0.5}, "bias": {"weight_decay": 0.0}},
}


def stepped(kind, steps, **more):
    """A run after `steps` updates, and the gradients that its optimizer was given, by parameter."""
    run = SupervisedRun(run_config("mlp", {"kind": kind, **OPTIM, **more}, dtype="float64"))
    seen = {name: [] for name, _ in run.network.named_parameters()}
    run.optimizer.register_step_pre_hook(lambda *_: [seen[name].append(p.grad.flatten().tolist()) for name, p in run.network.named_parameters()] and None)
    for _ in range(steps):
        run.advance()
    return run, seen


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_columns_from_all_gradients(kind, steps):
    more = {"weight_decay": 0.0, "roles": {"embedding": {"lr_scale": 0.5}}} if kind == "adam" else {}  # its L2 term is in no gradient that one sees
    run, seen = stepped(kind, steps, **more)
    values, roles = measured(run, "adam"), run.network.roles()
    (b1, b2), lr = OPTIM["betas"], OPTIM["lr"] * min(1, (steps - 1) / 3)
    ratios, rates, moved, taken = [], [], 0.0, 0.0
    for name, parameter in run.network.named_parameters():
        scale, decay = {"embedding": (0.5, 0.2), "bias": (1, 0.0)}.get(roles[name], (1, 0.2))
        for index, weight in enumerate(parameter.flatten().tolist()):
            past = [each[index] for each in seen[name]]
            m = sum((1 - b1) * b1 ** (steps - 1 - t) * g for t, g in enumerate(past)) / (1 - b1**steps)
            v = sum((1 - b2) * b2 ** (steps - 1 - t) * g * g for t, g in enumerate(past)) / (1 - b2**steps)
            root = v**0.5 + OPTIM["eps"]
            ratios.append(abs(m) / root)
            rates.append(scale * lr / root)
            moved += (scale * m / root) ** 2
            taken += (scale * decay * weight) ** 2
    expected = {"adam_snr": mean(ratios), "effective_lr": mean(rates), "effective_lr_median": median_low(rates)}
    if kind == "adamw":
        expected["update_decay_ratio"] = (moved / taken) ** 0.5
    assert values == pytest.approx(expected, rel=1e-9)


def test_of_adam_without_l2():
    plain, seen = stepped("adam", 6, weight_decay=0.0, roles={})
    decoupled, _ = stepped("adamw", 6, weight_decay=0.0, roles={})
    assert len(seen["embedding.weight"]) == 6
    values, same = measured(plain, "adam"), measured(decoupled, "adam")
    assert same.pop("update_decay_ratio") is None
    assert values == pytest.approx(same)


def test_null_before_the_first_step_and_not_for_others():
    run, _ = stepped("adamw", 0)
    assert measured(run, "adam") == dict.fromkeys(METRICS["adam"].columns(run.config))
    assert "adam" not in run_config(optim="sgd").metrics()


def test_frozen_update_moves_nothing():
    run, _ = stepped("adamw", 3, roles={"embedding": {"lr_scale": 0.0}, "weight": {"lr_scale": 0.0}, "bias": {"lr_scale": 0.0}})
    values = measured(run, "adam")
    assert values["effective_lr"] == 0
    assert values["adam_snr"] > 0
    assert values["update_decay_ratio"] is None
