"""Gate columns and functional depth of every scope against the network written out, subset by subset."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import log
from statistics import fmean, pstdev

import pytest
import torch

from lal.metrics import METRICS, depth
from lal.metrics.probe import Probe, looking
from lal.models.gated_network import GatedNetwork
from lal.runs.supervised_loop import SupervisedRun
from tests.lal.gated_by_hand import EVERY, by_hand, present
from tests.lal.small import run_config

ALL = pytest.mark.parametrize("name", EVERY)


def trained(model, steps=25, seed=0, spread=1.0, **values):
    """A run in float64 after a few steps, with gates of many sizes, whose test rows are now its training rows: so early it knows no others."""
    run = SupervisedRun(run_config(model, optim={"kind": "adamw", "lr": 0.03}, dtype="float64", seed=seed, **values))
    for _ in range(steps):
        run.advance()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, parameter in run.network.named_parameters():
            if key.startswith("gates."):
                parameter += spread * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    run.data = replace(run.data, test=run.data.train)
    return run


def network_of(run) -> GatedNetwork:
    return run.network


def measured(run, *names):
    with looking(run.network):
        probe = Probe(run.config, run.network, run.data)
        return {column: value for name in names for column, value in METRICS[name].values(probe).items()}


def right_by_hand(run, layers=None, gate_of=None):
    """Whether each row is answered right by `layers`, behind their gates."""
    with torch.no_grad():
        return by_hand(run.config.model, network_of(run), run.data.tokens, layers, gate_of)[0].argmax(1) == run.data.targets


def accuracy_by_hand(run, layers=None, gate_of=None):
    return right_by_hand(run, layers, gate_of)[run.data.test].double().mean().item()


def brute_force_depth(run, layers, least):
    return next(n for n in range(len(layers) + 1) if any(accuracy_by_hand(run, kept) >= least for kept in combinations(layers, n)))


def open_layers(run):
    with torch.no_grad():
        gates = by_hand(run.config.model, network_of(run), run.data.tokens)[2]
    return [index for index, gate in enumerate(gates) if gate.any()]


@ALL
def test_gate_columns(name):
    run = trained(EVERY[name])
    values, config = measured(run, "gates", "price"), run.config.model
    with torch.no_grad():
        layers = [gate.tolist() for gate in by_hand(config, network_of(run), run.data.tokens)[2]]
    absent = config.depth - len(layers)
    gates = [[gate for row in layer for gate in row] for layer in layers] + absent * [[0.0]]
    assert values["gate_values"] == pytest.approx([fmean(each) for each in gates], abs=1e-12)
    assert values["effective_depth"] == pytest.approx(sum(map(fmean, gates)), abs=1e-12)
    assert values["open_gates"] == pytest.approx(sum(fmean(gate > 0.5 for gate in each) for each in gates), abs=1e-12)
    unsure = [fmean(-sum(w * log(w) for w in (gate, 1 - gate) if w > 0) for gate in each) for each in gates]
    assert values["gate_entropy"] == pytest.approx(fmean(unsure), abs=1e-12)
    train = [[gate for row in run.data.train.tolist() for gate in layer[row]] for layer in layers]
    assert values["compute_cost"] == pytest.approx(sum(map(fmean, train)), abs=1e-12)
    assert values.get("layers_present") == (len(present(network_of(run))) if config.grow else None)
    assert set(METRICS["gates"].columns(run.config)) <= values.keys()


@pytest.mark.parametrize("name", [name for name in EVERY if "input" in name])
def test_depth_of_inputs(name):
    run = trained(EVERY[name], steps=12, spread=2.0)
    values = measured(run, "gates")
    with torch.no_grad():
        depths = torch.cat(by_hand(run.config.model, network_of(run), run.data.tokens)[2], 1).sum(1).tolist()
    right = right_by_hand(run).tolist()
    assert values["effective_depth_sd"] == pytest.approx(pstdev(depths), abs=1e-12)
    for side in (True, False):
        rows = [depths[row] for row in run.data.test.tolist() if right[row] == side]
        assert values["effective_depth_right" if side else "effective_depth_wrong"] == pytest.approx(fmean(rows) if rows else None, abs=1e-12)


def test_depth_of_wrong_rows_is_null_where_none_is_wrong():
    run = trained(EVERY["input-sigmoid-output"])
    right = right_by_hand(run).nonzero().flatten()
    run.data = replace(run.data, test=right)
    values = measured(run, "gates")
    assert (values["effective_depth_wrong"], values["effective_depth_right"] is None) == (None, False)


def test_gates_columns_of_the_default_scope_are_no_more_than_needed():
    assert METRICS["gates"].columns(run_config("gated")) == ("gate_values", "effective_depth", "open_gates", "gate_entropy")


@ALL
def test_functional_depth_is_the_smallest_of_all_subsets(name):
    found = []
    for seed in range(3):
        run = trained({**EVERY[name], "depth": 4, "width": 8}, seed=seed, spread=1.5)
        layers, least = open_layers(run), accuracy_by_hand(run) - depth.TOLERANCE
        found.append((measured(run, "functional_depth"), layers))
        rounded = accuracy_by_hand(run, gate_of=lambda index, t: (t > 0).double())
        assert found[-1][0] == {"functional_depth": brute_force_depth(run, layers, least), "rounded_acc": pytest.approx(rounded, abs=1e-12)}
        with looking(run.network):
            exact, greedy = (search(network_of(run), run.data, layers, 0.7 * least) for search in (depth.fewest_layers, depth.greedy_depth))
        assert exact == brute_force_depth(run, layers, 0.7 * least) <= greedy
    assert any(values["functional_depth"] > 0 for values, _ in found)


def test_functional_depths_differ_from_run_to_run_and_closed_layers_are_left_out():
    found = []
    for seed in range(8):
        run = trained({"kind": "gated", "width": 8, "depth": 5}, seed=seed, spread=2.0)
        with torch.no_grad():
            network_of(run).gates.logits[seed % 5] = -torch.inf
        assert len(open_layers(run)) == 4
        found.append(measured(run, "functional_depth")["functional_depth"])
        assert found[-1] == brute_force_depth(run, open_layers(run), accuracy_by_hand(run) - depth.TOLERANCE)
    assert len(set(found)) >= 2


@pytest.mark.parametrize("name", ["layer-sigmoid-output", "input-sigmoid-skip"])
def test_chunks_do_not_change_functional_depth(name, monkeypatch):
    run = trained({**EVERY[name], "depth": 4})
    with looking(run.network):
        whole = [depth.fewest_layers(network_of(run), run.data, range(4), least) for least in (0.1, 0.3, 0.5)]
        monkeypatch.setattr(depth, "ROWS_AT_ONCE", 3)
        assert [depth.fewest_layers(network_of(run), run.data, range(4), least) for least in (0.1, 0.3, 0.5)] == whole
    assert len(set(whole)) >= 2


def naive_greedy(run, kept, least):
    kept = set(kept)
    while kept:
        best = max(sorted(kept), key=lambda index: accuracy_by_hand(run, sorted(kept - {index})))
        if accuracy_by_hand(run, sorted(kept - {best})) < least:
            break
        kept = kept - {best}
    return len(kept)


@pytest.mark.parametrize("scope", ["layer", "neuron", "input"])
def test_beyond_eight_layers_depth_is_greedy(scope):
    for seed in range(2):
        run = trained({"kind": "gated", "width": 8, "depth": 9, "scope": scope}, seed=seed, spread=2.0)
        least = accuracy_by_hand(run) - depth.TOLERANCE
        assert measured(run, "functional_depth")["functional_depth"] == naive_greedy(run, range(9), least) >= brute_force_depth(run, range(9), least)


@pytest.mark.parametrize("name", ["neuron-sigmoid-output", "input-straight_through-skip", "layer-gumbel-output-grow"])
def test_the_price_in_training_is_the_charge_for_the_pass(name):
    """Rows' compute cost and total loss are those that the optimizer minimises, but for its noise."""
    run = trained(EVERY[name], penalties={"compute": {"kind": "sum", "weight": 0.3}})
    values = measured(run, "accuracy", "price")
    run.network.eval()
    tokens, targets = run.batches.next()
    loss = run._loss(run.network(tokens), targets)
    assert values["total_loss"] == pytest.approx(loss.item(), abs=1e-12)
    assert values["total_loss"] == pytest.approx(values["train_loss"] + 0.3 * values["compute_cost"], abs=1e-12)
