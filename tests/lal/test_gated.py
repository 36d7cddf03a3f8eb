"""The gated network: every scope, gate and control against its formula, in values and gradients."""

from __future__ import annotations

import pytest
import torch
from torch.func import functional_call
from torch.nn import functional

from lal.models.gated import Gated
from lal.models.gates import Gates
from lal.runs.streams import stream
from tests.lal.gated_by_hand import EVERY, by_hand, present
from tests.lal.small import TASK, network_of, run_config

DATA = TASK.build("cpu")
TOKENS, TARGETS = DATA.tokens, DATA.targets
ALL = pytest.mark.parametrize("name", EVERY)


def some(*words):
    return pytest.mark.parametrize("name", [name for name in EVERY if all(word in name for word in words)])


def built(name, **values):
    """Config and network in float64 with values of its own in every parameter; one that grows has one layer fewer than it may have."""
    model = {**EVERY[name], **values}
    network = network_of(model)
    if network.growth:
        network.growth._begin(2)
    return run_config(model).model, network


@ALL
@pytest.mark.parametrize("norm", ["layer", "none"])
def test_equation(name, norm):
    config, network = built(name, norm=norm)
    output = network.eval()(TOKENS)
    logits, hidden, gates = by_hand(config, network, TOKENS)
    assert torch.allclose(output.logits, logits, atol=1e-12)
    assert torch.allclose(output.hidden, hidden, atol=1e-12)
    for index, expected in enumerate(gates):
        own = output.gates[index] if config.scope != "input" else output.gates[index][:, None]
        assert torch.allclose(own.expand_as(expected), expected, atol=1e-14)
    assert output.gates.shape == (3, {"layer": 1, "neuron": 5, "input": 25}[config.scope])
    assert not output.gates[len(gates) :].any()


@ALL
def test_gates_start_at_gate_init_whatever_the_input(name):
    config = run_config(EVERY[name]).model
    network = config.build(TASK, stream(0, "init")).double().eval()
    start = {"straight_through": 1.0, "gumbel": 1 / (1 + (0.3 / 0.7) ** 2), "sigmoid": 0.7}[config.gate]
    gates = network(TOKENS).gates[: len(present(network))]
    assert torch.allclose(gates, torch.full_like(gates, start), atol=1e-6)


@some("input")
def test_gates_come_to_differ_by_input(name):
    _, network = built(name)
    with torch.no_grad():
        network.gates.logits[0].zero_()
    assert network.eval()(TOKENS).gates[0].std() > 0.01


@ALL
def test_layer_by_layer_is_run_and_a_gate_of_0_skips_its_layer(name):
    _, network = built(name)
    network.eval()
    x = network.embed(TOKENS)
    for index in present(network):
        gate = network.gate(x, index)
        assert torch.equal(network.layer(x, index, torch.zeros_like(gate)), x)
        x = network.layer(x, index, gate)
    assert torch.allclose(x, network(TOKENS).hidden, atol=1e-14)


def test_a_neurons_gate_is_of_its_own_unit():
    _, network = built("neuron-sigmoid-output")
    x = network.embed(TOKENS)
    changed = network.layer(x, 0, torch.tensor([0.0, 1, 0, 0, 1], dtype=torch.float64)) != x
    assert changed.any(0).tolist() == [False, True, False, False, True]


def test_an_inputs_gate_is_of_its_own_row():
    _, network = built("input-sigmoid-skip")
    x = network.embed(TOKENS)
    gate = (torch.arange(25) % 2).double()[:, None]
    assert (network.layer(x, 0, gate) != x).any(1).tolist() == [bool(row % 2) for row in range(25)]


def loss_by(network, names):
    """The training loss as a function of the parameters called `names`, and their values."""
    held = {key: p.detach() for key, p in network.named_parameters()}

    def loss(*values):
        network.noise.manual_seed(7)
        return functional.cross_entropy(functional_call(network, {**held, **dict(zip(names, values, strict=True))}, (TOKENS,)).logits, TARGETS)

    return loss, tuple(held[name].clone().requires_grad_() for name in names)


def present_gates(network):
    roles = network.roles()
    return [key for key in network.present_parameters() if roles[key] == "gate"]


@pytest.mark.parametrize("name", [name for name in EVERY if "straight_through" not in name])
@pytest.mark.parametrize("training", [True, False])
def test_soft_gates_gradient_is_the_finite_difference(name, training):
    _, network = built(name, activation="gelu")
    names = present_gates(network)
    assert len(names) == {False: 1, True: 3}["grow" in name] + {False: 0, True: 1 + ("grow" in name)}["input" in name]
    assert torch.autograd.gradcheck(*loss_by(network.train(training), names))


@some("straight_through")
def test_straight_through_gradient_is_that_of_its_surrogate(name):
    """Near the point p where it is taken, a gate stands for [t(p) > 0] + s(t) - s(t(p)): the value of one, the slope of the other."""
    config, network = built(name, activation="gelu")
    functional.cross_entropy(network(TOKENS).logits, TARGETS).backward()
    at: dict[int, torch.Tensor] = {}
    with torch.no_grad():
        by_hand(config, network, TOKENS, gate_of=lambda index, t: at.setdefault(index, t.clone()).gt(0).double())

        def loss():
            logits, _, _ = by_hand(config, network, TOKENS, gate_of=lambda index, t: (at[index] > 0) + torch.sigmoid(t) - torch.sigmoid(at[index]))
            return functional.cross_entropy(logits, TARGETS).item()

        slopes = {}
        for key in present_gates(network):
            flat = network.get_parameter(key).view(-1)
            for index in range(len(flat)):
                before, both = flat[index].item(), []
                for sign in (1, -1):
                    flat[index] = before + sign * 1e-6
                    both.append(loss())
                flat[index] = before
                slopes[key, index] = (both[0] - both[1]) / 2e-6
    found = {(key, index): network.get_parameter(key).grad.view(-1)[index].item() for key, index in slopes}
    assert found == pytest.approx(slopes, abs=1e-8)
    assert max(map(abs, slopes.values())) > 1e-3


@some("gumbel")
def test_gumbel_noise_is_of_its_own_stream_and_none_in_evaluation(name):
    _, network = built(name)
    before, own = torch.get_rng_state(), network.noise.get_state()
    first, second = network(TOKENS).gates, network(TOKENS).gates
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)
    network.noise.set_state(own)
    assert torch.equal(network(TOKENS).gates, first)
    network.eval()
    drawn = network.noise.get_state()
    assert torch.equal(network(TOKENS).gates, network(TOKENS).gates)
    assert torch.equal(network.noise.get_state(), drawn)


@pytest.mark.parametrize("scope", ["neuron", "input"])
def test_every_gate_has_noise_of_its_own(scope):
    network = run_config({"kind": "gated", "width": 5, "depth": 2, "gate": "gumbel", "scope": scope}).model.build(TASK, stream(0, "init"))
    gates = network(TOKENS).gates
    assert len(set(gates.flatten().tolist())) == gates.numel()


def test_gumbel_noise_is_logistic():
    gates = Gates(Gated(gate="gumbel", gate_init=0.5, temperature=0.7).model_copy(update={"depth": 50_000}), stream(0, "noise")).double()
    noise = torch.logit(gates()) * 0.7
    assert noise.mean().item() == pytest.approx(0, abs=0.03)
    assert noise.std().item() == pytest.approx(torch.pi / 3**0.5, abs=0.03)


def test_gumbel_streams_of_two_seeds_differ():
    config = run_config("gated-gumbel").model
    draws = [config.build(TASK, stream(seed, "init")).gates() for seed in (0, 1)]
    assert not torch.equal(*draws)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"depth": 3, "grow": {"start": 3}}, "grow.start must be below depth, else no layer is ever added, but got grow.start=3 with depth=3"),
        ({"gate": "straight_through", "gate_init": 0.5, "grow": {"start": 1}}, "gate_init must be above 0.5 where straight-through gates grow"),
        ({"scope": "unit"}, "scope"),
    ],
)
def test_refusals(model, said):
    with pytest.raises(ValueError, match=said):
        run_config({"kind": "gated", **model})


def test_labels_tell_scopes_and_growth_apart():
    labels = [run_config({"kind": "gated", **model}).model.label for model in ({}, {"scope": "neuron"}, {"scope": "input", "grow": {"start": 2}})]
    assert labels == ["sigmoid4x128", "sigmoid-neuron4x128", "sigmoid-input2to4x128"]
