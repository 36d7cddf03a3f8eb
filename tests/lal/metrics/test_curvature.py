"""Derivatives against dense Hessians and loops over single rows and answers; the stochastic ones converge within their own standard errors."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from torch.func import functional_call

from lal.losses import losses_of_rows, task_loss
from lal.metrics import METRICS, probe, sample
from lal.metrics.probe import Probe, looking
from tests.lal.small import MODELS
from tests.lal.test_metrics import measured, trained

LOOKS = 60
TINY = {
    "mlp": {"kind": "mlp", "width": 4, "tied": True, "norm": "layer", "depth": 1},
    "gated": {"kind": "gated", "width": 3, "depth": 1, "gate": "straight_through", "gate_init": 0.6},
    "gated-neuron-gumbel": {"kind": "gated", "width": 3, "depth": 1, "scope": "neuron", "gate": "gumbel"},
    "gated-input": {"kind": "gated", "width": 3, "depth": 1, "scope": "input", "gate_init": 0.6},
    "routed": {"kind": "routed", "width": 2, "heads": 2, "state_width": 2},
    "transformer": {"kind": "transformer", "width": 2, "heads": 1, "depth": 1, "mlp_width": 3, "norm": "none", "operator": False},
}
SOME = pytest.mark.parametrize("name", TINY)
ALL = pytest.mark.parametrize("name", MODELS)
TASK = {"p": 4, "train_frac": 0.5}  # 8 rows for training: 4 groups of 2


def looks(run, name, n=LOOKS):
    """What metric `name` says at the same weights with the random streams of n steps."""
    with looking(run.network):
        return [METRICS[name].values(Probe(run.config, run.network, run.data, run.optimizer, step)) for step in range(n)]


def agrees(found, column, exact, share=0.4):
    """Whether the mean is within 4 standard errors of `exact`, these being small enough to say something, and no smaller than the spread that there is."""
    values = torch.tensor([each[column] for each in found], dtype=torch.float64)
    claimed = torch.tensor([each[f"{column}_se"] for each in found], dtype=torch.float64).square().mean().sqrt().item()
    error = claimed / sqrt(len(values))
    assert values.std() <= 1.15 * claimed
    assert 4 * error < share * abs(exact)
    assert values.mean().item() == pytest.approx(exact, abs=4 * error)


def train_rows(run):
    return run.data.tokens[run.data.train], run.data.targets[run.data.train]


def dense_hessian(run):
    """(n, n) second derivatives of the mean task loss over training rows, by all parameters side by side."""
    tokens, targets = train_rows(run)
    names, parameters = zip(*run.network.named_parameters(), strict=True)
    sizes = [each.numel() for each in parameters]

    def loss(flat):
        parts = {name: part.view_as(like) for name, part, like in zip(names, flat.split(sizes), parameters, strict=True)}
        return task_loss(run.config.loss, functional_call(run.network, parts, (tokens,)).logits, targets)

    run.network.eval()
    return torch.autograd.functional.hessian(loss, torch.cat([each.detach().flatten() for each in parameters]))


@SOME
def test_weight_hessian_against_the_dense_one(name):
    run = trained(TINY[name], task=TASK)
    agrees(looks(run, "weight_hessian"), "hessian_trace", dense_hessian(run).trace().item(), share=0.7)


def test_weight_hessian_of_mse():
    run = trained(TINY["mlp"], task=TASK, loss="mse")
    agrees(looks(run, "weight_hessian"), "hessian_trace", dense_hessian(run).trace().item(), share=0.6)


@ALL
def test_gradient_norm_is_that_of_the_rows_one_by_one(name, monkeypatch):
    monkeypatch.setattr(probe, "CHUNK_ROWS", 3)
    run = trained(name)
    value = measured(run, "gradient")["grad_norm"]
    run.network.eval()
    parameters, total = list(run.network.parameters()), None
    for tokens, target in zip(*train_rows(run), strict=True):
        slopes = torch.autograd.grad(task_loss("cross_entropy", run.network(tokens[None]).logits, target[None]), parameters, materialize_grads=True)
        total = slopes if total is None else [a + b for a, b in zip(total, slopes, strict=True)]
    exact = sqrt(sum((each / len(run.data.train)).square().sum().item() for each in total))
    assert value == pytest.approx(exact, rel=1e-9)
    assert exact > 0


def squared_slope(run, logit, parameters):
    return sum(each.square().sum().item() for each in torch.autograd.grad(logit, parameters, retain_graph=True, materialize_grads=True))


@SOME
def test_fisher_traces_row_by_row_and_answer_by_answer(name):
    run = trained(TINY[name], task=TASK)
    run.network.eval()
    parameters, true, empirical = list(run.network.parameters()), [], []
    for tokens, target in zip(*train_rows(run), strict=True):
        log_p = run.network(tokens[None]).logits.log_softmax(1)[0]
        squares = [squared_slope(run, each, parameters) for each in log_p]
        true.append(sum(p * square for p, square in zip(log_p.exp().tolist(), squares, strict=True)))
        empirical.append(squares[target])
    found = looks(run, "fisher")
    agrees(found, "fisher_trace", sum(true) / len(true))
    agrees(found, "empirical_fisher_trace", sum(empirical) / len(empirical))
    assert sum(true) != pytest.approx(sum(empirical), rel=0.005)


def test_label_noise_has_the_covariance_of_labels_drawn_from_the_network():
    from lal.metrics.fisher import label_noise

    generator = torch.Generator().manual_seed(0)
    logits = torch.tensor([[2.0, 0.0, -1.0, 0.5]], dtype=torch.float64)
    drawn = label_noise(logits.expand(200_000, 4), generator)
    p = logits.softmax(1)[0]
    assert torch.allclose(drawn.mean(0), torch.zeros(4, dtype=torch.float64), atol=0.005)
    assert torch.allclose(drawn.T @ drawn / len(drawn), p.diag() - p[:, None] * p, atol=0.005)


@SOME
def test_jacobian_against_every_derivative(name):
    run = trained(TINY[name], task=TASK)
    run.network.eval()
    x = run.network.embed(train_rows(run)[0]).detach()
    exact = sum(torch.autograd.functional.jacobian(lambda row: run.network.run(row[None]).logits[0], row).square().sum().item() for row in x) / len(x)
    found = [(each["jacobian_norm"], each["jacobian_norm_se"]) for each in looks(run, "jacobian")]
    squares = torch.tensor([norm**2 for norm, _ in found], dtype=torch.float64)
    error = squares.std().item() / sqrt(LOOKS)
    assert 4 * error < 0.4 * exact
    assert squares.mean().item() == pytest.approx(exact, abs=4 * error)
    agrees([{"square": norm**2, "square_se": 2 * norm * error} for norm, error in found], "square", exact, share=0.6)  # d(norm^2) = 2 norm d(norm)


@SOME
def test_input_hessian_against_every_second_derivative(name):
    run = trained(TINY[name], task=TASK)
    run.network.eval()
    tokens, targets = train_rows(run)
    x, traces = run.network.embed(tokens).detach(), []
    for row, target in zip(x, targets, strict=True):
        hessian = torch.autograd.functional.hessian(lambda row, target=target: task_loss("cross_entropy", run.network.run(row[None]).logits, target[None]), row)
        traces.append(hessian.view(row.numel(), row.numel()).trace().item())
    agrees(looks(run, "input_hessian"), "input_hessian_trace", sum(traces) / len(traces), share=0.6)


def test_a_quadratic_loss_is_known_without_chance():
    """Of mse and a network that is linear in its embedding, H = 2/C U^T U in every input: with one Rademacher vector each, only its diagonal is exact."""
    run = trained({"kind": "mlp", "depth": 1, "width": 6, "activation": "relu"}, loss="mse")
    with torch.no_grad():
        for linear in run.network.linears:
            linear.weight.copy_(torch.eye(*linear.weight.shape))
            linear.bias.zero_()
        run.network.embedding.weight.abs_()
        run.network.offset.bias.fill_(1.0)
    values = measured(run, "input_hessian", "jacobian")
    assert values["input_hessian_trace"] == pytest.approx(2 / 5 * 5)
    assert values["input_hessian_trace_se"] == pytest.approx(0, abs=1e-12)
    assert values["jacobian_norm"] == pytest.approx(sqrt(5))
    assert values["jacobian_norm_se"] == pytest.approx(0, abs=1e-12)


def test_the_error_of_the_jacobian_norm_is_that_of_its_root():
    """Of a network that squares its inputs the Jacobian is diagonal, and known without chance."""
    run = trained({"kind": "mlp", "depth": 1, "width": 5, "activation": "square"}, loss="mse")
    with torch.no_grad():
        run.network.linears[0].weight.copy_(torch.eye(5))
        run.network.linears[0].bias.zero_()
        run.network.offset.bias.zero_()
    values, x = measured(run, "jacobian"), run.network.embed(train_rows(run)[0]).detach()
    squares = 4 * x.square().sum(1)
    assert values["jacobian_norm"] == pytest.approx(squares.mean().sqrt().item())
    higher, lower = (squares.mean().item() + sign * 1e-6 * squares.std().item() / sqrt(len(squares)) for sign in (1, -1))
    assert values["jacobian_norm_se"] == pytest.approx((sqrt(higher) - sqrt(lower)) / 2e-6, rel=1e-6)


def test_a_jacobian_of_nothing_has_no_error():
    run = trained("mlp", steps=0)
    with torch.no_grad():
        for parameter in run.network.parameters():
            parameter.zero_()
    assert measured(run, "jacobian") == {"jacobian_norm": 0.0, "jacobian_norm_se": None}


def test_signs_are_fair_independent_and_the_same_again():
    drawn = sample.signs((1001, 37), torch.Generator().manual_seed(0), torch.zeros(1, dtype=torch.float64))
    assert set(drawn.flatten().tolist()) == {-1.0, 1.0}
    assert drawn.dtype == torch.float64
    correlation = drawn.T @ drawn / len(drawn)
    assert (correlation - torch.eye(37, dtype=torch.float64)).abs().max() < 5 / sqrt(1001)
    assert abs(drawn.mean().item()) < 4 / sqrt(drawn.numel())
    assert torch.equal(drawn, sample.signs((1001, 37), torch.Generator().manual_seed(0), drawn))


def test_the_sample_is_of_training_rows_and_stays():
    run = trained("mlp", task={"p": 31, "train_frac": 0.4})
    with looking(run.network):
        first, later = (Probe(run.config, run.network, run.data, run.optimizer, step).sample for step in (0, 40))
    assert len(first.targets) == sample.SAMPLED_ROWS
    assert torch.equal(first.tokens, later.tokens)
    trained_on = set(map(tuple, train_rows(run)[0].tolist()))
    drawn = list(map(tuple, first.tokens.tolist()))
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) <= trained_on
    groups = list(first.groups())
    assert [len(losses) for _, losses in groups] == [sample.GROUP_ROWS] * sample.GROUPS


@pytest.mark.parametrize("n_train", [1, 2, 3, 5, 9])
def test_few_training_rows(n_train):
    run = trained("mlp", task={"p": 4, "train_frac": n_train / 16})
    values = measured(run, "jacobian", "input_hessian", "weight_hessian", "fisher")
    alone = n_train == 1
    assert all((value is None) == alone for column, value in values.items() if column.endswith("_se"))
    assert all(value == value for column, value in values.items() if not column.endswith("_se"))


def test_float64_sees_curvature_that_float32_has_lost():
    """Logits at 25 against 0: 1 - p is about 5e-11, which float32 rounds away."""
    run = trained("mlp", steps=0)
    with torch.no_grad():
        for parameter in run.network.parameters():
            parameter.zero_()
        run.network.linears[-1].bias[0] = 25.0
    run.data.targets[:] = 0
    run.network.float()
    values = measured(run, "fisher", "weight_hessian")
    assert 0 < values["fisher_trace"] < 1e-8
    assert 0 < values["hessian_trace"] < 1e-8
    losses = losses_of_rows("cross_entropy", run.network(run.data.tokens).logits, run.data.targets)
    assert losses.max() == 0
