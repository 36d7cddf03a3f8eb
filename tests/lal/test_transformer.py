"""The transformer: its equations, what it may see, and that computing each beginning once changes nothing."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from lal.config import parse
from lal.models.transformer import Transformer
from lal.runs.streams import stream
from lal.tasks.modular import Modular
from tests.lal.small import MODELS

SMALL = {name: values for name, values in MODELS.items() if name.startswith("transformer")}
TASKS = {
    "pairs": Modular(p=7, train_frac=0.5),
    "three": Modular(p=5, operands=3, train_frac=0.5),
    "several": Modular(p=5, operation="add+multiply", train_frac=0.5),
    "several-of-three": Modular(p=3, operation="subtract+divide", operands=3, train_frac=0.5),
}
FITTING = [(name, task) for name in SMALL for task in TASKS if SMALL[name].get("operator", True) or "several" not in task]
EVERY = pytest.mark.parametrize(("name", "task"), FITTING)


def built(name, task, seed=0):
    """Configuration, data, and a network with values of its own in every parameter."""
    config, task = Transformer.model_validate(SMALL[name]), TASKS[task]
    network, spread = config.build(task, stream(seed, "init")).double(), stream(seed, "spread")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.4 * torch.randn(parameter.shape, generator=spread, dtype=torch.float64)
    return config, task.build("cpu"), network


def sentence(config, task, row):
    """The token numbers of one row, one by one."""
    operands, op = row[: task.operands], row[task.operands] if task.n_operations > 1 else 0
    if not config.operator:
        return [*operands, task.p]
    return [*[token for operand in operands for token in (operand, task.p + op)][:-1], task.p + task.n_operations]


def textbook(config, task, network, tokens, *, hard=False):
    """Logits and weights of heads by whole sequences, one matrix product after another, with a mask of minus infinities."""
    d, a = config.width, config.heads
    sentences = torch.tensor([sentence(config, task, row) for row in tokens.tolist()])
    x = network.embedding.weight[sentences] + network.embedding.position
    n, s, _ = x.shape
    state, routing = network.first_state(x), []
    mask = torch.full((s, s), -torch.inf, dtype=x.dtype).triu(1)
    for layer in network.layers:
        q, k, v = (each.view(n, s, a, d // a).transpose(1, 2) for each in (layer.norms[0](x) @ layer.attention.qkv.weight.T).split(d, 2))
        scores = q @ k.transpose(2, 3) / (d // a) ** 0.5 + mask
        x = x + (scores.softmax(3) @ v).transpose(1, 2).reshape(n, s, d) @ layer.attention.out.weight.T
        y = layer.norms[1](x)
        act = torch.relu if config.activation == "relu" else functional.gelu
        if config.feed_forward.kind == "plain":
            x = x + layer.slot.down(act(layer.slot.up(y)))
            continue
        heads, router, h = layer.slot.heads, layer.slot.router, config.feed_forward.heads
        weights = torch.full((n, s, h), 1 / h, dtype=x.dtype)
        if config.has_routing:
            mixed = functional.gelu(router.state(state) + router.residual(y))
            weights = router.gate(mixed).softmax(2)
        used = functional.one_hot(weights.argmax(2), h).double() if hard or config.hard_routing else weights
        routing.append(used if config.hard_routing else weights)
        up, down = heads.up.view(h, -1, d), heads.down.view(h, -1, d)
        alone = [act(y @ up[i].T + heads.up_bias.view(h, -1)[i]) @ down[i] + heads.down_bias[i] for i in range(h)]
        output = sum(used[:, :, i : i + 1] * alone[i] for i in range(h))
        if config.has_routing and layer is not network.layers[-1]:
            state = router.update(torch.cat([state, output], 2))
        x = x + output
    table = network.embedding.weight[: task.p] if config.tied else network.out.weight
    return network.norm(x[:, -1]) @ table.T, routing


@EVERY
def test_equations(name, task):
    config, data, network = built(name, task)
    for hard in (False, True):
        logits, routing = textbook(config, TASKS[task], network, data.tokens, hard=hard)
        output = network.forward_hard(data.tokens) if hard else network(data.tokens)
        assert torch.allclose(output.logits, logits, atol=1e-11)
        assert (output.routing is None) == (config.feed_forward.kind == "plain")
        for index, weights in enumerate(routing):
            read = weights if index < config.depth - 1 else weights[:, -1:]
            assert torch.allclose(output.routing[index], read.transpose(0, 1), atol=1e-11)


ROWS = {
    "all": slice(None), "every third": slice(None, None, 3), "few": torch.tensor([17, 3, 11, 3]), "one": slice(4, 5), "none": slice(0, 0),
}  # fmt: skip


@pytest.mark.parametrize("rows", ROWS)
@EVERY
def test_computing_each_beginning_once_changes_neither_values_nor_gradients(name, task, rows):
    _, data, network = built(name, task)
    tokens, targets, found = data.tokens[ROWS[rows]], data.targets[ROWS[rows]], []
    for output in (network(tokens), network.run(network.embed(tokens))):
        loss = functional.cross_entropy(output.logits, targets, reduction="sum") + output.hidden.sin().sum()
        for weights in output.routing or ():
            loss = loss + (weights * torch.linspace(-1, 1, weights.numel(), dtype=weights.dtype).view(weights.shape)).sum()
        network.zero_grad()
        loss.backward()
        found.append((output, [parameter.grad for parameter in network.parameters()]))
    (ours, slopes), (plain, expected) = found
    assert torch.allclose(ours.logits, plain.logits, atol=1e-12)
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(ours.routing or (), plain.routing or (), strict=True))
    assert all((a is None) == (b is None) and (a is None or torch.allclose(a, b, atol=1e-10)) for a, b in zip(slopes, expected, strict=True))
    assert rows == "none" or all(slope is not None for slope in slopes)


@pytest.mark.parametrize(("task", "expected"), [("pairs", [7, 7, 49, 49]), ("three", [5, 5, 25, 25, 125, 125]), ("several", [5, 10, 50, 50])])
def test_each_beginning_is_computed_once_and_the_last_layer_where_it_is_read(task, expected):
    config, data, network = built("transformer", task)
    seen = []
    for layer in network.layers:
        layer.slot.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    network(data.tokens)
    assert seen == [sum(expected), len(data.tokens)]
    assert config.sequence(TASKS[task]).n_states(len(data.tokens)) == expected


@pytest.mark.parametrize("position", range(4))
def test_a_position_sees_nothing_after_it(position):
    _, data, network = built("transformer-routed", "pairs")
    network.layers.insert(1, deepcopy(network.layers[0]))  # so that weights of heads are known at all positions after two layers of attention
    x = network.embed(data.tokens).detach().requires_grad_()
    second = network.run(x).routing[1]
    slope = torch.autograd.grad((second[position] * torch.tensor([1.0, 2.0, 4.0])).sum(), x)[0].abs().amax((0, 2))
    assert (slope[: position + 1] > 1e-6).all()
    assert (slope[position + 1 :] == 0).all()
    later = x.detach().clone()
    later[:, position + 1 :] = 100 * torch.randn(later[:, position + 1 :].shape, generator=stream(0, "later"), dtype=torch.float64)
    changed = network.run(later).routing[1]
    assert torch.equal(changed[: position + 1], second[: position + 1])
    assert position == 3 or not torch.allclose(changed[position + 1], second[position + 1])


@pytest.mark.parametrize("name", ["transformer-tied", "transformer-routed"])
@pytest.mark.parametrize("path", ["run", "forward"])
def test_second_derivatives(name, path):
    """As penalties and metrics of curvature take them."""
    _, data, network = built(name, "pairs")
    tokens = data.tokens[:9]
    if path == "run":
        x = network.embed(tokens).detach().requires_grad_()
        assert torch.autograd.gradgradcheck(lambda x: network.run(x).logits.sin().sum(), x, gen_non_contig_grad_outputs=True, fast_mode=True)
        return
    table = network.embedding.weight

    def loss(values):
        return torch.func.functional_call(network, {"embedding.weight": values}, (tokens,)).logits.sin().sum()

    assert torch.autograd.gradgradcheck(loss, table.detach().clone().requires_grad_(), fast_mode=True)


@pytest.mark.parametrize("n_rows", [None, 5, 40])
@EVERY
def test_flops_are_those_that_a_counter_sees(name, task, n_rows):
    config, task = Transformer.model_validate({**SMALL[name], "width": 12}), TASKS[task]
    network, tokens = config.build(task, stream(0, "init")), task.build("cpu").tokens[:n_rows]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(tokens)
    assert config.flops(task, len(tokens)) == counter.get_total_flops()


@EVERY
def test_count_is_the_built_networks(name, task):
    config, _, network = built(name, task)
    assert config.n_parameters(TASKS[task]) == sum(parameter.numel() for parameter in network.parameters())


def test_four_heads_as_wide_as_the_network_have_the_weights_of_a_plain_slot():
    def weights(slot):
        network = Transformer(feed_forward=slot).build(TASKS["pairs"], stream(0, "init"))
        return sum(parameter.numel() for name, parameter in network.named_parameters() if "slot" in name and network.roles()[name] == "weight")

    assert weights({"kind": "plain"}) == weights({"kind": "routed", "choice": "uniform"}) == weights({"kind": "routed"})


def test_plain_and_routed_networks_start_alike():
    """The comparison is of routing, not of how large the first values are."""
    plain, routed = (Transformer(feed_forward={"kind": kind}).build(TASKS["pairs"], stream(0, "init")) for kind in ("plain", "routed"))
    pairs = [(plain.layers[0].slot.up.weight, routed.layers[0].slot.heads.up), (plain.embedding.weight, routed.embedding.weight)]
    assert all(a.std().item() == pytest.approx(b.std().item(), rel=0.05) for a, b in pairs)


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize(("heads", "head_width"), [(4, None), (2, 256), (8, 64), (1, 512)])
@pytest.mark.parametrize("choice", ["soft", "uniform", "hard"])
def test_slots_of_as_many_hidden_units_start_with_outputs_as_large(choice, heads, head_width, scale):
    slot = {"kind": "routed", "heads": heads, "head_width": head_width, "choice": choice if heads > 1 else "soft"}

    def spread(feed_forward):
        """Root mean square of what a slot puts out at the start, for normalised inputs."""
        network = Transformer(feed_forward=feed_forward, init_scale=scale).build(TASKS["pairs"], stream(0, "init"))
        x = torch.randn(2048, 128, generator=stream(0, "inputs"))
        with torch.no_grad():
            output, _, _ = network.layers[0].slot(x, network.first_state(x), hard=False)
        return output.square().mean().sqrt().item()

    assert spread(slot) == pytest.approx(spread({"kind": "plain"}), rel=0.05)


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_no_norm_is_no_norm(norm):
    network = Transformer(norm=norm).build(TASKS["pairs"], stream(0, "init"))
    assert any(isinstance(module, nn.LayerNorm) or type(module).__name__ == "LayerNorm" for module in network.modules()) == (norm == "layer")


REFUSED = [
    ({"width": 128, "heads": 3}, {}, "heads must divide width=128, but got heads=3; write one of: 1, 2, 4"),
    ({"mlp_width": 64, "feed_forward": {"kind": "routed"}}, {}, "mlp_width has an effect only with feed_forward: {kind: plain}"),
    ({"operator": False}, {"operation": "add+multiply"}, "operator: false leaves out which of the 2 operations of add_multiply5 a row is of"),
    ({"feed_forward": {"kind": "routed", "heads": 1, "choice": "hard"}}, {}, "choice has an effect only with two heads or more"),
    ({"feed_forward": {"kind": "routed", "choice": "uniform", "state_width": 8}}, {}, "state_width has an effect only with two heads or more that are chosen"),
    ({"feed_forward": {"kind": "plain", "heads": 2}}, {}, "Extra inputs are not permitted"),
    ({"activation": "square"}, {}, "Input should be 'relu' or 'gelu'"),
]


@pytest.mark.parametrize(("model", "task", "text"), REFUSED)
def test_refusals(model, task, text):
    with pytest.raises(ValidationError) as refusal:
        parse({"task": {"p": 5, "train_frac": 0.5, **task}, "model": {"kind": "transformer", **model}})
    assert text in str(refusal.value)


@pytest.mark.parametrize("model", [{"kind": "routed"}, {"kind": "transformer", "feed_forward": {"kind": "routed"}}])
@pytest.mark.parametrize("charge", ["entropy", "sparsity", "gini", "load_balance"])
@pytest.mark.parametrize("choice", ["soft", "hard", "uniform"])
def test_a_routing_penalty_needs_weights_that_it_can_change(model, charge, choice):
    slot = {**model.get("feed_forward", model), "choice": choice}
    values = {"model": {**model, "feed_forward": slot} if "feed_forward" in model else slot, "penalties": {"routing": {"kind": charge, "weight": 0.1}}}
    if choice == "soft" or (choice == "hard" and charge == "load_balance"):
        assert parse(values).penalties.charged()
    else:
        with pytest.raises(ValidationError, match=r"penalties.routing: .* remove the penalty"):
            parse(values)
