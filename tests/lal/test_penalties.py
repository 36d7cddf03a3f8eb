"""Every penalty against its formula, written out as loops, and the laws that its docstring promises."""

from __future__ import annotations

from itertools import product
from math import cos, log, log2, pi

import pytest
import torch
from torch.nn import functional

from lal import penalties
from lal.config import parse
from lal.models.network import Output
from lal.part import kind_of
from lal.penalties.spectral import Spectral, expected_class, smoothness
from lal.runs.supervised_loop import SupervisedRun
from tests.lal.small import MODELS, TASK, network_of, run_config

DATA = TASK.build("cpu")
NOTHING = torch.empty(0)
ROUTING = {kind_of(member): member(weight=1.0) for member in penalties.ROUTING}
COMPUTE = {kind_of(member): member(weight=1.0) for member in penalties.COMPUTE}


def h(w):
    return -w * log(w) if w > 0 else 0.0


def gini(weights):
    """Half the mean absolute difference of all pairs, over the mean."""
    n = len(weights)
    return sum(abs(a - b) for a, b in product(weights, weights)) / (2 * n * sum(weights))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


NAIVE_ROUTING = {
    "entropy": lambda w, n: mean(mean(sum(map(h, row)) / log(n) for row in layer) for layer in w),
    "sparsity": lambda w, n: mean(mean((1 - max(row)) * n / (n - 1) for row in layer) for layer in w),
    "gini": lambda w, n: mean(mean(1 - gini(row) * n / (n - 1) for row in layer) for layer in w),
    "load_balance": lambda w, n: mean((n * sum(mean(row[i] for row in layer) ** 2 for i in range(n)) - 1) / (n - 1) for layer in w),
}
NAIVE_COMPUTE = {
    "sum": lambda g: sum(g),
    "flops": lambda g: sum(g),
    "entropy": lambda g: sum(h(x) + h(1 - x) for x in g) / log(2),
    "sum_entropy": lambda g: sum(x + (h(x) + h(1 - x)) / log(2) for x in g),
}


def routing_value(kind, weights):
    return ROUTING[kind].value(None, Output(NOTHING, NOTHING, routing=tuple(weights[:, None])), DATA)  # type: ignore[arg-type]


def compute_value(kind, gates):
    """The charge for `gates`, (L,) or (L, G)."""
    network = network_of({"kind": "gated", "width": 6, "depth": len(gates)})
    return COMPUTE[kind].value(network, Output(NOTHING, NOTHING, gates=gates.view(len(gates), -1)), DATA)


def random_weights(layers=2, rows=7, heads=4, seed=0):
    return torch.randn(layers, rows, heads, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).softmax(-1)


def test_every_penalty_has_an_oracle():
    assert NAIVE_ROUTING.keys() == ROUTING.keys()
    assert NAIVE_COMPUTE.keys() == COMPUTE.keys()
    assert [kind_of(member) for member in penalties.SPECTRAL] == ["spectral"]


@pytest.mark.parametrize("kind", ROUTING)
@pytest.mark.parametrize("heads", [2, 3, 6])
def test_routing_formula(kind, heads):
    weights = random_weights(heads=heads)
    assert routing_value(kind, weights).item() == pytest.approx(NAIVE_ROUTING[kind](weights.tolist(), heads), abs=1e-12)


@pytest.mark.parametrize("kind", ROUTING)
@pytest.mark.parametrize(("layers", "rows", "heads"), [(1, 8, 2), (3, 8, 4), (2, 16, 8)])
def test_routing_is_0_at_its_cheapest_and_1_at_its_dearest_whatever_the_size(kind, layers, rows, heads):
    uniform = torch.full((layers, rows, heads), 1 / heads, dtype=torch.float64)
    decisive = functional.one_hot(torch.arange(rows) % heads, heads).double().expand(layers, -1, -1)
    one_for_all = functional.one_hot(torch.zeros(rows, dtype=torch.long), heads).double().expand(layers, -1, -1)
    cheapest, dearest = (decisive, one_for_all) if kind == "load_balance" else (decisive, uniform)
    assert routing_value(kind, cheapest).item() == pytest.approx(0, abs=1e-12)
    assert routing_value(kind, dearest).item() == pytest.approx(1, abs=1e-12)
    assert 0 < routing_value(kind, random_weights(layers, rows, heads)).item() < 1


@pytest.mark.parametrize("kind", ROUTING)
def test_routing_does_not_care_which_head_is_which(kind):
    weights = random_weights()
    assert routing_value(kind, weights[..., [2, 0, 3, 1]]).item() == pytest.approx(routing_value(kind, weights).item(), abs=1e-12)


@pytest.mark.parametrize("kind", ROUTING)
def test_routing_gradient_is_the_finite_difference(kind):
    scores = torch.randn(2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: routing_value(kind, t.softmax(-1)), scores)


@pytest.mark.parametrize("kind", ROUTING)
def test_a_weight_that_underflows_leaves_the_gradient_finite(kind):
    scores = torch.tensor([[[300.0, 0.0, -5.0]]], requires_grad=True)
    weights = scores.softmax(-1)
    assert weights.min() == 0
    value = routing_value(kind, weights)
    value.backward()
    assert value.isfinite()
    assert scores.grad.isfinite().all()


@pytest.mark.parametrize("kind", COMPUTE)
def test_compute_formula(kind):
    gates = torch.tensor([0.9, 0.35, 0.02], dtype=torch.float64)
    assert compute_value(kind, gates).item() == pytest.approx(NAIVE_COMPUTE[kind](gates.tolist()), abs=1e-9)


@pytest.mark.parametrize("kind", COMPUTE)
def test_a_layers_charge_is_the_mean_of_its_gates_charges(kind):
    gates = torch.rand(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert compute_value(kind, gates).item() == pytest.approx(mean(NAIVE_COMPUTE[kind](column) for column in gates.T.tolist()), abs=1e-9)


@pytest.mark.parametrize("kind", COMPUTE)
@pytest.mark.parametrize("layers", [1, 3])
def test_compute_range(kind, layers):
    free, dearest_gate, most = {"sum": (0, 1, 1), "flops": (0, 1, 1), "entropy": (0, 0.5, 1), "sum_entropy": (0, 2 / 3, log2(3))}[kind]
    at = [compute_value(kind, torch.full((layers,), gate, dtype=torch.float64)).item() for gate in (free, dearest_gate)]
    assert at == pytest.approx([0, layers * most], abs=1e-4)
    between = [compute_value(kind, torch.full((layers,), gate, dtype=torch.float64)).item() for gate in torch.linspace(0, 1, 101).tolist()]
    assert 0 <= min(between) <= max(between) <= layers * most + 1e-4


def test_flops_charges_heavier_layers_more():
    network = network_of("gated").eval()
    network.layer_flops = lambda: [30.0, 60.0, 90.0]  # type: ignore[method-assign]
    gates = torch.tensor([1.0, 0.5, 0.25], dtype=torch.float64)
    value = COMPUTE["flops"].value(network, Output(NOTHING, NOTHING, gates=gates[:, None]), DATA)
    assert value.item() == pytest.approx((30 + 0.5 * 60 + 0.25 * 90) / 60)


def test_layer_flops_are_the_multiply_adds_of_each_layer():
    assert network_of("gated").layer_flops() == [36.0, 36.0, 36.0]


@pytest.mark.parametrize("kind", COMPUTE)
def test_compute_gradient_is_the_finite_difference(kind):
    logits = torch.tensor([2.0, -0.3, 0.4], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: compute_value(kind, torch.sigmoid(t)), logits)


@pytest.mark.parametrize("kind", COMPUTE)
@pytest.mark.parametrize("gate", [0.0, 1.0])
def test_compute_gradient_is_finite_at_closed_and_open_gates(kind, gate):
    gates = torch.full((3,), gate, requires_grad=True)
    value = COMPUTE[kind].value(network_of("gated", torch.float32), Output(NOTHING, NOTHING, gates=gates[:, None]), DATA)
    value.backward()
    assert value.isfinite()
    assert gates.grad.isfinite().all()


def naive_smoothness(values, cutoff):
    """The four-fold sum that a 2-D DFT is."""
    p = len(values)
    centre = mean(mean(row) for row in values)
    energy = {}
    for k, m in product(range(p), range(p)):
        turns = [(2 * pi * (k * a + m * b) / p, values[a][b] - centre) for a, b in product(range(p), range(p))]
        real, imaginary = sum(v * cos(t) for t, v in turns), sum(v * cos(t - pi / 2) for t, v in turns)
        energy[min(k, p - k), min(m, p - m), k, m] = real**2 + imaginary**2
    return sum(e for (k, m, *_), e in energy.items() if max(k, m) <= cutoff) / sum(energy.values())


@pytest.mark.parametrize("p", [4, 7])
@pytest.mark.parametrize("cutoff", [0, 1, 2, 3])
def test_smoothness_is_a_share_of_the_explicit_transform(p, cutoff):
    values = torch.randn(p, p, dtype=torch.float64, generator=torch.Generator().manual_seed(p)) + 3
    assert smoothness(values, cutoff).item() == pytest.approx(naive_smoothness(values.tolist(), cutoff), abs=1e-12)


def test_parseval_the_transforms_energy_is_the_variance():
    values = torch.randn(7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    centred = values - values.mean()
    basis = torch.tensor([[cos(2 * pi * 2 * a / 7)] * 7 for a in range(7)], dtype=torch.float64)
    shares = [smoothness(values, cutoff).item() for cutoff in range(4)]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(0, abs=1e-15)
    assert shares[3] == pytest.approx(1)
    # taking the waves of frequency (2, 0) out leaves the energy at cutoff 1 as it was, and lowers the whole by their projections
    sine = torch.tensor([[cos(2 * pi * 2 * a / 7 - pi / 2)] * 7 for a in range(7)], dtype=torch.float64)
    alone = centred - sum((centred * wave).sum() / wave.square().sum() * wave for wave in (basis, sine))
    kept = smoothness(alone, 1) * alone.square().sum() / centred.square().sum()
    assert smoothness(values, 1).item() == pytest.approx(kept.item(), abs=1e-12)
    assert alone.square().sum() < 0.99 * centred.square().sum()


@pytest.mark.parametrize("frequency", [(1, 0), (1, 2), (0, 2), (3, 1), (5, 5), (6, 0)])
def test_a_pure_wave_is_smooth_up_to_the_cutoff_and_rough_beyond(frequency):
    k, m = frequency
    wave = torch.tensor([[cos(2 * pi * (k * a + m * b) / 13 + 0.3) + 5 for b in range(13)] for a in range(13)], dtype=torch.float64)
    assert smoothness(wave, 2).item() == pytest.approx(float(max(k, m) <= 2), abs=1e-12)


def test_a_constant_is_smooth_and_has_a_finite_slope():
    constant = torch.full((5, 5), 2.0, dtype=torch.float64, requires_grad=True)
    value = smoothness(constant, 1)
    value.backward()
    assert value.item() == 1
    assert constant.grad.isfinite().all()


def test_expected_class_is_the_softmax_weighted_number():
    logits = torch.log(torch.tensor([[0.2, 0.3, 0.5], [1.0, 1.0, 2.0]], dtype=torch.float64))
    assert expected_class(logits).tolist() == pytest.approx([0.3 + 2 * 0.5, 0.25 + 2 * 0.5])


@pytest.mark.parametrize("cutoff", [None, 0, 2])
def test_spectral_penalty_is_one_less_the_smoothness_of_the_expected_class_over_all_pairs(cutoff):
    network = network_of("mlp")
    expected = [[sum(c * w for c, w in enumerate(network(torch.tensor([[a, b]])).logits[0].softmax(0).tolist())) for b in range(5)] for a in range(5)]
    value = Spectral(weight=1.0, cutoff=cutoff).value(network, network(DATA.tokens), DATA)
    assert value.item() == pytest.approx(1 - naive_smoothness(expected, 1 if cutoff is None else cutoff), abs=1e-10)
    assert 0 <= value.item() <= 1


def test_spectral_gradient_is_the_finite_difference():
    logits = torch.randn(25, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2), requires_grad=True)
    penalty = Spectral(weight=1.0)
    assert torch.autograd.gradcheck(lambda t: penalty.value(lambda tokens: Output(t, t), None, DATA), logits)  # type: ignore[arg-type]


@pytest.mark.parametrize("every", [1, 3])
def test_a_penalty_of_every_kth_step_is_charged_k_times_as_much(every):
    penalty = Spectral(weight=1.0, every=every)
    shares = [penalty.share(step) for step in range(12)]
    assert sum(shares) / len(shares) == 1
    assert [share > 0 for share in shares] == [step % every == 0 for step in range(12)]


CHARGES = {
    "gated": {"compute": {"kind": "sum", "weight": 0.3}},
    "routed": {"routing": {"kind": "gini", "weight": 0.3}, "spectral": {"weight": 2.0, "every": 2}},
}


@pytest.mark.parametrize("model", CHARGES)
def test_the_training_loss_adds_weight_times_share_times_penalty(model):
    config = run_config(model, penalties=CHARGES[model], dtype="float64")
    run = SupervisedRun(config)
    tokens, targets = run.batches.next()
    for step in (0, 1):
        run.step = step
        output = run.network(tokens)
        expected = functional.cross_entropy(output.logits, targets)
        for penalty in config.penalties.charged().values():
            expected = expected + penalty.share(step) * penalty.weight * penalty.value(run.network, output, run.data)
        assert run._loss(output, targets).item() == pytest.approx(expected.item(), abs=1e-14)
        assert expected.item() > functional.cross_entropy(output.logits, targets).item()


MISFITS = [
    ("mlp", "compute", {"kind": "sum"}),
    ("routed", "compute", {"kind": "entropy"}),
    ("mlp", "routing", {"kind": "gini"}),
    ("gated", "routing", {"kind": "entropy"}),
    ("routed-one-head", "routing", {"kind": "sparsity"}),
]


@pytest.mark.parametrize(("model", "slot", "penalty"), MISFITS)
def test_a_penalty_on_a_model_that_cannot_have_it_is_refused(model, slot, penalty):
    values = {"task": {"p": 5, "train_frac": 0.5}, "model": MODELS[model]}
    with pytest.raises(ValueError, match=f"penalties.{slot}: .* or remove the penalty"):
        parse({**values, "penalties": {slot: {**penalty, "weight": 0.1}}})
    assert parse({**values, "penalties": {slot: {**penalty, "weight": 0}}}).trajectory() == parse(values).trajectory()


def test_spectral_penalty_is_refused_where_a_pair_has_no_answer():
    with pytest.raises(ValueError, match="has another table"):
        parse({"task": {"p": 5, "train_frac": 0.5, "operation": "divide"}, "penalties": {"spectral": {"weight": 1}}})
