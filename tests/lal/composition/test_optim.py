"""Steps of the optimizers against their formulas."""

from __future__ import annotations

import pytest
import torch

from lal.composition.per_neuron import HybridDescent, NeuronDescent
from lal.runs.composition import Composition
from tests.lal.composition.test_network import built, run_of, tuples

MLP, RNN = {"kind": "sequential_mlp"}, {"kind": "quadratic_rnn"}


def with_optim(model, optim, k=3):
    config = run_of(model, k)
    return Composition.model_validate({**config.model_dump(mode="json"), "optim": optim})


def backward(network, config, seed=0):
    network.zero_grad()
    (network(tuples(config, 5 + seed)) ** 2).mean().backward()
    return {name: each.grad.clone() for name, each in network.named_parameters() if each.grad is not None}


def norms(network):
    parts = [network.w_in, *([network.w_drive] if hasattr(network, "w_drive") else [])]
    return torch.stack([sum(part[i].square().sum() for part in parts) + network.w_out[:, i].square().sum() + 1e-12 for i in range(6)]).sqrt().detach()


@pytest.mark.parametrize(("model", "degree", "inferred"), [(MLP, None, 4), (MLP, 3, 3), ({"kind": "two_layer", "activation": "relu"}, None, 2)])
def test_a_step_per_neuron_is_its_formula(model, degree, inferred):
    config = with_optim(model, {"kind": "per_neuron", "lr": 0.1, **({"degree": degree} if degree else {})})
    network = built(config)
    optimizer = config.optim.build(network, config.model, config.task)
    gradient, size = backward(network, config), 0.1 * norms(network) ** (2 - inferred)
    expected = {"w_in": network.w_in - size[:, None] * gradient["w_in"], "w_out": network.w_out - size * gradient["w_out"]}
    optimizer.step()
    for name, value in expected.items():
        torch.testing.assert_close(dict(network.named_parameters())[name].detach(), value.detach(), rtol=1e-12, atol=1e-12)


def test_a_degree_of_two_is_plain_gradient_descent():
    config = with_optim(MLP, {"kind": "per_neuron", "lr": 0.1, "degree": 2})
    scaled, plain = built(config), built(config)
    backward(scaled, config)
    backward(plain, config)
    config.optim.build(scaled, config.model, config.task).step()
    torch.optim.SGD(plain.parameters(), lr=0.1).step()
    for a, b in zip(scaled.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scaling", [-1.0, -3.0])
def test_hybrid_steps_are_descent_per_neuron_and_adam_for_the_mixing_matrix(scaling):
    config = with_optim(RNN, {"kind": "hybrid", "lr": 0.01, "scaling": scaling, "neuron_lr": 1e-6})
    network = built(config)
    optimizer = config.optim.build(network, config.model, config.task)
    mirror = torch.nn.Parameter(network.w_mix.detach().clone())
    adam = torch.optim.Adam([mirror], lr=0.01, betas=(0.9, 0.999))
    for step in range(6):
        gradient, size = backward(network, config, step), 1e-6 * norms(network) ** scaling
        expected = {name: getattr(network, name).detach() - size[:, None] * gradient[name] for name in ("w_in", "w_drive")}
        expected["w_out"] = network.w_out.detach() - size * gradient["w_out"]
        mirror.grad = gradient["w_mix"]
        adam.step()
        optimizer.step()
        for name, value in expected.items():
            torch.testing.assert_close(getattr(network, name).detach(), value, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(network.w_mix.detach(), mirror.detach(), rtol=1e-9, atol=1e-12)


def test_hybrid_lets_the_mixing_matrix_rest_where_nothing_flows_into_it():
    config = with_optim(RNN, {"kind": "hybrid"}, k=2)
    network = built(config)
    before = network.w_mix.detach().clone()
    optimizer = config.optim.build(network, config.model, config.task)
    backward(network, config)
    optimizer.step()
    assert torch.equal(network.w_mix, before)


AUTO = [(MLP, "per_neuron"), (RNN, "adam"), ({"kind": "two_layer"}, "per_neuron"), ({"kind": "two_layer", "activation": "tanh"}, "adam")]


@pytest.mark.parametrize(("model", "kind"), AUTO)
def test_auto_says_and_builds_what_its_rule_says(model, kind):
    config = with_optim(model, {"kind": "auto", "lr": 0.02, "clip": None})
    assert f"optim auto is {kind} with lr 0.02" in config.warnings()[0]
    optimizer = config.optim.build(built(config), config.model, config.task)
    assert isinstance(optimizer, NeuronDescent if kind == "per_neuron" else torch.optim.Adam)
    assert not isinstance(optimizer, HybridDescent)
    assert optimizer.param_groups[0]["lr"] == 0.02


@pytest.mark.parametrize(("model", "kind", "lr"), [(MLP, "per_neuron", 100.0), (RNN, "adam", 1000.0), (RNN, "auto", 1.0)])
def test_a_rate_at_which_nothing_is_learned_is_told_before(model, kind, lr):
    assert "is too fast to learn anything" in with_optim(model, {"kind": kind, "lr": lr}).warnings()[0]
    assert not any("too fast" in each for each in with_optim(model, {"kind": kind, "lr": lr / 2 if lr < 1000 else 0.01}).warnings())


def test_the_raw_gradient_is_clipped_before_it_is_scaled():
    config = with_optim(MLP, {"kind": "per_neuron", "lr": 1.0, "clip": 1e-3}).model_copy(update={"dtype": "float64"})
    run = config.start()
    before = {name: each.detach().clone() for name, each in run.network.named_parameters()}
    size = norms(run.network) ** -2.0
    run.advance()
    moved = {name: before[name] - each.detach() for name, each in run.network.named_parameters()}
    raw = torch.cat([(moved["w_in"] / size[:, None]).flatten(), (moved["w_out"] / size).flatten()])
    assert all(each.grad is not None for each in run.network.parameters())
    gradient = torch.cat([each.grad.flatten() for each in run.network.parameters()])
    torch.testing.assert_close(raw, gradient, rtol=1e-6, atol=1e-12)
    assert gradient.norm() <= 1e-3 * (1 + 1e-6)
