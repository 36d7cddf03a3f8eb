"""What is measured of composition runs, against outputs of the plain forward pass for every tuple, and against planted weights."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from lal.composition import snapshot
from lal.composition.batches import split
from lal.composition.metrics import METRICS
from lal.composition.prefixes import mean_squared_error
from lal.config import parse
from lal.groups.staircase import learned
from lal.runs.composition import Composition
from lal.stopping import Stopper
from tests.lal.composition.test_network import run_of
from tests.lal.small import COMPOSITIONS, composition_config
from tests.lal.test_metrics import equal
from tests.lal.written import refused


def started(config):
    """A run in float64 at step 0, after its first row."""
    run = config.model_copy(update={"dtype": "float64"}).start()
    row = next(run.rows(Stopper(config.budget, config.goal, config.fit)))
    return run, row


def everything(config):
    run = config.start()
    rows = list(run.rows(Stopper(config.budget, config.goal, config.fit)))
    return run, [row for row in rows if "test_loss" in row]


@pytest.mark.parametrize("name", [name for name in COMPOSITIONS if name not in ("rnn-long", "rnn-hybrid")])
def test_losses_accuracies_and_powers_are_those_of_the_outputs_for_every_tuple(name):
    config = composition_config(name)
    run, row = started(config)
    group, x = config.task.encoding().group, config.task.encoding().values
    tuples = np.array(list(product(range(config.task.order), repeat=config.task.k)))
    right = group.moved(x)[group.products(tuples)]
    said = run.network(torch.from_numpy(tuples)).detach().numpy()
    right = right[:, -said.shape[1] :]
    sides = {"test": np.arange(len(tuples))}
    if config.is_table:
        sides = dict(zip(("train", "test"), (side.numpy() for side in split(config.task, config.task.sampling)), strict=True))
    trained_outputs = slice(None) if config.task.outputs == "every" else slice(-1, None)
    for side, rows in sides.items():
        assert row[f"{side}_loss"] == pytest.approx(((said - right)[rows, trained_outputs] ** 2).mean(), rel=1e-9)
        nearest = ((said[rows, -1][:, None] - group.moved(x)) ** 2).sum(-1).argmin(1)
        same_code = np.isclose(group.moved(x)[nearest], right[rows, -1]).all(1)  # on C_2 x C_3 a single wave cannot tell all elements apart
        assert row[f"{side}_acc"] == pytest.approx(same_code.mean())
    last, errors = said[sides["test"], -1], (said - right)[sides["test"], -1]
    modes = config.task.encoding().staircase.modes
    np.testing.assert_allclose(row["mode_power"], group.power(last).mean(0)[modes], rtol=1e-9)
    np.testing.assert_allclose(row["mode_error"], group.power(errors).mean(0)[modes] / config.task.encoding().power[modes], rtol=1e-9)
    assert row["off_power"] == pytest.approx(np.delete(group.power(last).mean(0), modes).sum(), rel=1e-9, abs=1e-12)
    assert row["reduction"] == pytest.approx(1 - row["test_loss"] / config.task.encoding().staircase.levels[0])
    remainder = (
        config.task.order * ((said - right)[sides["test"], -1] ** 2).mean() - row["off_power"]
    )  # a template of few modes: what spectrum says of the loss
    assert np.dot(row["mode_error"], config.task.encoding().power[modes]) == pytest.approx(remainder, rel=1e-9)
    if "step_loss" in row:
        np.testing.assert_allclose(row["step_loss"], ((said - right)[sides["test"]] ** 2).mean((0, 2)), rtol=1e-9)


def test_powers_of_outputs_are_those_of_a_one_sided_spectrum():
    config = run_of({}, k=2)
    run, row = started(config)
    tuples = torch.tensor(list(product(range(5), repeat=2)))
    spectrum = np.abs(np.fft.rfft(run.network(tuples)[:, -1].detach().numpy())) ** 2 / 5
    spectrum[:, 1:] *= 2
    order = [int(config.task.encoding().group.modes[mode]) for mode in config.task.encoding().staircase.modes]
    np.testing.assert_allclose(row["mode_power"], spectrum.mean(0)[order], rtol=1e-9)


def test_a_loss_that_falls_from_far_above_the_first_level_has_learned_nothing_until_it_is_below():
    """From weights of scale 3 the first loss is 10^8 times that of answering 0; it falls by 99 % while it is still worse than that."""
    model = {"kind": "quadratic_rnn", "width": 32, "init_scale": 3.0}
    config = parse({"kind": "composition", "model": model, "optim": {"kind": "adam", "lr": 0.03}, "budget": {"steps": 100}, "measure": {"eval_every": 20}})
    rows = [row for row in config.start().rows(Stopper(config.budget, config.goal, config.fit)) if "test_loss" in row]
    down = [row for row in rows if row["test_loss"] < 0.01 * rows[0]["test_loss"]]
    assert rows[0]["test_loss"] > 1e6 and max(row["test_loss"] for row in down) > 10
    assert all((row["reduction"] > 0) == (row["test_loss"] < 1) for row in rows)


def test_all_tuples_are_passed_once_where_they_are_both_sides(monkeypatch):
    config = composition_config("rnn", task={"sampling": {"kind": "table", "train_frac": 1.0}})
    run, passes = config.start(), []
    monkeypatch.setattr(run.reader, "read", lambda *of, read=run.reader.read: passes.append(1) or read(*of))
    row = next(run.rows(Stopper(config.budget, config.goal, config.fit)))
    assert len(passes) == 1 and row["train_loss"] == row["test_loss"]


def test_a_mode_is_learned_whose_power_is_there_and_in_its_place():
    assert learned(np.array([1, 0.49, 1.0, 0.5]), np.array([0.0, 0.3, 0.51, 0.5])).tolist() == [True, False, False, True]


@pytest.mark.parametrize("name", ["rnn", "sequential", "rnn-every"])
def test_small_weights_start_at_the_first_level_of_the_staircase(name):
    config = composition_config(name)
    config = config.model_copy(update={"model": config.model.model_copy(update={"init_scale": 1e-2})})
    _, row = started(config)
    assert row["test_loss"] == pytest.approx(config.task.encoding().staircase.levels[0], rel=1e-3)
    assert row["learned_modes"] == 0


def test_elements_that_a_template_cannot_tell_apart_count_as_one():
    template = {"kind": "given", "values": [1.0, -1.0, 1.0, -1.0]}
    run, _ = started(run_of({}, k=2, group={"kind": "cyclic", "p": 4}, template=template))
    assert run.reader.labels.tolist() == [0, 1, 0, 1]


def test_online_the_train_loss_is_that_of_the_last_batch_before_its_step():
    config = composition_config("rnn", measure={"eval_every": 1}, budget={"steps": 3, "stop": None})
    run, source = config.start(), config.start().batches
    expected = []
    for row in run.rows(Stopper(config.budget, config.goal, config.fit)):
        assert row["train_loss"] == (expected[-1] if expected else row["test_loss"])
        expected.append(mean_squared_error(run.network, run.tree, source.next()).item())
    assert len(expected) == 4


def planted(run, columns, mix=None):
    with torch.no_grad():
        run.network.w_out.copy_(torch.as_tensor(np.stack(columns, 1)))
        if mix is not None:
            run.network.w_mix.copy_(torch.as_tensor(mix))
    return {column: value for metrics in run.measured(["neurons", "mixing"]).values() for column, value in metrics.items()}


def test_specialised_dead_and_mixing_units_are_found():
    run, _ = started(run_of({"width": 4}, k=3))
    places = 2 * np.pi * np.arange(5) / 5
    one, two, both = np.cos(places + 1), np.cos(2 * places), np.cos(places) + 0.5 * np.cos(2 * places)
    mix = np.array([[1.0, 0, 3, 9], [0, 2, 0, 9], [2, 0, 1, 9], [9, 9, 9, 9]])
    found = planted(run, [one, two, one, 1e-3 * two], mix)
    assert found == pytest.approx({"specialisation": 1.0, "dead_units": 0.25, "mix_share": 1.0, "mix_chance": 5 / 9})
    mix[0, 1] = 3.0
    assert planted(run, [one, two, one, 1e-3 * two], mix)["mix_share"] == pytest.approx(19 / 28)
    assert planted(run, [both, both, both, one])["specialisation"] == pytest.approx(0.8)
    nothing = planted(run, [0 * one] * 4)
    assert nothing == {"specialisation": None, "dead_units": 1.0, "mix_share": None, "mix_chance": None}


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_every_metric_fills_its_columns_and_measuring_changes_nothing(name):
    config = composition_config(name, measure={"eval_every": 1, "metrics": ["all"]})
    few = composition_config(name, measure={"eval_every": 4, "metrics": ["loss"]})
    (run, rows), (other, _) = everything(config), everything(few)
    assert equal(run.weights(), other.weights())
    columns = set(config.columns())
    assert not refused(rows)
    for row in rows:
        assert columns <= row.keys()
        assert {column.split("/")[0] for column in row.keys() - columns} <= {"weight_norm"}
    assert rows[-1]["weight_norm"] == pytest.approx(sum(row**2 for name, row in rows[-1].items() if "/" in name) ** 0.5)
    applying = config.measurable()
    assert {"loss", "accuracy", "spectrum", "neurons", "norms"} <= {*applying} <= {*METRICS}
    assert run.measured(applying)["loss"] == {column: rows[-1][column] for column in config.columns_of("loss")}


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_a_snapshot_holds_what_pictures_are_made_of(name):
    config = composition_config(name)
    run, rows = everything(config)
    arrays, task = run.arrays(), config.task
    outputs = task.k - 1 if config.model.recurrent else 1
    group, x = task.encoding().group, task.encoding().values
    assert arrays["predictions"].shape == arrays["targets"].shape == (snapshot.EXAMPLES, outputs, task.order)
    assert np.array_equal(arrays["targets"][:, -1], group.moved(x)[group.products(arrays["elements"])[:, -1]].astype(np.float32))
    said = run.network(torch.from_numpy(arrays["elements"])).detach().numpy()
    assert np.array_equal(arrays["predictions"], said)
    assert tuple(arrays["modes"]) == group.modes
    np.testing.assert_allclose(arrays["power"][arrays["mode_order"]], rows[-1]["mode_power"], rtol=1e-6)
    weights = {name: each for name, each in arrays.items() if name.startswith("w_")}
    assert {name: each.shape for name, each in weights.items()} == {name: tuple(each.shape) for name, each in run.network.named_parameters()}
    assert arrays.keys() - weights.keys() == {
        "modes", "template", "template_power", "levels", "mode_order", "shape", "power", "error", "elements", "predictions", "targets",
    }  # fmt: skip


def test_the_size_of_a_snapshot_is_told_before():
    from lal.store import encoded_arrays

    config = Composition.model_validate({})
    assert len(encoded_arrays(config.start().arrays())) == pytest.approx(config.snapshot_bytes(), rel=0.25)


def test_no_step_of_training_waits_for_the_device(monkeypatch):
    runs = [composition_config(name).start() for name in ("rnn", "rnn-hybrid", "sequential", "rnn-long")]

    def waits(*_):
        raise AssertionError("a step asked for a value")

    for name in ("item", "tolist", "__bool__", "__float__", "__int__", "numpy", "cpu"):
        monkeypatch.setattr(torch.Tensor, name, waits)
    for run in runs:
        run.advance()
        assert run.step == 1
