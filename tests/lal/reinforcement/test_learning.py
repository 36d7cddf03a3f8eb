"""What one update does, by hand; the replay buffer against a list; networks against formulas."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lal.optim import Adam, Sgd
from lal.reinforcement.learner import Learner, squared_errors, targets
from lal.reinforcement.network import QNetwork
from lal.reinforcement.replay import Batch, Replay
from lal.runs.streams import stream

GAMMA = 0.99


def network(width=6, depth=2, n_inputs=1, n_actions=2, seed=0):
    return QNetwork(width=width, depth=depth).build(n_inputs, n_actions, stream(seed, "init")).double()


def batch_of(rows):
    """Rows (seen, action, reward, next_seen, goes_on)."""
    seen, action, reward, after, goes_on = zip(*rows, strict=True)
    column = [torch.tensor(each, dtype=torch.float64) for each in (seen, after, reward, goes_on)]
    return Batch(column[0][:, None], column[1][:, None], column[2], column[3], torch.tensor(action), np.zeros(len(rows), np.int64))


ROWS = [(0.0, 1, -1.0, 0.25, 1.0), (0.25, 0, -1.0, 0.0, 1.0), (0.5, 1, 10.0, 0.75, 0.0), (0.5, 0, -1.0, 0.25, 0.0)]


def test_targets_by_hand_with_nothing_after_an_end():
    net = network()
    with torch.no_grad():
        best = [net(torch.tensor([[after]], dtype=torch.float64)).max().item() for _, _, _, after, _ in ROWS]
    expected = [-1 + GAMMA * best[0], -1 + GAMMA * best[1], 10.0, -1.0]
    assert targets(net, batch_of(ROWS), GAMMA).tolist() == pytest.approx(expected, abs=1e-12)


def test_errors_are_of_the_actions_that_were_taken():
    q = torch.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=torch.float64)
    assert squared_errors(q, torch.tensor([1, 0]), torch.tensor([0.0, 1.0])).tolist() == [4.0, 4.0]


def test_one_update_is_a_gradient_step_on_the_mean_error_towards_the_older_network():
    net = network()
    learner = Learner(net, Sgd(lr=0.1, batch_size=4), GAMMA)
    with torch.no_grad():
        for each in learner.target.parameters():
            each += 0.1
    before = {name: each.detach().clone() for name, each in net.named_parameters()}
    errors, q = learner.errors(batch_of(ROWS))
    y = targets(learner.target, batch_of(ROWS), GAMMA)
    assert errors.tolist() == pytest.approx([(q[i, row[1]] - y[i]).item() ** 2 for i, row in enumerate(ROWS)])
    slopes = torch.autograd.grad(errors.mean(), list(net.parameters()), retain_graph=True)
    learner.descend(errors.mean())
    for (name, each), slope in zip(net.named_parameters(), slopes, strict=True):
        assert torch.allclose(each, before[name] - 0.1 * slope, atol=1e-12)


def test_an_older_copy_changes_only_when_it_is_synced():
    learner = Learner(network(), Adam(lr=0.1, batch_size=4), GAMMA)
    old = [each.clone() for each in learner.target.parameters()]
    learner.descend(learner.errors(batch_of(ROWS))[0].mean())
    assert all(torch.equal(one, other) for one, other in zip(old, learner.target.parameters(), strict=True))
    learner.sync()
    assert all(torch.equal(one, other) for one, other in zip(learner.parameters, learner.target.parameters(), strict=True))


@pytest.mark.parametrize(("width", "depth", "n_inputs", "n_actions"), [(32, 2, 1, 2), (5, 1, 4, 3), (7, 3, 2, 5)])
def test_a_network_is_linear_maps_with_relu_between_and_has_the_parameters_that_are_planned(width, depth, n_inputs, n_actions):
    net, rule = network(width, depth, n_inputs, n_actions), QNetwork(width=width, depth=depth)
    x = seen = torch.rand(9, n_inputs, dtype=torch.float64, generator=stream(1, "seen"))
    for index, (weight, bias) in enumerate(net.pairs):
        x = x @ weight.T + bias
        x = x.clamp(min=0) if index < depth else x
    assert torch.allclose(net(seen), x, atol=1e-12)
    assert sum(each.numel() for each in net.parameters()) == rule.n_parameters(n_inputs, n_actions)


def test_weights_start_uniform_up_to_the_inverse_root_of_the_inputs():
    net = QNetwork(width=64).build(16, 2, stream(0, "init"))
    for (weight, _), inputs in zip(net.pairs, (16, 64, 64), strict=True):
        assert weight.abs().max().item() == pytest.approx(inputs**-0.5, rel=0.05)
        assert weight.abs().max().item() <= inputs**-0.5
        assert weight.std().item() == pytest.approx((inputs * 3) ** -0.5, rel=0.15)


def test_an_ensemble_is_its_members_one_by_one():
    together = QNetwork(width=5, depth=2).several(3, 2, 2, stream(0, "init")).double()
    seen = torch.rand(4, 2, dtype=torch.float64, generator=stream(1, "seen"))
    for member in range(3):
        alone = network(5, 2, 2)
        with torch.no_grad():
            for mine, all_of_them in zip(alone.parameters(), together.parameters(), strict=True):
                mine.copy_(all_of_them[member])
        assert torch.allclose(together(seen)[member], alone(seen), atol=1e-12)


def test_members_are_clipped_each_by_its_own_norm():
    together = QNetwork(width=5).several(3, 1, 2, stream(0, "init")).double()
    learner = Learner(together, Sgd(lr=0.1, batch_size=4, clip=0.01), GAMMA)
    learner.errors(batch_of(ROWS))[0].mean(-1).sum().backward()
    assert all(norm > 0.01 for norm in norms_of_members(learner))
    learner.clip(0.01)
    assert norms_of_members(learner) == pytest.approx([0.01] * 3, rel=1e-3)


def norms_of_members(learner):
    """Of each of three members' gradients."""
    slopes = [each.grad for each in learner.parameters]
    return torch.stack([each.reshape(3, -1).square().sum(1) for each in slopes]).sum(0).sqrt().tolist()


@given(st.lists(st.integers(0, 1000), max_size=40))
def test_a_ring_holds_the_newest(rewards):
    ring, expected = Replay(7, 1), deque(maxlen=7)
    for index, reward in enumerate(rewards):
        ring.add((index / 2,), index % 2, float(reward), (index / 4,), index % 3 > 0, index)
        expected.append((index / 2, index / 4, float(reward), float(index % 3 > 0), index % 2, index))
    found = ring.rows(slice(len(ring)), "cpu")
    rows = zip(found.seen[:, 0], found.next_seen[:, 0], found.reward, found.goes_on, found.action, found.key, strict=True)
    assert sorted(tuple(float(each) for each in row) for row in rows) == sorted(tuple(map(float, row)) for row in expected)
    assert len(ring) == len(expected)


def test_batches_are_of_different_transitions_all_as_likely():
    ring, generator = Replay(10, 1), np.random.default_rng(0)
    for index in range(10):
        ring.add((float(index),), 0, 0.0, (0.0,), True, index)
    counts = np.zeros(10)
    for _ in range(3000):
        keys = ring.drawn(4, generator, "cpu").key
        assert len(set(keys.tolist())) == 4
        counts[keys] += 1
    assert np.abs(counts / 3000 - 0.4).max() < 5 * (0.4 * 0.6 / 3000) ** 0.5
