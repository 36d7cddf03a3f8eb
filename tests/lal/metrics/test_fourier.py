"""Waves against sums over single pairs, and networks whose waves are known."""

from __future__ import annotations

from cmath import exp
from math import cos, log, pi, sin

import pytest
import torch

from lal.metrics import METRICS, fourier, probe
from tests.lal.metrics.fixed import look
from tests.lal.small import run_config
from tests.lal.test_metrics import measured, trained

OPERATIONS = ["add", "subtract", "multiply", "divide"]
ALL = pytest.mark.parametrize("operation", OPERATIONS)
P = 7


def task(operation="add", p=P):
    return {"p": p, "operation": operation, "train_frac": 0.5}


def logarithm(p):
    """x -> i with g^i = x mod p, for the first g that reaches everything."""
    for g in range(1, p):
        found = {pow(g, i, p): i for i in range(p - 1)}
        if len(found) == p - 1:
            return found
    raise AssertionError


def coordinates(operation, a, b, p=P):
    """(i, j, n) of the pair, or None outside the group."""
    if operation in ("add", "subtract"):
        return a, (b if operation == "add" else -b) % p, p
    if a == 0 or b == 0:
        return None
    of = logarithm(p)
    return of[a], (of[b] if operation == "multiply" else -of[b]) % (p - 1), p - 1


def random_logits(tokens, targets):
    return torch.randn(len(tokens), P, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def brute(operation, logits, tokens, p=P):
    """Energy on (k, k) for each k = 1 .. n - 1, and all energy but that of (0, 0), of the logits less their mean over classes: by sums over pairs."""
    spots = {index: coordinates(operation, a, b, p) for index, (a, b) in enumerate(tokens.tolist())}
    spots = {index: spot for index, spot in spots.items() if spot}
    n = next(iter(spots.values()))[2]
    centred = (logits - logits.mean(1, keepdim=True)).tolist()

    def energy(k, l):  # noqa: E741
        return sum(abs(sum(centred[row][c] * exp(-2j * pi * (k * i + l * j) / n) for row, (i, j, _) in spots.items())) ** 2 for c in range(p))

    total = sum(energy(k, l) for k in range(n) for l in range(n)) - energy(0, 0)  # noqa: E741
    return [energy(k, k) for k in range(1, n)], total, n, spots


@ALL
def test_diagonal_energy_and_key_frequencies_pair_by_pair(operation):
    values = look("fourier", random_logits, task=task(operation))
    tokens = run_config(task=task(operation)).task.build("cpu").tokens
    on_diagonal, total, n, _ = brute(operation, random_logits(tokens, None), tokens)
    assert values["diagonal_energy"] == pytest.approx(sum(on_diagonal) / total, rel=1e-9)
    pairs = {k: on_diagonal[k - 1] + (on_diagonal[n - k - 1] if n - k != k else 0) for k in range(1, n // 2 + 1)}
    held, keys = 0.0, []
    for k in sorted(pairs, key=lambda k: -pairs[k]):
        if held < 0.9 * sum(pairs.values()):
            keys.append(k)
            held += pairs[k]
    assert values["key_frequencies"] == sorted(keys)
    assert values["n_key_frequencies"] == len(keys)


@ALL
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_restricted_and_excluded_loss_pair_by_pair(operation, loss):
    values = look("fourier", random_logits, task=task(operation), loss=loss)
    data = run_config(task=task(operation)).task.build("cpu")
    logits = random_logits(data.tokens, None)
    _, _, n, spots = brute(operation, logits, data.tokens)
    mean = logits[list(spots)].mean(0)
    waves = {row: torch.zeros(P, dtype=torch.float64) for row in spots}
    for k in values["key_frequencies"]:
        for wave in (cos, sin):
            at = {row: wave(2 * pi * k * (i + j) / n) for row, (i, j, _) in spots.items()}
            size = sum(x * x for x in at.values())
            if size > 1e-9:  # sin vanishes at k = n/2
                amplitude = sum(at[row] * logits[row] for row in spots) / size
                for row in spots:
                    waves[row] += amplitude * at[row]

    def loss_of(z, target):
        return (-z.log_softmax(0)[target] if loss == "cross_entropy" else (z - torch.eye(P, dtype=z.dtype)[target]).square().mean()).item()

    restricted = [loss_of(mean + waves[row], data.targets[row]) for row in spots]
    assert values["restricted_loss"] == pytest.approx(sum(restricted) / len(restricted), rel=1e-9)
    excluded = [loss_of(logits[row] - waves[row], data.targets[row]) for row in data.train.tolist() if row in spots]
    assert values["excluded_loss"] == pytest.approx(sum(excluded) / len(excluded), rel=1e-9)


def solution(operation, keys, p=11):
    """Logits sum_k cos(2 pi k (i + j - c) / n) over the classes c of the group: what a network that has generalised computes."""

    def table(tokens, targets):
        of = logarithm(p) if operation in ("multiply", "divide") else {x: x for x in range(p)}
        logits = torch.zeros(len(tokens), p, dtype=torch.float64)
        for row, (a, b) in enumerate(tokens.tolist()):
            spot = coordinates(operation, a, b, p)
            for c in of if spot else ():
                logits[row, c] = sum(5 * cos(2 * pi * k * (spot[0] + spot[1] - of[c]) / spot[2]) for k in keys)
        return logits

    return table


@ALL
def test_a_network_that_has_generalised(operation):
    values = look("fourier", solution(operation, (1, 3)), task=task(operation, 11))
    assert values["diagonal_energy"] == pytest.approx(1)
    assert values["key_frequencies"] == [1, 3]
    assert values["excluded_loss"] == pytest.approx(log(11), abs=1e-12)  # without its waves all classes are alike
    assert values["restricted_loss"] < 0.2


def test_waves_of_the_difference_do_not_count_for_the_sum():
    assert look("fourier", solution("subtract", (1, 3)), task=task("add", 11))["diagonal_energy"] == pytest.approx(0, abs=1e-12)
    assert look("fourier", solution("add", (1, 3)), task=task("subtract", 11))["diagonal_energy"] == pytest.approx(0, abs=1e-12)


def test_chance_is_one_in_n_plus_one():
    generator = torch.Generator().manual_seed(0)
    found = [look("fourier", lambda tokens, targets: torch.randn(121, 11, generator=generator), task=task("add", 11))["diagonal_energy"] for _ in range(20)]
    assert sum(found) / 20 == pytest.approx(1 / 12, abs=0.01)


def test_what_softmax_ignores_changes_nothing():
    shift = 10 * torch.randn(P * P, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    values, shifted = (look("fourier", lambda *of, more=more: random_logits(*of) + more, task=task()) for more in (0, shift))
    assert shifted["diagonal_energy"] == pytest.approx(values["diagonal_energy"])
    assert shifted["key_frequencies"] == values["key_frequencies"]


def test_logits_that_do_not_vary():
    values = look("fourier", lambda tokens, targets: torch.randn(1, P).expand(P * P, P).contiguous(), task=task())
    assert values["diagonal_energy"] is None
    assert values["neuron_ipr"] == pytest.approx(look("fourier", random_logits, task=task())["neuron_ipr"])


@ALL
def test_an_embedding_of_single_waves_is_as_uneven_as_can_be(operation):
    def features(tokens):
        spots = [coordinates(operation, a, b) or (0, 0, P) for a, b in tokens.tolist()]
        return torch.tensor([[cos(4 * pi * i / n), sin(4 * pi * i / n), cos(4 * pi * j / n + 1), 1.0] for i, j, n in spots], dtype=torch.float64)

    values = look("fourier", random_logits, features, task=task(operation))
    n_frequencies = P // 2
    assert values["neuron_ipr"] == pytest.approx(1)
    assert values["embedding_gini"] == pytest.approx(1 - 1 / n_frequencies)


@pytest.mark.parametrize("name", ["mlp", "mlp-tied", "mlp-concat", "gated", "routed"])
def test_embedding_columns_unit_by_unit(name):
    run = trained(name)
    values = measured(run, "fourier")
    p, norms, ratios = 5, [0.0, 0.0], []
    for table in run.network.embedding.tables():
        for unit in table.detach().T.tolist():
            of_k = [abs(sum(value * exp(-2j * pi * k * x / p) for x, value in enumerate(unit))) ** 2 for k in (1, 2)]
            norms = [norm + each for norm, each in zip(norms, of_k, strict=True)]
            ratios.append(sum(each**2 for each in of_k) / sum(of_k) ** 2)
    u = sorted(norm**0.5 for norm in norms)
    assert values["neuron_ipr"] == pytest.approx(sum(ratios) / len(ratios), rel=1e-9)
    assert values["embedding_gini"] == pytest.approx((u[1] - u[0]) / (2 * (u[0] + u[1])), rel=1e-9)


def test_gini():
    assert fourier.gini(torch.tensor([0.0, 0.0, 0.0, 2.0])) == 0.75
    assert fourier.gini(torch.tensor([3.0, 3.0, 3.0])) == 0
    assert fourier.gini(torch.zeros(3)) == 0
    x = torch.rand(9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    differences = (x[:, None] - x).abs().sum().item() / (2 * 81 * x.mean().item())
    assert fourier.gini(x) == pytest.approx(differences)


@pytest.mark.parametrize(("chunk", "kept"), [(3, 2**24), (5, 0)])
def test_chunks_and_kept_logits_do_not_matter(chunk, kept, monkeypatch):
    whole = look("fourier", random_logits, task=task("multiply"))
    monkeypatch.setattr(probe, "CHUNK_ROWS", chunk)
    monkeypatch.setattr(probe, "KEPT_LOGITS", kept)
    again = look("fourier", random_logits, task=task("multiply"))
    assert again.pop("key_frequencies") == whole.pop("key_frequencies")
    assert again == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize(
    ("values", "applies"), [({"operation": "divide"}, True), ({"operation": "add+multiply"}, False), ({"operands": 3}, False), ({"p": 2}, False)]
)
def test_applies_to_one_operation_on_pairs(values, applies):
    assert METRICS["fourier"].applies(run_config(task={"p": 5, "train_frac": 0.5, **values})) is applies
