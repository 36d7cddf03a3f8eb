"""What is known of how these networks learn: quick representatives, and slow ones of the published sizes. docs/findings.md has more seeds."""

from __future__ import annotations

import pytest

from tests.bench.composition_study import GRID, MLP, RNN, climbed, config_of, permuted, steps_of, trained

FEW = ["loss", "spectrum"]


def descent(config, within, seed=0):
    """Rows and run of one seed that came down as theory has it: a plateau `within` that share of each level but the first, and every mode in its turn."""
    rows, run = trained(config, seed)
    found, n_modes = climbed(rows, run), config.task.template.n_modes
    assert len(found.plateaus) == n_modes - 1
    assert all(abs(each.error) < within for each in found.plateaus)  # which a plateau that is not there is not
    assert found.in_order
    assert max(rows[-1]["mode_error"]) < 0.5  # the last one, too
    return rows, run


def test_a_feed_forward_network_goes_down_the_staircase():
    config = config_of(7, 2, 2, 100, {**MLP, "width": 32}, {"kind": "per_neuron", "lr": 0.2}, 4000, reduction=0.96, eval_every=20, metrics=FEW)
    rows, _ = descent(config, 0.03)
    assert rows[-1]["reduction"] >= 0.96


def test_descent_per_neuron_does_not_depend_on_the_scale_of_the_first_weights_and_plain_descent_does():
    def steps(scale, **optim):
        model, asked = {**MLP, "width": 16, "init_scale": scale}, {"reduction": 0.95, "eval_every": 5, "metrics": ["loss"]}
        config = config_of(5, 2, 1, 100, model, {"kind": "per_neuron", **optim}, 1500, **asked)
        return steps_of(trained(config, 0)[0], config)

    scaled = [steps(scale, lr=0.3) for scale in (1e-3, 3e-2)]
    assert max(scaled) < 1.5 * min(scaled)
    assert steps(1e-2, lr=1.0, degree=2) > 2 * steps(3e-2, lr=1.0, degree=2)


def test_a_recurrent_network_that_is_asked_after_every_element_learns_both_modes_in_order():
    config = config_of(5, 3, 2, 125, {**RNN, "width": 32}, {"kind": "adam", "lr": 1e-2}, 600, outputs="every", eval_every=20, metrics=FEW)
    rows, run = trained(config, 0)
    assert steps_of(rows, config) is not None
    found = climbed(rows, run)
    assert found.in_order and max(rows[-1]["mode_error"]) < 0.5
    assert permuted(run) < 0.2 < permuted(config.start())


@pytest.mark.slow
def test_the_recurrent_staircase_of_three_elements_at_its_published_size():
    config = config_of(11, 3, 3, 500, {**RNN, "width": 96}, {"kind": "adam", "lr": 3e-3}, 15_000, reduction=0.998, eval_every=20)
    rows, run = descent(config, 0.02)
    last, template = rows[-1], run.reader.template
    own = template.power[template.staircase.modes]
    assert last["reduction"] >= 0.98
    assert last["mode_power"] == pytest.approx(own, rel=0.05)
    assert last["off_power"] < 0.01 * own.sum()
    assert last["specialisation"] >= 0.9
    assert last["mix_share"] > last["mix_chance"] + 0.15
    assert permuted(run) < 0.02


@pytest.mark.slow
def test_the_feed_forward_staircase_of_four_modes():
    """Of seed 4: others rest while a mode is learned in part, which is none of theory's levels (docs/findings.md)."""
    descent(config_of(11, 2, 4, 400, {**MLP, "width": 96}, {"kind": "per_neuron", "lr": 0.05}, 10_000, eval_every=10), 0.03, seed=4)


@pytest.mark.slow
def test_asked_after_every_element_a_network_learns_five_times_sooner():
    config = config_of(10, 3, 3, 1000, {**RNN, "width": 128}, {"kind": "adam"}, 6000, outputs="every", eval_every=20)
    steps = steps_of(trained(config, 0)[0], config)
    assert steps is not None
    last = config_of(10, 3, 3, 1000, {**RNN, "width": 128}, {"kind": "adam"}, 5 * steps, eval_every=100)
    assert steps_of(trained(last, 0)[0], last) is None


@pytest.mark.slow
def test_the_staircase_on_a_grid():
    rows, _ = descent(config_of(0, 3, 3, 500, {**RNN, "width": 64}, {"kind": "adam", "lr": 3e-3}, 20_000, group=GRID, eval_every=20), 0.03)
    assert rows[-1]["reduction"] >= 0.99
