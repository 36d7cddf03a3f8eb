"""Every model: its count, roles, formulas and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from lal import models
from lal.config import parse
from lal.models.gated import Gated
from lal.models.gated_network import Gates
from lal.models.model import ROLES
from lal.part import kind_of
from lal.runs.streams import stream
from lal.tasks.modular import Modular
from tests.lal.small import MODELS, TASK, network_of, run_config

ALL = pytest.mark.parametrize("name", MODELS)
GATED = pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("gated")])
ROUTED = pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("routed")])
DATA = TASK.build("cpu")
TOKENS, TARGETS = DATA.tokens, DATA.targets


def test_every_member_of_the_family_is_held_to_the_contract():
    assert {MODELS[name]["kind"] for name in MODELS} >= {kind_of(member) for member in models.MEMBERS}


def act(config):
    return {"relu": lambda x: x.clamp_min(0), "square": lambda x: x * x, "gelu": lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2}[config.activation]


def normalised(norm, x):
    if isinstance(norm, nn.Identity):
        return x
    centred = x - x.mean(1, keepdim=True)
    return centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt() * norm.weight + norm.bias


@ALL
def test_count_is_the_built_networks(name):
    config = run_config(name)
    assert config.n_parameters() == sum(p.numel() for p in network_of(name).parameters())


@ALL
def test_roles_are_complete_and_those_the_config_declares(name):
    network, config = network_of(name), run_config(name).model
    roles = network.roles()
    assert set(roles) == {parameter for parameter, _ in network.named_parameters()}
    assert set(roles.values()) == config.roles <= set(ROLES)


@ALL
def test_output_has_the_shapes_of_its_docstring(name):
    config, output = run_config(name).model, network_of(name)(TOKENS)
    assert output.logits.shape == (25, 5)
    assert output.hidden.shape == (25, config.width)
    assert (output.gates is not None) == config.has_gates
    assert output.gates is None or (output.gates.shape == (config.n_layers,) and output.gates.min() >= 0 and output.gates.max() <= 1)
    if name.startswith("routed"):
        assert [weights.shape for weights in output.routing] == [(1, 25, config.heads)] * config.depth
        assert all(torch.allclose(weights.sum(2), torch.ones(1, 25, dtype=torch.float64)) for weights in output.routing)
    else:
        assert output.routing is None


@ALL
def test_forward_is_run_of_embed_in_values_and_gradients(name):
    network = network_of(name).eval()
    slopes = []
    for logits in (network(TOKENS).logits, network.run(network.embed(TOKENS)).logits):
        network.zero_grad()
        functional.cross_entropy(logits, TARGETS).backward()
        slopes.append({key: p.grad.clone() for key, p in network.named_parameters() if p.grad is not None})
    assert torch.allclose(network(TOKENS).logits, network.run(network.embed(TOKENS)).logits, atol=1e-12)
    assert slopes[0].keys() == slopes[1].keys() == {key for key, _ in network.named_parameters()}
    assert all(torch.allclose(slopes[0][key], slopes[1][key], atol=1e-12) for key in slopes[0])
    assert any(slope.abs().max() > 1e-6 for slope in slopes[0].values())


@ALL
def test_embedding_is_the_one_hot_matrix_product(name):
    network = network_of(name)
    tables = network.embedding.tables()
    one_hot = [functional.one_hot(TOKENS[:, t], 5).double() @ tables[t] for t in range(2)]
    expected = torch.cat(one_hot, 1) if "concat" in name else one_hot[0] + one_hot[1]
    assert torch.allclose(network.embed(TOKENS), expected, atol=1e-14)
    assert (tables[0] is tables[1] or torch.equal(tables[0], tables[1])) == ("tied" in name)


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("mlp")])
def test_mlp_equation(name):
    config, network = run_config(name).model, network_of(name)
    x, linears = network.embed(TOKENS), list(network.linears)
    x = x + network.offset.bias if config.inputs == "one_hot" else x @ linears[0].weight.T + linears[0].bias
    rest = linears if config.inputs == "one_hot" else linears[1:]
    for index in range(config.depth):
        x = act(config)(normalised(network.norms[index], x) if config.norm == "layer" else x)
        if index < config.depth - 1:
            x = x @ rest[index].weight.T + rest[index].bias
    assert torch.allclose(network(TOKENS).logits, x @ rest[-1].weight.T + rest[-1].bias, atol=1e-12)


@GATED
def test_gated_equation(name):
    config, network = run_config(name).model, network_of(name).eval()
    t = network.gates.logits
    gates = {"sigmoid": torch.sigmoid(t), "gumbel": torch.sigmoid(t / (config.temperature or 0.5)), "straight_through": (t > 0).double()}[config.gate]
    x = network.embed(TOKENS)
    for index in range(config.depth):
        linear = network.linears[index]
        f = act(config)(normalised(network.norms[index], x) @ linear.weight.T + linear.bias)
        x = x + gates[index] * f if config.controls == "output" else (1 - gates[index]) * x + gates[index] * f
    output = network(TOKENS)
    assert torch.allclose(output.gates, gates, atol=1e-14)
    assert torch.allclose(output.hidden, x, atol=1e-12)
    assert torch.allclose(output.logits, normalised(network.norms[-1], x) @ network.out.weight.T, atol=1e-12)


@GATED
def test_a_closed_gate_skips_its_layer(name):
    network = network_of(name).eval()
    x = network.embed(TOKENS)
    open_but_first = torch.tensor([0.0, *[1.0] * (len(network.linears) - 1)], dtype=torch.float64)
    y = x
    for index in range(1, len(network.linears)):
        y = network.layer(y, index, torch.tensor(1.0, dtype=torch.float64))
    assert torch.equal(network.run(x, open_but_first).hidden, y)
    assert not torch.allclose(network.run(x, torch.ones_like(open_but_first)).hidden, y)


@GATED
def test_gates_start_at_gate_init(name):
    config = run_config(name).model
    gates = config.build(TASK, stream(0, "init")).double().gates
    assert torch.allclose(torch.sigmoid(gates.logits), torch.full((config.depth,), config.gate_init, dtype=torch.float64), atol=1e-6)


def loss_by(network, names):
    """The training loss as a function of the parameters called `names`, and their values."""
    held = {key: p.detach() for key, p in network.named_parameters()}

    def loss(*values):
        if hasattr(network, "noise"):
            network.noise.manual_seed(7)
        return functional.cross_entropy(functional_call(network, {**held, **dict(zip(names, values, strict=True))}, (TOKENS,)).logits, TARGETS)

    return loss, tuple(held[name].clone().requires_grad_() for name in names)


@pytest.mark.parametrize("name", ["gated", "gated-skip", "gated-gumbel", "gated-gumbel-skip"])
@pytest.mark.parametrize("training", [True, False])
def test_soft_gates_gradient_is_the_finite_difference(name, training):
    network = network_of(name).train(training)
    assert torch.autograd.gradcheck(*loss_by(network, ["gates.logits"]))


@pytest.mark.parametrize("name", ["routed", "routed-plain"])
def test_routers_gradient_is_the_finite_difference(name):
    network = network_of(name)
    names = [key for key, role in network.roles().items() if role == "router"]
    assert len(names) >= 8
    assert torch.autograd.gradcheck(*loss_by(network, names))


@pytest.mark.parametrize("name", ["gated-hard", "gated-hard-skip"])
def test_straight_through_gradient_is_that_of_the_gates_value_times_the_sigmoids_slope(name):
    network = network_of(name)
    functional.cross_entropy(network(TOKENS).logits, TARGETS).backward()
    t, x, h = network.gates.logits, network.embed(TOKENS).detach(), 1e-6
    gates = (t > 0).double()
    for index in range(len(gates)):
        step = torch.zeros_like(gates)
        step[index] = h
        above, below = (functional.cross_entropy(network.run(x, gates + sign * step).logits, TARGETS) for sign in (1, -1))
        soft = torch.sigmoid(t[index])
        assert t.grad[index].item() == pytest.approx(((above - below) / (2 * h) * soft * (1 - soft)).item(), abs=1e-8)
    assert t.grad.abs().max() > 1e-4


@ROUTED
def test_routed_equations_head_by_head(name):
    config, network = run_config(name).model, network_of(name)
    k = config.head_width or config.width
    x = network.embed(TOKENS)
    s = network.route_init(x)
    for layer in range(config.depth):
        y, heads, router = normalised(network.norms[layer], x), network.heads[layer], network.routers[layer]
        weights = torch.ones(25, 1, dtype=torch.float64)
        if config.heads > 1:
            mixed = s @ router.state.weight.T + y @ router.residual.weight.T + router.residual.bias
            scores = (mixed * (1 + torch.erf(mixed / 2**0.5)) / 2) @ router.gate.weight.T + router.gate.bias
            weights = scores.exp() / scores.exp().sum(1, keepdim=True)
        output = torch.zeros_like(x)
        for head in range(config.heads):
            rows = slice(head * k, (head + 1) * k)
            hidden = act(config)(y @ heads.up[rows].T + heads.up_bias[rows])
            output = output + weights[:, head : head + 1] * (hidden @ heads.down[rows] + heads.down_bias[head])
        assert torch.allclose(network(TOKENS).routing[layer][0], weights, atol=1e-12)
        if config.heads > 1 and layer < config.depth - 1:
            s = torch.cat([s, output], 1) @ router.update.weight.T + router.update.bias
        x = x + output if config.residual else output
    assert torch.allclose(network(TOKENS).logits, normalised(network.norms[-1], x) @ network.out.weight.T + network.out.bias, atol=1e-12)


def test_hard_routing_takes_the_heaviest_head_of_each_input():
    network = network_of("routed-one-layer")
    hard = network.run_hard(network.embed(TOKENS))
    heads = network.heads[0]
    x = network.embed(TOKENS)
    for row in range(25):
        chosen = int(hard.routing[0][0, row].argmax())
        alone = heads(x[row : row + 1], functional.one_hot(torch.tensor([chosen]), 2).double())
        assert torch.allclose(hard.hidden[row], x[row] + alone[0], atol=1e-12)
    assert len(set(hard.routing[0][0].argmax(1).tolist())) == 2


def test_one_head_is_the_ablation():
    network = network_of("routed-one-head")
    assert "router" not in network.roles().values()
    assert all(torch.equal(weights, torch.ones(1, 25, 1, dtype=torch.float64)) for weights in network(TOKENS).routing)


@pytest.mark.parametrize("name", ["gated-gumbel", "gated-gumbel-skip"])
def test_gumbel_noise_is_of_its_own_stream_and_none_in_evaluation(name):
    network = network_of(name)
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


def test_gumbel_noise_is_logistic():
    gates = Gates(Gated(gate="gumbel", gate_init=0.5, temperature=0.7).model_copy(update={"depth": 50_000}), stream(0, "noise")).double()
    noise = torch.logit(gates()) * 0.7
    assert noise.mean().item() == pytest.approx(0, abs=0.03)
    assert noise.std().item() == pytest.approx(torch.pi / 3**0.5, abs=0.03)


@ALL
def test_initial_values_depend_on_the_seeds_stream_alone(name):
    config = run_config(name).model
    before = torch.get_rng_state()
    first = config.build(TASK, stream(3, "init")).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    again, other = config.build(TASK, stream(3, "init")).state_dict(), config.build(TASK, stream(4, "init")).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_gumbel_streams_of_two_seeds_differ():
    config = run_config("gated-gumbel").model
    draws = [config.build(TASK, stream(seed, "init")).gates() for seed in (0, 1)]
    assert not torch.equal(*draws)


@pytest.mark.parametrize("name", ["mlp", "mlp-sum", "gated", "routed"])
def test_init_scale_scales_every_initial_matrix(name):
    config = run_config(name).model
    roles = config.build(TASK, stream(0, "init")).roles()
    once = config.build(TASK, stream(0, "init")).state_dict()
    twice = config.model_copy(update={"init_scale": 2.0}).build(TASK, stream(0, "init")).state_dict()
    scaled = [key for key, role in roles.items() if role in ("embedding", "weight") and "bias" not in key]
    assert len(scaled) >= 2
    assert all(torch.allclose(2 * once[key], twice[key]) for key in scaled)


COUNTED = [
    {"kind": "mlp", "width": 96},
    {"kind": "mlp", "width": 96, "inputs": "sum", "embed_dim": 40},
    {"kind": "mlp", "width": 96, "inputs": "concat", "embed_dim": 40},
    {"kind": "gated", "width": 96, "depth": 3},
    {"kind": "routed", "width": 96, "depth": 2},
    {"kind": "routed", "width": 96, "depth": 2, "heads": 1, "head_width": 50},
]


@pytest.mark.parametrize("model", COUNTED)
def test_flops_are_those_that_a_counter_sees(model):
    task = Modular(p=31, train_frac=0.5)
    config = parse({"task": {"p": 31, "train_frac": 0.5}, "model": model}).model
    network, tokens = config.build(task, stream(0, "init")), task.build("cpu").tokens
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(tokens)
    assert config.flops(task, len(tokens)) == pytest.approx(counter.get_total_flops(), rel=0.02)
