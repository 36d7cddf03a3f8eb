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
from lal.models.model import ROLES
from lal.part import kind_of
from lal.runs.streams import stream
from lal.tasks.modular import Modular
from tests.lal.small import MODELS, TASK, network_of, run_config

ALL = pytest.mark.parametrize("name", MODELS)
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
    if config.has_gates:
        size = {"layer": 1, "neuron": config.width, "input": 25}[config.scope]
        assert output.gates.shape == (config.n_layers, size)
        assert output.gates.min() >= 0 and output.gates.max() <= 1
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
    assert slopes[0].keys() == slopes[1].keys() == network.present_parameters().keys()
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


def loss_by(network, names):
    """The training loss as a function of the parameters called `names`, and their values."""
    held = {key: p.detach() for key, p in network.named_parameters()}

    def loss(*values):
        return functional.cross_entropy(functional_call(network, {**held, **dict(zip(names, values, strict=True))}, (TOKENS,)).logits, TARGETS)

    return loss, tuple(held[name].clone().requires_grad_() for name in names)


@pytest.mark.parametrize("name", ["routed", "routed-plain"])
def test_routers_gradient_is_the_finite_difference(name):
    network = network_of(name)
    names = [key for key, role in network.roles().items() if role == "router"]
    assert len(names) >= 8
    assert torch.autograd.gradcheck(*loss_by(network, names))


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
