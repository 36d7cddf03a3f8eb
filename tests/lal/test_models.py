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
from lal.models.heads import Router
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
    if "routed" in name:
        heads = config.feed_forward.heads if name.startswith("transformer") else config.heads
        positions = [4] * (config.depth - 1) + [1] if name.startswith("transformer") else [1] * config.depth
        assert [weights.shape for weights in output.routing] == [(each, 25, heads) for each in positions]
        assert all(torch.allclose(weights.sum(2), torch.ones(len(weights), 25, dtype=torch.float64)) for weights in output.routing)
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


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("transformer")])
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
        weights = torch.full((25, config.heads), 1 / config.heads, dtype=torch.float64)
        if config.has_routing:
            mixed = s @ router.state.weight.T + y @ router.residual.weight.T + router.residual.bias
            scores = (mixed * (1 + torch.erf(mixed / 2**0.5)) / 2) @ router.gate.weight.T + router.gate.bias
            weights = scores.exp() / scores.exp().sum(1, keepdim=True)
        if config.choice == "hard":
            weights = functional.one_hot(weights.argmax(1), config.heads).double()
        output = torch.zeros_like(x)
        for head in range(config.heads):
            rows = slice(head * k, (head + 1) * k)
            hidden = act(config)(y @ heads.up[rows].T + heads.up_bias[rows])
            output = output + weights[:, head : head + 1] * (hidden @ heads.down[rows] + heads.down_bias[head])
        assert torch.allclose(network(TOKENS).routing[layer][0], weights, atol=1e-12)
        if config.has_routing and layer < config.depth - 1:
            s = torch.cat([s, output], 1) @ router.update.weight.T + router.update.bias
        x = x + output if config.residual else output
    assert torch.allclose(network(TOKENS).logits, normalised(network.norms[-1], x) @ network.out.weight.T + network.out.bias, atol=1e-12)


def test_hard_routing_takes_the_heaviest_head_of_each_input():
    network = network_of("routed-one-layer")
    hard = network.forward_hard(TOKENS)
    heads = network.heads[0]
    x = network.embed(TOKENS)
    for row in range(25):
        chosen = int(hard.routing[0][0, row].argmax())
        alone = heads(x[row : row + 1], functional.one_hot(torch.tensor([chosen]), 2).double())
        assert torch.allclose(hard.hidden[row], x[row] + alone[0], atol=1e-12)
    assert len(set(hard.routing[0][0].argmax(1).tolist())) == 2


@pytest.mark.parametrize(("name", "heads"), [("routed-one-head", 1), ("routed-uniform", 3), ("transformer-routed-uniform", 4)])
def test_one_head_and_uniform_weights_are_the_ablations(name, heads):
    network = network_of(name)
    assert "router" not in network.roles().values()
    assert all(torch.equal(weights, torch.full((len(weights), 25, heads), 1 / heads, dtype=torch.float64)) for weights in network(TOKENS).routing)


def test_the_gradient_of_a_hard_choice_is_that_of_the_soft_weights():
    routers = [Router(6, 3, 4, hard=hard, last=True, scale=3.0, generator=stream(0, "init")).double() for hard in (False, True)]
    draw = stream(1, "inputs")
    state, x, slope = (torch.randn(7, n, generator=draw, dtype=torch.float64) for n in (4, 6, 3))
    soft, hard = (router(state, x) for router in routers)
    assert torch.equal(hard, functional.one_hot(soft.argmax(1), 3).double())
    assert len(set(soft.argmax(1).tolist())) > 1
    expected, found = (torch.autograd.grad(weights, list(router.parameters()), slope) for weights, router in zip((soft, hard), routers, strict=True))
    assert all(torch.equal(a, b) and a.abs().max() > 0 for a, b in zip(expected, found, strict=True))


OTHER_TASKS = {
    "several": Modular(p=5, operation="add+multiply", train_frac=0.5),
    "three": Modular(p=3, operands=3, train_frac=0.5),
    "several-of-three": Modular(p=3, operation="subtract+divide", operands=3, train_frac=0.5),
}


@pytest.mark.parametrize("task", OTHER_TASKS)
@pytest.mark.parametrize("name", ["mlp", "mlp-tied", "mlp-sum-tied", "mlp-concat-tied", "gated", "routed"])
def test_operations_and_more_operands_are_read_from_tables_of_their_own(name, task):
    config, task = run_config(name).model, OTHER_TASKS[task]
    network, data = config.build(task, stream(0, "init")).double(), task.build("cpu")
    assert config.n_parameters(task) == sum(p.numel() for p in network.parameters())
    tables = network.embedding.tables()
    assert [len(table) for table in tables] == [task.p] * task.operands + [task.n_operations] * (task.n_operations > 1)
    one_hot = [functional.one_hot(column, len(table)).double() @ table for column, table in zip(data.tokens.unbind(1), tables, strict=True)]
    embedded = network.embed(data.tokens)
    assert torch.allclose(embedded, torch.cat(one_hot, 1) if "concat" in name else sum(one_hot), atol=1e-14)
    assert torch.allclose(network(data.tokens).logits, network.run(embedded).logits, atol=1e-12)


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
    {"kind": "routed", "width": 96, "depth": 2, "choice": "uniform"},
]


@pytest.mark.parametrize("model", COUNTED)
def test_flops_are_those_that_a_counter_sees(model):
    task = Modular(p=31, train_frac=0.5)
    config = parse({"task": {"p": 31, "train_frac": 0.5}, "model": model}).model
    network, tokens = config.build(task, stream(0, "init")), task.build("cpu").tokens
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(tokens)
    assert config.flops(task, len(tokens)) == pytest.approx(counter.get_total_flops(), rel=0.02)
