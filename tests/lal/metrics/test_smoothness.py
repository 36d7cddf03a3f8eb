"""Low-frequency shares against sums over single waves."""

from __future__ import annotations

from cmath import exp, pi

import pytest
import torch

from lal.metrics import METRICS, probe, smoothness
from lal.penalties.spectral import smoothness as share
from tests.lal.metrics.fixed import look
from tests.lal.small import run_config
from tests.lal.test_metrics import measured, trained

P = 5


def random_logits(p=P, seed=0):
    return torch.randn(p * p, p, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def energies(values, p):
    """|DFT|^2 of values[a][b] at each (k, l), by sums over all pairs."""
    found = {}
    for k in range(p):
        for l in range(p):  # noqa: E741
            wave = sum(values[a][b] * exp(-2j * pi * (k * a + l * b) / p) for a in range(p) for b in range(p))
            found[min(k, p - k), min(l, p - l), k, l] = abs(wave) ** 2
    return found


def low_share(tables, p):
    """Share of the energy of all `tables` together at max(|k|, |l|) <= p // 4, without (0, 0)."""
    low = total = 0.0
    for table in tables:
        for (k, l, *_), energy in energies(table, p).items():  # noqa: E741
            total += energy if (k, l) != (0, 0) else 0
            low += energy if (k, l) != (0, 0) and max(k, l) <= p // 4 else 0
    return low / total


@pytest.mark.parametrize("p", [4, 5, 9])
def test_both_shares_wave_by_wave(p):
    logits = random_logits(p)
    values = look("smoothness", logits, task={"p": p, "train_frac": 0.5})
    table = logits.view(p, p, p)
    expected = (logits.softmax(1) @ torch.arange(p, dtype=torch.float64)).view(p, p)
    assert values["spectral_smoothness"] == pytest.approx(low_share([expected.tolist()], p), rel=1e-9)
    centred = table - table.mean(2, keepdim=True)
    assert values["logit_smoothness"] == pytest.approx(low_share(centred.permute(2, 0, 1).tolist(), p), rel=1e-9)
    assert 0.05 < values["logit_smoothness"] < 0.95


@pytest.mark.parametrize("name", ["mlp", "gated", "routed"])
def test_of_networks(name):
    run = trained(name)
    values = measured(run, "smoothness")
    logits = run.network(run.data.tokens).logits.detach()
    table = (logits - logits.mean(1, keepdim=True)).view(P, P, P)
    assert values["logit_smoothness"] == pytest.approx(low_share(table.permute(2, 0, 1).tolist(), P), rel=1e-9)


def test_of_logits_does_not_depend_on_the_numbers_of_classes_or_what_softmax_ignores():
    logits = random_logits()
    values = look("smoothness", logits)
    renamed = look("smoothness", logits[:, [2, 0, 1, 4, 3]])
    shifted = look("smoothness", logits + 100 * torch.randn(P * P, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    moved = look("smoothness", logits + torch.arange(P))
    assert renamed["logit_smoothness"] == pytest.approx(values["logit_smoothness"])
    assert renamed["spectral_smoothness"] != pytest.approx(values["spectral_smoothness"], rel=1e-3)
    assert shifted == pytest.approx(values)
    assert moved["logit_smoothness"] == pytest.approx(values["logit_smoothness"])


def test_what_does_not_vary_is_smooth():
    assert look("smoothness", torch.randn(1, P, generator=torch.Generator().manual_seed(0)).expand(P * P, P).contiguous()) == {
        "spectral_smoothness": 1.0,
        "logit_smoothness": 1.0,
    }


def test_without_the_mean_the_right_answers_score_97_percent_at_p_113():
    a = torch.arange(113, dtype=torch.float64)
    assert share((a[:, None] + a) % 113, 28).item() == pytest.approx(0.97, abs=0.015)


@pytest.mark.parametrize(("chunk", "kept"), [(1, 2**24), (7, 0), (11, 0)])
def test_chunks_and_kept_logits_do_not_matter(chunk, kept, monkeypatch):
    whole = look("smoothness", random_logits())
    monkeypatch.setattr(probe, "CHUNK_ROWS", chunk)
    monkeypatch.setattr(probe, "KEPT_LOGITS", kept)
    assert look("smoothness", random_logits()) == pytest.approx(whole, rel=1e-12)


def test_low_waves_are_orthonormal():
    waves = smoothness.low_waves(11, 5)
    assert torch.allclose(waves @ waves.T, torch.eye(11, dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize(
    ("task", "applies"),
    [
        ({"operation": "multiply"}, True),
        ({"operation": "divide"}, False),
        ({"operation": "add+multiply"}, False),
        ({"operands": 3}, False),
    ],
)
def test_applies_where_every_pair_is_answered_once(task, applies):
    assert METRICS["smoothness"].applies(run_config(task={"p": 5, "train_frac": 0.5, **task})) is applies
