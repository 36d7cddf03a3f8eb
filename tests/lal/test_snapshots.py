"""Snapshots: shapes and kinds, sums by brute force, and agreement with the metrics that say the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lal import snapshots
from lal.config import parse
from lal.metrics import METRICS
from lal.metrics.cyclic import cyclic
from lal.metrics.probe import Probe, looking
from lal.snapshots import logit_spectrum, size, snapshot
from lal.store import decoded_arrays, encoded_arrays
from tests.lal.small import MODELS, network_of, run_config


def taken(run, network=None):
    data = run.task.build("cpu")
    network = run.start().network if network is None else network
    with looking(network):
        return snapshot(run, network, data), data, network


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_the_arrays_that_apply_and_they_are_what_it_says_of_every_row(model):
    run = run_config(model, dtype="float64")
    arrays, data, network = taken(run, network_of(model))
    with looking(network):
        output = network(data.tokens)
    n, layers = 25, run.model.n_layers
    expected = {"tokens": ((n, 2), np.int16), "correct": ((n,), bool), "embedding_spectrum": ((2,), np.float32), "logit_spectrum": ((5, 5), np.float32)}
    if output.routing is not None:
        expected["routing"] = ((layers, n, output.routing[0].shape[-1]), np.float16)
        assert np.array_equal(arrays["routing"], torch.stack([weights[-1] for weights in output.routing]).half().numpy())
    if output.gates is not None:
        by_input = run.model.gates_by_input
        expected["input_gates" if by_input else "gates"] = ((layers, output.gates.shape[1]), np.float16 if by_input else np.float32)
        assert np.allclose(arrays["input_gates" if by_input else "gates"], output.gates, atol=1e-3)
    assert {name: (array.shape, array.dtype) for name, array in arrays.items()} == {name: (shape, np.dtype(kind)) for name, (shape, kind) in expected.items()}
    assert np.array_equal(arrays["correct"], (output.logits.argmax(1) == data.targets).numpy())
    assert np.array_equal(arrays["tokens"], data.tokens.numpy())


@pytest.mark.parametrize("operation", ["add", "subtract", "multiply", "divide"])
@pytest.mark.parametrize("model", ["mlp", "mlp-concat", "routed"])
def test_spectra_agree_with_the_metric(operation, model):
    run = run_config(model, task={"p": 7, "operation": operation, "train_frac": 0.5}, dtype="float64")
    arrays, data, network = taken(run)
    with looking(network):
        values = METRICS["fourier"].values(Probe(run, network, data))
    spectrum = arrays["logit_spectrum"]
    n = 7 if operation in ("add", "subtract") else 6
    assert spectrum.shape == (n, n)
    assert spectrum.diagonal().sum() == pytest.approx(values["diagonal_energy"], rel=1e-5)
    assert spectrum.sum() == pytest.approx(1, rel=1e-6)
    energies = np.sqrt(arrays["embedding_spectrum"].astype(float))
    assert arrays["embedding_spectrum"].sum() == pytest.approx(1, rel=1e-6)
    assert gini(energies) == pytest.approx(values["embedding_gini"], rel=1e-5)


def gini(values):
    """By its definition: mean absolute difference over twice the mean."""
    return np.abs(values[:, None] - values).mean() / (2 * values.mean())


@pytest.mark.parametrize("p", [5, 6])
def test_the_logit_spectrum_is_that_of_the_whole_transform(p):
    logits = torch.randn(p * p, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    centred = logits - logits.mean(1, keepdim=True)
    energy = torch.fft.fft2((centred - centred.mean(0)).view(p, p, -1), dim=(0, 1)).abs().square().sum(2)
    energy[0, 0] = 0
    found = logit_spectrum(logits, torch.arange(p * p).view(p, p))
    assert torch.allclose(found.double(), energy / energy.sum(), atol=1e-7)


def test_a_function_of_the_sum_is_on_the_diagonal_and_a_shift_of_all_logits_of_a_row_changes_nothing():
    run = parse({"task": {"p": 11, "operation": "multiply"}})
    data = run.task.build("cpu")
    logits = torch.nn.functional.one_hot(data.targets, 11).double()
    rows = cyclic(run.task, data).rows
    found = logit_spectrum(logits, rows)
    assert found.diagonal().sum() == pytest.approx(1, abs=1e-6)
    shifted = logits + torch.randn(len(logits), 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(logit_spectrum(shifted, rows), found, atol=1e-6)


@pytest.mark.parametrize(
    ("task", "n", "frequencies", "has_table"),
    [
        ({"p": 5, "operation": "add+multiply", "train_frac": 0.5}, 50, 2, False),
        ({"p": 5, "operands": 3, "train_frac": 0.5}, 125, 2, False),
        ({"p": 5, "operation": "divide", "train_frac": 0.5}, 20, 2, True),
    ],
)
def test_tasks_without_one_table_of_pairs_have_no_logit_spectrum(task, n, frequencies, has_table):
    arrays, data, _ = taken(run_config("mlp", task=task))
    assert arrays["tokens"].shape == data.tokens.shape
    assert len(arrays["correct"]) == n
    assert arrays["embedding_spectrum"].shape == (frequencies,)
    assert ("logit_spectrum" in arrays) == has_table


def test_large_tasks_leave_out_what_grows_with_their_rows(monkeypatch):
    monkeypatch.setattr(snapshots, "ROWS_UP_TO", 24)
    run = run_config("gated")
    assert set(taken(run)[0]) == {"embedding_spectrum", "logit_spectrum", "gates"}
    monkeypatch.setattr(snapshots, "P_UP_TO", 4)
    assert set(taken(run)[0]) == {"embedding_spectrum", "gates"}


@pytest.mark.parametrize("model", ["mlp", "gated", "routed"])
def test_size_is_about_what_is_written_and_equal_arrays_are_equal_bytes(model):
    run = parse({"task": {"p": 31}, "model": {"kind": model}})
    arrays = taken(run)[0]
    data = encoded_arrays(arrays)
    assert data == encoded_arrays({name: array.copy() for name, array in arrays.items()})
    assert 0.6 < size(run) / len(data) < 1.6
    back = decoded_arrays(data)
    assert back is not None
    assert all(np.array_equal(back[name], arrays[name]) for name in arrays)


def test_a_snapshot_changes_nothing():
    run = run_config("gated-gumbel").start()
    before = run.state_dict()["streams"]["noise"].clone()
    weights = run.weights()
    first, second = run.arrays(), run.arrays()
    assert encoded_arrays(first) == encoded_arrays(second)
    assert torch.equal(run.state_dict()["streams"]["noise"], before)
    assert all(torch.equal(weights[name], tensor) for name, tensor in run.weights().items() if isinstance(tensor, torch.Tensor))
    assert run.network.training
