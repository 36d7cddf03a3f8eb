"""Candidates for an order parameter against NumPy and finite differences, on a fixed small network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lal.reinforcement import order_parameters as order
from lal.reinforcement.network import QNetwork
from lal.runs.streams import stream

STATES = torch.linspace(0, 1, 1000, dtype=torch.float64)[:, None]


@pytest.fixture(scope="module")
def net():
    found = QNetwork(width=8).build(1, 2, stream(3, "init")).double()
    with torch.no_grad():
        for each in found.parameters():
            each *= 3
    return found


@pytest.fixture(scope="module")
def q(net):
    with torch.no_grad():
        return net(STATES)


def test_ranges_certainties_and_entropies_are_those_of_numpy(q):
    values = q.numpy()
    best = np.sort(values, axis=1)
    shares = np.exp(values - values.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    assert order.value_range(q).item() == pytest.approx(values.max() - values.min())
    assert order.action_certainty(q).item() == pytest.approx((best[:, -1] - best[:, -2]).mean())
    assert order.policy_entropy(q).item() == pytest.approx(-(shares * np.log(shares)).sum(1).mean())
    assert 0 < order.policy_entropy(q).item() < np.log(2)


def test_alike_actions_have_the_whole_entropy_and_sure_ones_none():
    assert order.policy_entropy(torch.ones(5, 4)).item() == pytest.approx(np.log(4))
    assert order.policy_entropy(torch.tensor([[0.0, 1e6]])).item() == 0


def test_input_gradients_are_central_differences(net):
    h = 1e-6
    with torch.no_grad():
        slopes = (net(STATES + h).sum(1) - net(STATES - h).sum(1)) / (2 * h)
    assert order.input_gradient_norm(net, STATES).item() == pytest.approx(slopes.norm().item(), rel=0.01)


def test_of_values_of_slope_n_it_is_the_law_of_the_corridors_size():
    """Q'(s) = N for both actions of S states: 2 N sqrt(S)."""
    assert order.input_gradient_norm(lambda s: 30 * s.expand(-1, 2), STATES).item() == pytest.approx(2 * 30 * 1000**0.5)


def test_loss_gradients_are_central_differences(net):
    def loss():
        return net(STATES[::100]).square().mean()

    found, total, h = order.loss_gradient_norm(loss, net).item(), 0.0, 1e-6
    with torch.no_grad():
        for parameter in net.parameters():
            for place in np.ndindex(*parameter.shape):
                parameter[place] += h
                up = loss().item()
                parameter[place] -= 2 * h
                total += ((up - loss().item()) / (2 * h)) ** 2
                parameter[place] += h
    assert found == pytest.approx(total**0.5, rel=1e-5)
    assert all(parameter.grad is None for parameter in net.parameters())
