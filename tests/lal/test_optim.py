"""Schedules, and one step of every optimizer by hand."""

from __future__ import annotations

from math import cos, pi

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lal import optim
from lal.models.model import ROLES
from lal.optim import Adam, AdamW, Decay, Roles, RoleSettings, Sgd, UndecayedRoleSettings, set_lr
from lal.part import kind_of
from lal.runs.supervised_loop import SupervisedRun
from tests.lal.small import OPTIMS, run_config


def test_every_member_of_the_family_is_held_to_the_contract():
    assert {values["kind"] for values in OPTIMS.values()} >= {kind_of(member) for member in optim.MEMBERS}


def test_warm_up_is_linear_from_0_and_then_constant():
    rates = [AdamW(lr=0.8, warmup=4).lr_at(step) for step in range(7)]
    assert rates == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 0.8, 0.8])


def test_linear_decay_falls_from_the_end_of_warm_up_to_its_floor_at_its_own_horizon():
    schedule = AdamW(lr=1.0, warmup=2, decay=Decay(kind="linear", steps=10, floor=0.2))
    assert [schedule.lr_at(step) for step in (0, 1, 2, 6, 10, 500)] == pytest.approx([0, 0.5, 1.0, 0.6, 0.2, 0.2])


def test_cosine_decay():
    schedule = Sgd(lr=2.0, decay=Decay(steps=8))
    assert [schedule.lr_at(step) for step in range(10)] == pytest.approx([2 * (1 + cos(pi * min(step, 8) / 8)) / 2 for step in range(10)])


DECAYS = [None, *(Decay(kind=kind, steps=steps, floor=0.1) for kind in ("linear", "cosine") for steps in (1501, 3700))]


@given(st.integers(0, 1500), st.integers(0, 5000), st.sampled_from(DECAYS))
def test_tau_is_the_sum_of_learning_rates_times_weight_decay(warmup, steps, decay):
    part = AdamW(lr=0.01, weight_decay=2.0, warmup=warmup, decay=decay)
    exact = sum(part.lr_at(step) for step in range(steps)) * 2.0
    assert part.tau(steps) == pytest.approx(exact, rel=3e-3, abs=1e-3)


def test_a_decay_that_would_end_before_it_begins_is_refused():
    with pytest.raises(ValueError, match=r"decay.steps must be above warmup, .* decay.steps=5 with warmup=5"):
        AdamW(warmup=5, decay=Decay(steps=5))


def test_tau_of_a_constant_rate_is_exact_at_any_length():
    assert AdamW(lr=0.01, weight_decay=0.5).tau(10**10) == pytest.approx(0.005 * 10**10)


def test_the_tau_of_rows_is_the_sum_over_the_updates_done():
    config = run_config(optim={"kind": "adamw", "lr": 0.01, "weight_decay": 2.0, "warmup": 3, "decay": {"kind": "linear", "steps": 9}})
    run = SupervisedRun(config)
    for step in range(7):
        assert run.tau == pytest.approx(2 * sum(config.optim.lr_at(t) for t in range(step)), abs=1e-15)
        run.advance()


LEAF_ROLES = dict(zip(("a", "b", "c", "d", "e", "f"), ROLES, strict=True))
ROLE_SETTINGS = Roles(
    embedding=RoleSettings(lr_scale=0.5),
    bias=RoleSettings(weight_decay=0.0),
    norm=RoleSettings(weight_decay=0.7),
    gate=UndecayedRoleSettings(lr_scale=0.0),
    router=UndecayedRoleSettings(lr_scale=2.0, weight_decay=0.2),
)
SCALE = {"embedding": 0.5, "weight": 1.0, "bias": 1.0, "norm": 1.0, "gate": 0.0, "router": 2.0}
DECAY = {"embedding": 0.3, "weight": 0.3, "bias": 0.0, "norm": 0.7, "gate": 0.0, "router": 0.2}


class Leaves(nn.Module):
    """One parameter of every role, with a gradient."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        for name in LEAF_ROLES:
            parameter = nn.Parameter(torch.randn(3, dtype=torch.float64, generator=generator))
            parameter.grad = torch.randn(3, dtype=torch.float64, generator=generator)
            self.register_parameter(name, parameter)


def adam_direction(gradient, first, second, step, betas=(0.9, 0.98), eps=1e-8):
    first, second = betas[0] * first + (1 - betas[0]) * gradient, betas[1] * second + (1 - betas[1]) * gradient**2
    return (first / (1 - betas[0] ** step)) / ((second / (1 - betas[1] ** step)).sqrt() + eps), first, second


@pytest.mark.parametrize("member", [AdamW, Adam, Sgd])
def test_two_steps_by_hand_with_a_rate_and_a_decay_for_every_role(member):
    leaves = Leaves()
    part = member(lr=0.1, weight_decay=0.3, roles=ROLE_SETTINGS, **({"momentum": 0.5} if member is Sgd else {}))
    optimizer = part.build(leaves, LEAF_ROLES)
    expected = {name: (p.detach().clone(), torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)) for name, p in leaves.named_parameters()}
    for step, lr in ((1, 0.1), (2, 0.04)):
        set_lr(optimizer, lr)
        optimizer.step()
        for name, (w, first, second) in expected.items():
            rate, decay, gradient = lr * SCALE[LEAF_ROLES[name]], DECAY[LEAF_ROLES[name]], getattr(leaves, name).grad
            if member is AdamW:
                direction, first, second = adam_direction(gradient, first, second, step)
                w = w - rate * decay * w - rate * direction
            elif member is Adam:
                direction, first, second = adam_direction(gradient + decay * w, first, second, step)
                w = w - rate * direction
            else:
                first = 0.5 * first + gradient + decay * w
                w = w - rate * first
            expected[name] = (w, first, second)
            assert torch.allclose(getattr(leaves, name), w, atol=1e-12), (name, step)


def test_gates_and_routers_do_not_decay_unless_a_sweep_says_so():
    leaves = Leaves()
    groups = AdamW(weight_decay=1.0).groups(leaves, LEAF_ROLES)
    decay = {name: group["weight_decay"] for group in groups for name, p in leaves.named_parameters() if any(p is each for each in group["params"])}
    assert {LEAF_ROLES[name]: value for name, value in decay.items()} == {"embedding": 1, "weight": 1, "bias": 1, "norm": 1, "gate": 0, "router": 0}


def test_a_role_that_the_model_lacks_is_refused():
    with pytest.raises(ValueError, match=r"optim.roles.gate would have no effect: model mlp2x6 has only the roles embedding, weight, bias"):
        run_config(optim={"kind": "adamw", "roles": {"gate": {"lr_scale": 2}}})


def test_clipping_bounds_the_gradients_norm():
    for clip in (1e-3, 1e3):
        run = SupervisedRun(run_config(optim={"kind": "sgd", "lr": 0.1, "clip": clip}, dtype="float64"))
        before = [p.detach().clone() for p in run.parameters]
        run.advance()
        moved = torch.sqrt(sum((p - b).square().sum() for p, b in zip(run.parameters, before, strict=True))).item()
        assert moved == pytest.approx(0.1 * 1e-3, rel=1e-4) if clip < 1 else moved > 0.01


def test_the_first_update_of_a_warm_up_moves_nothing():
    run = SupervisedRun(run_config(optim={"kind": "adamw", "lr": 0.1, "warmup": 2}))
    before = [p.detach().clone() for p in run.parameters]
    run.advance()
    assert all(torch.equal(p, b) for p, b in zip(run.parameters, before, strict=True))
    run.advance()
    assert not all(torch.equal(p, b) for p, b in zip(run.parameters, before, strict=True))
