"""Networks against computations by hand, their laws, and shared prefixes against each tuple by itself."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from lal.composition.prefixes import Tree, levels, mean_squared_error
from lal.runs.composition import Composition
from lal.runs.streams import stream
from tests.lal.small import COMPOSITIONS, composition_config

POWERS = {"square": 2, "cube": 3, "abs": 1, "relu": 1}


def built(config: Composition):
    """The network of `config` in float64, with weights that are far from 0."""
    network = config.model.build(config.task, stream(3, "init")).double()
    with torch.no_grad():
        for each in network.parameters():
            each.copy_(torch.randn(each.shape, generator=stream(3, f"{each.shape}"), dtype=torch.float64))
    return network


def tuples(config, n=9):
    return torch.randint(config.task.order, (n, config.task.k), generator=stream(1, "tuples"))


def run_of(model, k=3, **task):
    return Composition.model_validate(
        {
            "task": {"group": {"kind": "cyclic", "p": 5}, "template": {"kind": "one_hot"}, "k": k, **task},
            "model": {"kind": "quadratic_rnn", "width": 6, **model},
        }
    )


@pytest.mark.parametrize("interaction", ["quadratic", "multiplicative"])
@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_recurrent_network_is_its_formula(k, interaction):
    config = run_of({"kind": "quadratic_rnn", "interaction": interaction}, k)
    network, elements = built(config), tuples(config)
    w_in, w_drive, w_mix, w_out = (each.detach().numpy() for each in (network.w_in, network.w_drive, network.w_mix, network.w_out))
    phi = (lambda a, b: (a + b) ** 2) if interaction == "quadratic" else (lambda a, b: a * b)
    x = config.task.encoding().values
    for row, said in zip(elements.tolist(), network(elements).detach().numpy(), strict=True):
        codes = [np.roll(x, g) for g in row]
        h = phi(w_in @ codes[0], w_drive @ codes[1])
        expected = [w_out @ h]
        for code in codes[2:]:
            h = phi(w_mix @ h, w_drive @ code)
            expected.append(w_out @ h)
        assert said.shape == (k - 1, 5)
        np.testing.assert_allclose(said, expected, rtol=1e-9)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_the_sequential_network_raises_the_sum_of_its_inputs_to_the_power_k(k):
    config = run_of({"kind": "sequential_mlp"}, k)
    network, elements = built(config), tuples(config)
    x = config.task.encoding().values
    codes = np.stack([np.concatenate([np.roll(x, g) for g in row]) for row in elements.tolist()])
    expected = (codes @ network.w_in.detach().numpy().T) ** k @ network.w_out.detach().numpy().T
    np.testing.assert_allclose(network(elements)[:, 0].detach(), expected, rtol=1e-9)


def test_two_layers_of_squares_are_the_sequential_network_of_two_elements():
    networks = [built(run_of(model, 2)) for model in ({"kind": "sequential_mlp"}, {"kind": "two_layer", "activation": "square"})]
    elements = tuples(run_of({}, 2))
    assert torch.equal(networks[0](elements), networks[1](elements))


@pytest.mark.parametrize("model", [{"kind": "sequential_mlp"}, *({"kind": "two_layer", "activation": each} for each in POWERS)])
@pytest.mark.parametrize("k", [2, 4])
def test_scaling_a_unit_scales_its_contribution_by_the_power_of_its_degree(model, k):
    config = run_of(model, k)
    network, elements, alpha, unit = built(config), tuples(config), 1.7, 4
    degree = config.model.degree(k)

    def without_and_with():
        whole = network(elements)
        kept = network.w_out.detach()[:, unit].clone()
        network.w_out.data[:, unit] = 0
        rest = network(elements)
        network.w_out.data[:, unit] = kept
        return (whole - rest).detach()

    before = without_and_with()
    for matrix, dim in network.neurons():
        matrix.data.select(dim, unit).mul_(alpha)
    torch.testing.assert_close(without_and_with(), alpha**degree * before, rtol=1e-9, atol=0)
    assert before.abs().max() > 0


@pytest.mark.parametrize("name", COMPOSITIONS)
@pytest.mark.parametrize("n", [1, 9, 400])
@pytest.mark.parametrize("every", [False, True])
def test_shared_prefixes_give_the_outputs_losses_and_gradients_of_each_tuple_by_itself(name, n, every):
    config = composition_config(name)
    network = built(config)
    every = every and network.recurrent
    table = torch.from_numpy(config.task.encoding().group.table)
    tree = Tree(table, network.codes, config.task.k, every=every)
    elements = tuples(config, n)
    powers = config.task.order ** torch.arange(config.task.k - 1, -1, -1)
    rows = tree.numbered((elements * powers).sum(1))

    shared = mean_squared_error(network, tree, rows)
    found = torch.autograd.grad(shared, list(network.parameters()), allow_unused=True)
    outputs = network(elements)[:, None if every else -1 :]
    products = torch.from_numpy(config.task.encoding().group.products(elements.numpy()))[:, -outputs.shape[1] :]
    plain = (outputs - network.codes[products]).square().mean()
    expected = torch.autograd.grad(plain, list(network.parameters()), allow_unused=True)

    torch.testing.assert_close(shared, plain, rtol=1e-12, atol=0)
    assert all((a is None) == (b is None) for a, b in zip(found, expected, strict=True))
    for a, b in zip(found, expected, strict=True):
        if a is not None and b is not None:
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)
    last = list(levels(network, tree, rows))[-1]
    if last.count is None:
        torch.testing.assert_close(last.output, outputs[:, -1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ["quadratic_rnn", "sequential_mlp", "two_layer"])
def test_no_network_ignores_the_order_of_elements_before_it_has_learned_to(kind):
    """The claim that the sequential network is permutation invariant holds for no network at its start: each position has weights of its own."""
    config = run_of({"kind": kind})
    network, elements = built(config), tuples(config)
    orders = [network(elements[:, list(order)])[:, -1] for order in permutations(range(3))]
    assert max((each - orders[0]).abs().max().item() for each in orders) > 1e-3


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_parameters_are_as_many_as_the_configuration_says_and_start_at_their_scale(name):
    config = composition_config(name)
    network = config.model.build(config.task, stream(0, "init")).float()
    assert sum(each.numel() for each in network.parameters()) == config.n_parameters()
    wide = config.model_copy(update={"model": config.model.model_copy(update={"width": 400, "init_scale": 0.3})})
    network = wide.model.build(wide.task, stream(0, "init"))
    for each in network.parameters():
        assert each.std().item() == pytest.approx(0.3 / each.shape[1] ** 0.5, rel=0.1)


def test_the_numbers_of_parameters_are_those_of_the_paper():
    assert run_of({"width": 64}, group={"kind": "cyclic", "p": 10}).n_parameters() == 6016
    assert run_of({"kind": "sequential_mlp", "width": 300}, group={"kind": "cyclic", "p": 10}).n_parameters() == 12000
