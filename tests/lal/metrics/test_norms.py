"""Norms and scales number by number."""

from __future__ import annotations

from statistics import pvariance

import pytest
import torch

from tests.lal.metrics.fixed import look
from tests.lal.small import MODELS, TASK
from tests.lal.test_metrics import measured, rows_of, trained

ALL = pytest.mark.parametrize("name", MODELS)


def mean(values):
    values = list(values)
    return sum(values) / len(values)


@ALL
def test_weight_norms_are_those_of_the_numbers(name):
    run = trained(name)
    values = measured(run, "weight_norm")
    squares = {key: sum(x * x for x in p.flatten().tolist()) for key, p in run.network.named_parameters()}
    of_role = {}
    for key, role in run.network.roles().items():
        of_role[role] = of_role.get(role, 0.0) + squares[key]
    rows = list(rows_of(run))
    scale = mean(pvariance(rows[index][2]) for index in run.data.train.tolist()) ** 0.5
    assert values == pytest.approx(
        {
            "weight_norm": sum(squares.values()) ** 0.5,
            "logit_scale": scale,
            **{f"weight_norm/{key}": square**0.5 for key, square in squares.items()},
            **{f"role_norm/{role}": square**0.5 for role, square in of_role.items()},
        }
    )


def test_logit_scale_is_proportional_and_leaves_out_what_softmax_ignores():
    run = trained("mlp")
    scale = measured(run, "weight_norm")["logit_scale"]
    with torch.no_grad():
        run.network.linears[-1].weight *= 3
        run.network.linears[-1].bias.mul_(3).add_(7)
    assert measured(run, "weight_norm")["logit_scale"] == pytest.approx(3 * scale)


@ALL
def test_representation_norm_row_by_row(name):
    run = trained(name)
    with torch.no_grad():
        run.network.eval()
        hidden = [run.network(tokens[None]).hidden[0].tolist() for tokens in run.data.tokens]
    assert measured(run, "representation") == pytest.approx({"representation_norm": mean(sum(x * x for x in row) ** 0.5 for row in hidden)})


@pytest.mark.parametrize(("dtype", "first"), [(torch.float32, 5), (torch.float64, 10)])
def test_collapse_counts_rows_whose_exponents_sum_to_exactly_one(dtype, first):
    """At logits z = 4 i against 0: exp(-z) is above what rounding tells from 1 at z = 16 and 36, far below at 20 and 40."""
    values = look("collapse", lambda tokens, targets: 4 * torch.arange(len(tokens), dtype=dtype)[:, None] * torch.nn.functional.one_hot(targets, 5))
    assert values["collapsed_share"] == mean(index >= first for index in TASK.build("cpu").train.tolist())


def test_a_collapsed_row_has_no_loss_and_no_gradient():
    logits = torch.tensor([[20.0, 0, 0, 0, 0], [15.0, 0, 0, 0, 0]], requires_grad=True)
    losses = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 0]), reduction="none")
    (slope,) = torch.autograd.grad(losses.sum(), logits)
    assert losses[0] == 0 == slope[0, 0]
    assert losses[1] > 0 > slope[1, 0]


def test_collapse_is_of_the_softmax_alone():
    assert "collapse" not in trained("mlp", loss="mse", steps=0).config.metrics()
