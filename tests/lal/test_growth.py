"""Depth that grows: when, to what, and that nothing else moves."""

from __future__ import annotations

from math import inf

import pytest
import torch
from torch import nn

from lal.models.gated import Grow
from lal.models.growth import Growth
from lal.runs.supervised_loop import SupervisedRun
from lal.stopping import Stopper
from tests.lal.gated_by_hand import EVERY, by_hand
from tests.lal.small import OPTIMS, TASK, network_of, run_config

GROWING = {name: model for name, model in EVERY.items() if name.endswith("grow")}
ALL = pytest.mark.parametrize("name", GROWING)
TOKENS = TASK.build("cpu").tokens


def growing(depth=4, **grow):
    return Growth(Grow(**grow), tuple((nn.Parameter(torch.zeros(1)),) for _ in range(depth)))


def present_after(growth, losses):
    """Layers present after each loss."""
    found = []
    for loss in losses:
        growth.see(torch.tensor(loss, dtype=torch.float64))
        found.append(growth.present)
    return found


def present_by_hand(losses, depth, start, patience, tolerance):
    """The same, from all losses since the last layer came, looked at in blocks of `patience`."""
    found, since, present = [], 0, start
    for seen in range(1, len(losses) + 1):
        known = losses[since:seen]
        if present < depth and len(known) % patience == 0:
            before, block = known[:-patience] or known[:1], known[-patience:]
            if min(block) > (1 - tolerance) * min(before):
                present, since = present + 1, seen
        found.append(present)
    return found


PLATEAUS = {
    "no progress": ([1.0] * 12, [1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4]),
    "progress, then none": ([1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.31, 0.3, 0.29, 0.2, 0.2, 0.2], [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3]),
    "a jump up": ([1.0, 0.5, 0.4, 3.0, 2.0, 1.0, 3.0, 2.0, 1.0, 1.0, 1.0, 1.0], [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3]),
    "progress in the last step": ([1.0, 1.0, 0.89, 0.9, 0.9, 0.8, 0.8, 0.8, 0.79, 0.7, 0.9, 0.9], [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3]),
}


@pytest.mark.parametrize("case", PLATEAUS)
def test_a_layer_comes_at_the_step_that_one_computes_by_hand(case):
    losses, expected = PLATEAUS[case]
    assert present_after(growing(start=1, patience=3, tolerance=0.1), losses) == expected
    assert present_by_hand(losses, 4, 1, 3, 0.1) == expected


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("patience", [1, 2, 5])
def test_growth_is_that_of_the_rule_on_any_losses(seed, patience):
    generator = torch.Generator().manual_seed(seed)
    losses = (torch.rand(60, generator=generator, dtype=torch.float64) * torch.linspace(1, 0.2, 60, dtype=torch.float64)).tolist()
    settings = {"start": 2, "patience": patience, "tolerance": 0.3}
    found = present_after(growing(depth=9, **settings), losses)
    assert found == present_by_hand(losses, 9, **settings)
    assert found[-1] > 2


def test_a_loss_that_is_enough_calls_for_no_layer():
    losses = [1.0] * 6 + [0.1] * 6
    assert present_after(growing(start=1, patience=3, enough=0.1), losses)[-1] == 3
    assert present_after(growing(start=1, patience=3, enough=0.09), losses)[-1] == 4


def test_a_network_that_diverges_does_not_grow():
    assert present_after(growing(start=1, patience=2), [1.0, float("nan"), float("nan"), float("nan"), 1.0, inf])[-1] == 1


@ALL
def test_a_run_grows_by_its_own_losses(name):
    config = run_config(GROWING[name], dtype="float64", penalties={"compute": {"kind": "sum", "weight": 0.3}})
    run, losses, found = SupervisedRun(config), [], []
    seen = run._loss
    run._loss = lambda *given: losses.append(seen(*given)) or losses[-1]
    for _ in range(10):
        run.advance()
        found.append(run.network.growth.present)
    assert found == present_by_hand([loss.item() for loss in losses], 3, 1, 2, 0.9)
    assert found[-1] == 3


@ALL
@pytest.mark.parametrize("norm", ["layer", "none"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_added_layer_changes_nothing_and_has_a_gradient(name, norm, dtype):
    config = run_config({**GROWING[name], "norm": norm, "gate_init": 0.999}).model
    network = config.build(TASK, torch.Generator().manual_seed(1)).to(dtype).eval()
    for _ in range(2):
        before = network(TOKENS).logits
        network.growth._begin(network.growth.present + 1)
        after = network(TOKENS)
        assert torch.equal(after.logits, before)
        assert after.gates[network.growth.present - 1].min() > 0.9  # it is open: its factor is what is 0
    network.zero_grad()
    nn.functional.cross_entropy(after.logits, TASK.build("cpu").targets).backward()
    assert all(factor.grad.abs() > 1e-6 for factor in network.factors)


@ALL
def test_a_network_that_may_grow_starts_as_the_shallow_one_of_the_same_seed(name):
    config = run_config(GROWING[name]).model
    network = config.build(TASK, torch.Generator().manual_seed(1)).double().eval()
    deep = config.model_copy(update={"grow": None}).build(TASK, torch.Generator().manual_seed(1)).double().eval()
    plain = config.model_copy(update={"grow": None})
    assert torch.allclose(network(TOKENS).logits, by_hand(plain, deep, TOKENS, layers=[0])[0], atol=1e-12)


DECAYING = {"kind": "adamw", "lr": 0.01, "roles": {"gate": {"weight_decay": 1.0}}}


@ALL
@pytest.mark.parametrize("optim", [DECAYING, OPTIMS["adam"], OPTIMS["sgd"]], ids=["adamw", "adam", "sgd"])
def test_absent_layers_are_left_alone_and_an_added_one_starts_with_an_empty_optimizer(name, optim):
    run = SupervisedRun(run_config(GROWING[name], optim, dtype="float64"))
    growth = run.network.growth
    start = {key: p.detach().clone() for key, p in run.network.named_parameters()}
    for present in (1, 2):
        for _ in range(2):
            run.advance()
            state = [run.optimizer.state.get(p, {}) for each in growth.layers[present:] for p in each]
            assert not any(value.any() for of_one in state for value in of_one.values())
        absent = start.keys() - run.network.present_parameters().keys()
        assert all(torch.equal(start[key], run.network.get_parameter(key)) for key in absent)
        assert all(p.grad is None for each in growth.layers[present:] for p in each)
        assert growth.present == present + 1
        assert torch.equal(run.network.factors[present - 1], torch.zeros(1, dtype=torch.float64))
    run.advance()
    factor = run.network.factors[1]
    assert factor.item() != 0
    if optim["kind"] != "sgd":
        state, scale = run.optimizer.state[factor], 1 - 0.9
        assert state["step"] == 1
        assert torch.allclose(state["exp_avg"], scale * factor.grad, atol=1e-15)
    assert not growth.absent()
    assert run.network.present_parameters().keys() == start.keys()


def test_frozen_gates_cannot_grow():
    with pytest.raises(ValueError, match=r"optim.roles.gate.lr_scale must be above 0 where depth grows"):
        run_config("gated-grow", {"kind": "adamw", "roles": {"gate": {"lr_scale": 0}}})


def test_growth_is_not_judged_by_losses_of_different_rows_or_charges():
    with pytest.raises(ValueError, match=r"optim.batch_size must be null where depth grows, .* but got 5"):
        run_config("gated-grow", {"kind": "adamw", "batch_size": 5})
    with pytest.raises(ValueError, match=r"penalties.spectral must be charged at every step where depth grows, .*; remove penalties.spectral.every"):
        run_config("gated-grow", penalties={"spectral": {"weight": 0.1, "every": 2}})
    run_config("gated-grow", penalties={"spectral": {"weight": 0.1}})
    run_config("gated-grow", penalties={"spectral": {"weight": 0, "every": 2}})


def test_present_parameters_are_those_that_the_logits_depend_on():
    network = network_of(GROWING["input-sigmoid-skip-grow"])
    network.growth._begin(2)
    nn.functional.cross_entropy(network(TOKENS).logits, TASK.build("cpu").targets).backward()
    assert network.present_parameters().keys() == {key for key, p in network.named_parameters() if p.grad is not None}
    assert len(network.growth.absent()) == 7  # weight, bias, norm twice, gate twice, factor


def bits(run):
    state = run.state_dict()
    return {key: value for key, value in {**state, **state["network"]}.items() if isinstance(value, torch.Tensor)}


@pytest.mark.parametrize("name", [name for name in GROWING if "output" in name])
@pytest.mark.parametrize("at", range(1, 6))
def test_resumed_at_any_moment_it_grows_as_if_it_had_not_stopped(name, at):
    config = run_config(GROWING[name])
    whole, first, second = (SupervisedRun(config) for _ in range(3))
    for _ in range(7):
        whole.advance()
    for _ in range(at):
        first.advance()
    second.load_state_dict(first.state_dict())
    for _ in range(7 - at):
        second.advance()
    assert second.network.growth.present == whole.network.growth.present == 3
    assert all(torch.equal(value, bits(second)[key]) for key, value in bits(whole).items())


def test_kept_weights_say_how_many_layers_there_are():
    run = SupervisedRun(run_config(GROWING["layer-sigmoid-output-grow"]))
    for _ in range(3):
        run.advance()
    fresh = run.config.model.build(TASK, torch.Generator().manual_seed(5))
    assert fresh.growth.present == 1
    fresh.load_state_dict(run.weights())
    assert fresh.growth.present == run.network.growth.present == 2
    assert torch.equal(fresh(TOKENS).logits, run.network(TOKENS).logits)


def test_rows_tell_how_many_layers_are_present_and_count_absent_ones_as_closed():
    config = run_config(GROWING["layer-straight_through-output-grow"], measure={"eval_every": 1, "every": {"functional_depth": 1}})
    rows = list(SupervisedRun(config).rows(Stopper(config.budget, config.goal, config.fit)))
    assert [row["layers_present"] for row in rows] == [1, 1, 2, 2, 3, 3, 3, 3, 3]
    assert [row["gate_values"] for row in rows[:3]] == [[1, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert all(row["effective_depth"] == row["compute_cost"] == row["open_gates"] == sum(row["gate_values"]) for row in rows)
    assert all(row["functional_depth"] <= row["layers_present"] for row in rows)
    assert rows[1]["weight_norm"] < rows[2]["weight_norm"]
