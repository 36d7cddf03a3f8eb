"""Runs of the reinforcement learner: what it refuses, what its rows say, and what pressure changes."""

from __future__ import annotations

from math import isfinite

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from lal.config import parse, run_id
from lal.measuring import measure
from lal.runs.dqn import Dqn, Exploration
from lal.runs.dqn_loop import DqnRun
from lal.runs.session import attempt
from lal.stopping import Stopper
from lal.store import Record
from tests.lal.small import DQNS, dqn_config
from tests.lal.test_metrics import equal
from tests.lal.written import refused


def trained(config):
    """The run at its end, and its rows but for their times."""
    run = config.start()
    rows = list(run.rows(Stopper(config.budget, config.goal, config.fit)))
    assert isinstance(run, DqnRun)
    return run, [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


WRONG = {
    "epsilon": ({"exploration": {"start": 1.5}}, "less than or equal to 1"),
    "negative epsilon": ({"exploration": {"floor": -0.1}}, "greater than or equal to 0"),
    "no batch size": (
        {"optim": {"kind": "adam"}},
        r"optim.batch_size must be set, as all that was lived through is no batch, but got null; write batch_size: 64",
    ),
    "batch over prefill": ({"replay": {"prefill": 3}}, r"replay must hold a batch before learning begins, but got replay.prefill=3 with optim.batch_size=4"),
    "prefill over capacity": ({"replay": {"capacity": 9, "prefill": 10}}, r"prefill must be at most capacity=9, but got 10"),
    "members": ({"pressure": {"members": 3}}, r"pressure.members must be set for uncertainty over an ensemble, and only then, but got 3"),
    "no members": ({"pressure": {"uncertainty": "ensemble"}}, r"and only then, but got None; write members: 4"),
    "decimals": ({"pressure": {"decimals": 3}}, r"pressure.decimals would have no effect: the states of corridor4 are known as they are; remove it"),
    "no decimals": (
        {"environment": {"kind": "gymnasium", "id": "CartPole-v1"}, "pressure": {}},
        r"pressure.decimals must be set, as observations of cartpolev1 are no positions, but got null; write decimals: 2",
    ),
    "start below floor": ({"exploration": {"start": 0.01, "floor": 0.5}}, r"start would have no effect below floor=0.5, but got 0.01; write start: 0.5"),
    "idle decay": ({"exploration": {"start": 0.5, "decay": 0.9, "floor": 0.5}}, r"decay would have no effect, as start and floor are both 0.5, but got 0.9"),
    "idle floor": ({"exploration": {"decay": 1, "floor": 0.5}}, r"floor would have no effect, as decay is 1, but got 0.5; remove it"),
    "idle uncertainty": ({"pressure": {"gamma": 0}}, r"pressure.uncertainty=actions would have no effect, as gamma is 0; write uncertainty: legacy"),
    "role": (
        {"optim": {"kind": "adam", "batch_size": 4, "roles": {"gate": {"lr_scale": 2}}}},
        r"optim.roles.gate would have no effect: networks of action values have only the roles weight, bias; remove it",
    ),
    "futility": ({"budget": {"steps": 8, "futility": {"max_tau": 3}}}, r"budget.futility would have no effect"),
    "better than best": ({"budget": {"steps": 8, "stop": {"at_least": -1}}}, r"may fall short of the best, 8, and must be 0 or more, but got -1; write 0"),
    "metric": ({"measure": {"metrics": ["returns", "pressure"]}}, r"metric pressure does not apply to a run in corridor4 without pressure; remove it"),
    "unread goal": ({"measure": {"metrics": ["order"]}}, r"measure must read returns at every evaluation"),
    "unknown metric": ({"measure": {"metrics": ["return"]}}, r"metrics must name known metrics, but got 'return'; did you mean 'returns'\?"),
    "unknown key": ({"pressure": {"delta": 1}}, "Extra inputs are not permitted"),
}


@pytest.mark.parametrize(("values", "told"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_or_would_have_no_effect_is_refused(values, told):
    with pytest.raises(ValidationError, match=told):
        dqn_config(**values)


def test_epsilon_after_300_episodes():
    rule = Exploration()
    assert rule.epsilon(300) == pytest.approx(0.99**300) == pytest.approx(0.0490, abs=5e-5)
    assert rule.epsilon(0) == 1
    assert rule.epsilon(10_000) == 0.01


def test_targets_are_copied_after_episodes_0_10_and_20(monkeypatch):
    run = dqn_config(target_every=10, environment={"kind": "corridor", "size": 2, "max_steps": 1}, budget={"steps": 25}).start()
    assert isinstance(run, DqnRun)
    synced = []
    monkeypatch.setattr(run.learner, "sync", lambda: synced.append(run.step))
    for _ in range(21):
        run.advance()
    assert synced == [0, 10, 20]


@pytest.mark.parametrize("name", DQNS)
def test_the_same_seed_is_the_same_run_and_rows_have_their_columns(name):
    config = dqn_config(name)
    (first, rows), (second, again) = trained(config), trained(config)
    assert rows == again
    assert equal(first.weights(), second.weights())
    assert {*rows[-1], "seconds"} == {*config.columns()} and not refused(rows)
    assert rows[-1]["environment_steps"] == sum(first.lengths)
    assert rows[-1]["updates"] == first.learner.updates == sum(first.lengths) * config.updates_per_step
    assert rows[-1]["return"] == pytest.approx(np.mean(first.returns[-10:]))
    assert rows[-1]["shortfall"] == config.environment.aim - rows[-1]["greedy_return"]
    assert not equal(first.weights(), trained(dqn_config(name, seed=1))[0].weights())


@pytest.mark.parametrize("name", DQNS)
def test_what_is_planned_is_what_there_is(name):
    config = dqn_config(name)
    run, _ = trained(config)
    assert sum(each.numel() for each in run.weights().values()) == config.n_parameters()
    assert run.learner.updates <= config.most_updates()
    held = sum(each.nbytes for each in run.arrays().values())
    by_update = 0 if run.presser is None else 4 * (config.most_updates() - run.learner.updates)  # of episodes that ended sooner
    assert 0.5 * (held + by_update) < config.snapshot_bytes() < 2 * (held + by_update) + 3_000  # of which 2,000 are for the names of arrays


def test_the_most_updates_are_those_of_a_run_that_never_arrives():
    """What always goes left takes all the time of every episode."""
    config = dqn_config(updates_per_step=2)
    run = config.start()
    assert isinstance(run, DqnRun)
    run._choice = lambda seen, epsilon: 0  # type: ignore[method-assign]
    list(run.rows(Stopper(config.budget, config.goal, config.fit)))
    assert run.learner.updates == config.most_updates() == 8 * 6 * 2


def test_an_episode_costs_its_updates_its_actions_and_those_of_an_ensemble():
    assert parse({"kind": "dqn"}).passes_per_step() == 50 * 1.25
    assert parse({"kind": "dqn", "updates_per_step": 4}).passes_per_step() == 200 * 1.0625
    ensemble = {"uncertainty": "ensemble", "members": 3}
    assert parse({"kind": "dqn", "pressure": ensemble}).passes_per_step() == 50 * 2.25
    assert parse({"kind": "dqn", "pressure": ensemble}).flops_per_step() == 4 * parse({"kind": "dqn"}).flops_per_step()


def test_every_label_can_be_told_from_every_other():
    assert len({run_id(dqn_config(name)) for name in DQNS}) == len(DQNS)
    assert run_id(parse(dqn_config("ensemble").model_dump(mode="json"))) == run_id(dqn_config("ensemble"))


@pytest.mark.parametrize("name", ["corridor", "actions", "ensemble", "cart-actions"])
def test_arrays_are_those_that_are_promised(name):
    config = dqn_config(name)
    run, _ = trained(config)
    arrays = run.arrays()
    n = 4 if config.environment.positions else 10
    assert arrays["states"].shape == (n, config.environment.n_inputs)
    assert arrays["q"].shape == (n, 2)
    assert (arrays["value"] == arrays["q"].max(1)).all()
    assert (arrays["greedy_action"] == arrays["q"].argmax(1)).all()
    assert arrays["returns"].tolist() == pytest.approx(run.returns)
    assert len(arrays["crystallization"]) == 8
    if config.environment.positions:
        assert arrays["visits"].sum() == sum(run.lengths)
        assert arrays["visits"][-1] == 0  # nobody leaves the goal
    if config.pressure:
        assert len(arrays["pressure_by_update"]) == run.learner.updates == arrays["updates_by_episode"][-1]
        assert arrays["pressure"].shape == arrays["uncertainty"].shape == (n,)


def test_looking_changes_nothing():
    often = dqn_config("actions", measure={"eval_every": 1, "metrics": ["all"]})
    seldom = dqn_config("actions", measure={"eval_every": 8, "metrics": ["returns"]})
    first, second = trained(often)[0], trained(seldom)[0]
    assert equal(first.state_dict() | {"seconds": 0}, second.state_dict() | {"seconds": 0})


def test_values_do_not_depend_on_how_often_one_looks():
    often, seldom = (trained(dqn_config("actions", measure={"eval_every": every}))[1] for every in (1, 4))
    assert [row for row in often if row["step"] % 4 == 0] == seldom


def test_what_is_measured_later_is_what_the_run_would_have_logged(store, quick_disk):
    sparse, dense = (dqn_config("actions", measure={"eval_every": 4, "metrics": names, "save_every": 4}) for names in (["returns"], ["all"]))
    assert isinstance(attempt(sparse, store), Record)
    folder = store.run(run_id(sparse))
    names = [name for name in dense.measurable() if name != "returns"]
    measure(sparse, folder, names)
    rows = {row["step"]: row for row in trained(dense)[1]}
    for name in names:
        later = {row["step"]: row for row in folder.measured(name)}
        assert later.keys() == rows.keys() == {0, 4, 8}
        for step, row in later.items():
            assert {column: row.get(column) for column in sparse.columns_of(name)} == {column: rows[step][column] for column in sparse.columns_of(name)}


def test_the_network_before_learning_is_that_of_every_pressure():
    starts = [dqn_config(name).start().weights() for name in ("corridor", "legacy", "actions", "ensemble")]
    assert all(equal(starts[0], each) for each in starts)


def test_a_pressure_that_is_1_everywhere_is_none():
    """beta_0 C = 1, and nothing in the exponent: the same run as without, though it is weighed."""
    rule = {"beta": 2.0, "alpha": 0.0, "gamma": 0.0, "uncertainty": "legacy"}
    still = {"start": 0.5, "window": 100}
    with_rule, without = (trained(dqn_config(pressure=each, crystallization=still))[0] for each in (rule, None))
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(with_rule.weights().values(), without.weights().values(), strict=True))
    assert with_rule.presser is not None
    assert set(with_rule.presser.by_update) == {1.0}


def test_without_pressure_crystallization_is_told_and_nothing_is_weighed():
    run, rows = trained(dqn_config())
    assert run.presser is None
    assert "crystallization" in rows[-1] and "pressure_mean" not in rows[-1]


def test_legacy_uncertainty_is_always_1_and_the_others_are_not():
    long = {"environment": {"kind": "corridor", "size": 8, "max_steps": 10}, "budget": {"steps": 6}}
    legacy, actions, ensemble = (trained(dqn_config(name, **long))[1][-1] for name in ("legacy", "actions", "ensemble"))
    assert legacy["uncertainty_low"] == legacy["uncertainty_high"] == 1
    for row in (actions, ensemble):
        assert row["uncertainty_low"] < row["uncertainty_high"]


def test_the_peak_of_pressure_is_that_of_the_whole_run():
    run, rows = trained(dqn_config("legacy", pressure={"alpha": 3.0, "uncertainty": "legacy"}, measure={"eval_every": 1}, budget={"steps": 20}))
    highs = [row["pressure_high"] for row in rows[1:]]
    peaks = [row["pressure_peak"] for row in rows[1:]]
    assert peaks == pytest.approx(np.maximum.accumulate(highs))
    assert any(peak > high for peak, high in zip(peaks, highs, strict=True))
    again = dqn_config("legacy", pressure={"alpha": 3.0, "uncertainty": "legacy"}, budget={"steps": 20}).start()
    assert isinstance(again, DqnRun) and again.presser is not None
    again.load_state_dict(run.state_dict())
    assert again.presser.peak == peaks[-1]


def test_an_overflowing_pressure_is_clipped_counted_and_does_no_harm():
    run, rows = trained(dqn_config(pressure={"alpha": 100.0, "gamma": -100.0, "most": 10.0, "uncertainty": "actions"}))
    assert rows[-1]["pressure_clipped"] > 0
    assert run.presser is not None
    assert max(run.presser.by_update) <= 10
    assert isfinite(rows[-1]["train_loss"])


def test_a_return_near_nothing_is_survived():
    """12 - N = 0 is the best return of 12 positions: improvements are relative to it. Little exploration, so that it is soon had."""
    config = dqn_config(
        environment={"kind": "corridor", "size": 12, "max_steps": 12},
        exploration={"start": 0.3, "decay": 0.8},
        crystallization={"window": 2, "floor": 1e-8},
        budget={"steps": 12},
    )
    run, rows = trained(config)
    assert all(0.1 <= value <= 2 for value in run.crystal.values)
    assert all(isfinite(value) for row in rows for value in row.values() if value is not None)


@pytest.mark.parametrize("name", ["corridor", "grid"])
@pytest.mark.parametrize("metrics", [["returns"], ["returns", "front", "pattern"], ["all"]], ids=len)
def test_a_divergence_is_seen_whatever_is_measured(name, metrics):
    measured = {"eval_every": 2, "metrics": metrics}
    config = dqn_config(name, optim={"kind": "sgd", "lr": 1000.0, "batch_size": 4}, budget={"steps": 100}, measure=measured)
    stopper = Stopper(config.budget, config.goal, config.fit)
    list(config.start().rows(stopper))
    assert stopper.end is not None
    assert stopper.end.outcome == "diverged"


def test_a_short_corridor_is_learned_and_stops_there():
    config = dqn_config(
        network={"width": 16},
        replay={"capacity": 500, "prefill": 100},
        budget={"steps": 200, "stop": {"at_least": 0, "sustain": 4, "tail": {"factor": 0, "min_steps": 2}}},
    )
    stopper = Stopper(config.budget, config.goal, config.fit)
    rows = list(config.start().rows(stopper))
    assert stopper.end is not None
    assert stopper.end.outcome == "target_reached"
    assert rows[-1]["greedy_return"] == 8 and rows[-1]["front_position"] == -1


def test_defaults_are_a_run():
    config = parse({"kind": "dqn"})
    assert isinstance(config, Dqn)
    assert config.label == "dqn32x2-corridor30-s0"
    assert config.goal.column == "shortfall" and config.goal.direction == "min"
