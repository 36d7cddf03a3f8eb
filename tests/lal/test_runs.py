"""The contract of every run: rows, and that k steps, save, load and k steps are 2k steps, bit for bit."""

from __future__ import annotations

import pytest
import torch

from lal import optim
from lal.budget import Budget, Stop, Tail
from lal.config import parse, run_id
from lal.models.network import Network
from lal.runs import stepping
from lal.runs.batches import Batches
from lal.runs.packing import packed, unpacked
from lal.runs.streams import stream
from lal.runs.supervised_loop import SupervisedRun
from lal.stopping import BLOWN_UP, Stopper
from lal.tasks.modular import Modular
from tests.lal.small import COMPOSITIONS, DQNS, MODELS, OPTIMS, batches_of, composition_config, dqn_config, run_config
from tests.lal.test_metrics import equal
from tests.lal.walk import Walk, WalkMeasure

SPARSE = {"eval_every": 4, "metrics": ["accuracy"]}
FULL = {"eval_every": 1}
BUDGET = Budget(steps=8, stop=None)


def stopper_of(config, **budget):
    return Stopper(config.budget.model_copy(update=budget), config.goal, config.fit)


def untimed(rows):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def assert_resumes(config, at):
    """Goes `at` steps, through bytes into a new run, and on to the end: rows and states are those of one go."""
    whole = config.start()
    expected = list(whole.rows(stopper_of(config)))
    first = config.start()
    stopper, rows = stopper_of(config), []
    for row in first.rows(stopper):
        rows.append(row)
        if row["step"] == at:
            break
    saved = unpacked(packed(first.state_dict()))
    assert saved is not None
    list(first.rows(stopper_of(config)))  # that the first goes on does not reach what was saved
    second = config.start()
    second.load_state_dict(saved)
    rows += list(second.rows(stopper))
    assert untimed(rows) == untimed(expected)
    ends = [run.state_dict() for run in (whole, second)]
    for state in ends:
        state.pop("seconds", None)
    assert equal(*ends)
    assert equal(whole.weights(), second.weights())
    assert rows[-1]["seconds"] >= rows[0]["seconds"] >= 0


@pytest.mark.parametrize("optimizer", OPTIMS)
@pytest.mark.parametrize("model", MODELS)
def test_resumed_is_uninterrupted_for_every_model_and_optimizer(model, optimizer):
    assert_resumes(run_config(model, {**OPTIMS[optimizer], "batch_size": batches_of(model)}, measure=SPARSE), at=4)


@pytest.mark.parametrize("optimizer", OPTIMS)
def test_resumed_is_uninterrupted_with_the_full_batch(optimizer):
    assert_resumes(run_config("gated-gumbel", {**OPTIMS[optimizer], "batch_size": None}, measure=SPARSE), at=4)


@pytest.mark.parametrize("model", MODELS)
def test_resumed_is_uninterrupted_with_all_metrics(model):
    assert_resumes(run_config(model, {**OPTIMS["adamw"], "batch_size": batches_of(model)}, measure=FULL, budget={"steps": 5, "stop": None}), at=3)


@pytest.mark.parametrize("at", range(8))
def test_resumed_is_uninterrupted_at_every_step(at):
    assert_resumes(run_config("gated-gumbel", {**OPTIMS["adamw"], "batch_size": 5}, measure=FULL), at)


PRICED = {
    "gated-gumbel": {"compute": {"kind": "sum_entropy", "weight": 0.1}, "spectral": {"weight": 1, "every": 3}},
    "routed": {"routing": {"kind": "entropy", "weight": 0.1}, "spectral": {"weight": 1, "every": 2}},
}


@pytest.mark.parametrize("model", PRICED)
@pytest.mark.parametrize("at", [1, 4])
@pytest.mark.parametrize("values", [{}, {"loss": "mse", "dtype": "float64"}])
def test_resumed_is_uninterrupted_with_penalties(model, at, values):
    assert_resumes(run_config(model, measure=FULL, penalties=PRICED[model], **values), at)


@pytest.mark.parametrize("at", [0, 2, 6])
@pytest.mark.parametrize("name", COMPOSITIONS)
def test_resumed_is_uninterrupted_for_every_composition(name, at):
    assert_resumes(composition_config(name, measure={"eval_every": 2, "metrics": ["all"]}), at)


@pytest.mark.parametrize("at", [0, 1, 5])
def test_resumed_is_uninterrupted_for_a_run_of_another_kind(at):
    assert_resumes(Walk(seed=2, budget=BUDGET), at)


@pytest.mark.parametrize("name", DQNS)
def test_resumed_is_uninterrupted_for_every_reinforcement_learner(name):
    assert_resumes(dqn_config(name, measure=FULL), at=4)


@pytest.mark.parametrize("at", [0, 1, 7])
def test_resumed_is_uninterrupted_at_every_episode(at):
    assert_resumes(dqn_config("actions", measure=FULL), at)


def test_members_of_the_family_of_optimizers_are_all_resumed():
    assert len(optim.MEMBERS) == len({values["kind"] for values in OPTIMS.values()})


CONFIGS = {
    "supervised": run_config("gated"),
    "composition": composition_config("rnn"),
    "dqn": dqn_config("actions"),
    "walk": Walk(budget=BUDGET, measure=WalkMeasure(eval_every=2)),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_rows_have_step_seconds_and_goal_and_end_with_the_stopper(config):
    stopper = stopper_of(config, steps=7)
    config = config.model_copy(update={"budget": stopper.budget})
    rows = list(config.start().rows(stopper))
    assert [row["step"] for row in rows] == [0, 2, 4, 6, 7]
    assert all(config.goal.column in row and row["seconds"] >= 0 for row in rows)
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)
    assert stopper.end is not None
    assert (stopper.end.outcome, stopper.end.step) == ("budget", 7)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_weights_are_a_copy(config):
    run = config.start()
    before = run.weights()
    held = {name: tensor.clone() for name, tensor in before.items()}
    list(run.rows(stopper_of(config)))
    assert equal(before, held)
    assert not equal(before, run.weights())


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_seed_decides(config):
    same, again, other = (list(each.start().rows(stopper_of(each))) for each in (config, config, config.model_copy(update={"seed": 1})))
    assert untimed(same) == untimed(again)
    assert same[-1][config.goal.column] != other[-1][config.goal.column] or untimed(same) != untimed(other)


def test_a_long_wait_between_evaluations_yields_pulses_that_change_nothing(monkeypatch):
    config = run_config(measure={"eval_every": 4})
    quiet = list(config.start().rows(stopper_of(config)))
    monkeypatch.setattr(stepping, "PULSE_S", 0.0)
    rows = list(config.start().rows(stopper_of(config)))
    assert [row["step"] for row in rows] == list(range(9))
    assert [set(row) for row in rows if row["step"] % 4] == [{"step", "seconds"}] * 6
    assert untimed(row for row in rows if len(row) > 2) == untimed(quiet)


def test_divergence_ends_a_run_at_the_evaluation_that_sees_it():
    config = run_config("mlp-one-layer", {"kind": "sgd", "lr": 1000.0}, measure={"eval_every": 2}, budget={"steps": 100, "stop": None})
    stopper = stopper_of(config)
    rows = list(config.start().rows(stopper))
    assert stopper.end is not None
    assert stopper.end.outcome == "diverged"
    assert stopper.end.step == rows[-1]["step"] < 100
    largest = BLOWN_UP * rows[0]["train_loss"]
    assert rows[-1]["train_loss"] > largest and all(row["train_loss"] <= largest for row in rows[:-1])


def test_success_stops_after_its_tail():
    stop = Stop(at_least=-5, sustain=4, tail=Tail(factor=0, min_steps=6))
    config = Walk(drift=-1.0, budget=Budget(steps=500, stop=stop))
    stopper = stopper_of(config)
    rows = list(config.start().rows(stopper))
    under = [row["score"] <= -5 for row in rows]
    first = next(step for step in range(len(rows)) if all(under[step : step + 5]) and len(under[step : step + 5]) == 5)
    assert stopper.end is not None
    assert (stopper.end.outcome, stopper.end.step) == ("target_reached", first + 4 + 6)
    assert rows[-1]["step"] == stopper.end.step


def minibatches(size, seed=0):
    return Batches(Modular(p=5, train_frac=0.5).build("cpu"), size, stream(seed, "batches"))


@pytest.mark.parametrize("size", [1, 5, 7, 11])
def test_minibatches_visit_every_training_row_once_a_pass_in_another_order(size):
    batches = minibatches(size)
    passes = []
    for _ in range(2):
        seen = []
        while len(seen) < 12:
            tokens, targets = batches.next()
            assert len(tokens) == min(size, 12 - len(seen))
            assert torch.equal(tokens.sum(1) % 5, targets)
            seen += [tuple(pair) for pair in tokens.tolist()]
        passes.append(seen)
    train = {tuple(pair) for pair in batches.tokens.tolist()}
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(train)
    assert passes[0] != passes[1]


def test_the_full_batch_is_all_training_rows():
    batches = minibatches(None)
    assert len(batches.next()[0]) == 12
    assert torch.equal(batches.next()[0], batches.tokens)


def test_seeds_and_names_make_streams_of_their_own():
    draws = {(seed, name): torch.rand(3, generator=stream(seed, name)).tolist() for seed in (0, 1, 10) for name in ("init", "batches", "0/init")}
    assert len({tuple(draw) for draw in draws.values()}) == 9
    assert torch.rand(3, generator=stream(0, "init")).tolist() == draws[0, "init"]


def test_the_seed_changes_neither_the_split_nor_the_other_way_round():
    def start(seed, split_seed):
        return SupervisedRun(run_config(seed=seed, task={"p": 5, "train_frac": 0.5, "split_seed": split_seed}))

    a, b, c = start(0, 0), start(1, 0), start(0, 1)
    assert torch.equal(a.data.train, b.data.train)
    assert not torch.equal(a.data.train, c.data.train)
    assert equal(a.weights(), c.weights())
    assert not equal(a.weights(), b.weights())


def test_a_batch_that_is_not_smaller_than_the_training_set_is_refused():
    with pytest.raises(ValueError, match=r"optim.batch_size must be below the 12 training rows, but got 12"):
        run_config(optim={"kind": "adamw", "batch_size": 12})


def test_no_step_of_training_waits_for_the_device(monkeypatch):
    run = SupervisedRun(run_config("gated", penalties={"compute": {"kind": "sum", "weight": 0.1}, "spectral": {"weight": 0.1}}))

    def waits(*_):
        raise AssertionError("a step asked for a value")

    for name in ("item", "tolist", "__bool__", "__float__", "__int__", "numpy", "cpu"):
        monkeypatch.setattr(torch.Tensor, name, waits)
    run.advance()
    assert run.step == 1


def test_networks_of_the_house_are_networks():
    assert all(isinstance(run_config(model).start().network, Network) for model in MODELS)  # type: ignore[attr-defined]


def test_a_config_goes_through_its_dump_into_the_same_run():
    config = run_config("routed", measure={"eval_every": 4})
    assert run_id(parse(config.model_dump(mode="json"))) == run_id(config)
