"""Every metric against a loop over single rows in float64, and that looking leaves no trace."""

from __future__ import annotations

from math import exp, log

import pytest
import torch
from torch import nn

from lal.metrics import METRICS
from lal.metrics.probe import Probe, looking
from lal.metrics.routing import operation_specialisation
from lal.models.network import Network, Output
from lal.runs.supervised_loop import SupervisedRun
from lal.stopping import Stopper
from lal.tasks.modular import Modular
from tests.lal.small import MODELS, batches_of, run_config
from tests.lal.written import refused

ALL = pytest.mark.parametrize("name", MODELS)
EVERYTHING = {"metrics": ["all"]}


def trained(name, steps=12, **values):
    """A run in float64 after a few steps, in the midst of learning."""
    run = SupervisedRun(run_config(name, optim={"kind": "adamw", "lr": 0.03}, dtype="float64", **values))
    for _ in range(steps):
        run.advance()
    return run


def measured(run, *names):
    with looking(run.network):
        probe = Probe(run.config, run.network, run.data, run.optimizer, run.step)
        return {column: value for name in names or run.config.metrics() for column, value in METRICS[name].values(probe).items()}


def rows_of(run):
    """(tokens, target, logits, routing) of each row, passed through the network by itself."""
    with looking(run.network):
        for tokens, target in zip(run.data.tokens, run.data.targets.tolist(), strict=True):
            output = run.network(tokens[None])
            yield tokens.tolist(), target, output.logits[0].tolist(), None if output.routing is None else [weights[0, 0].tolist() for weights in output.routing]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def entropy(weights):
    return -sum(w * log(w) for w in weights if w > 0)


@ALL
def test_metrics_fill_the_columns_that_they_declare(name):
    run = trained(name, penalties={"spectral": {"weight": 0.1}}, measure=EVERYTHING)
    for metric in run.config.metrics():
        columns, got = METRICS[metric].columns(run.config), measured(run, metric)
        assert len(set(columns)) == len(columns)
        assert {column for column in got if not column.startswith("weight_norm/")} == set(columns)
        assert not refused([got])


@ALL
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_loss_accuracy_margin_and_mirror_clean_row_by_row(name, loss):
    run = trained(name, loss=loss)
    values, rows = measured(run, "accuracy", "margin", "mirror_clean", "price"), list(rows_of(run))
    train_pairs = {tuple(rows[index][0]) for index in run.data.train.tolist()}

    def loss_of(row):
        _, target, z, _ = row
        return log(sum(map(exp, z))) - z[target] if loss == "cross_entropy" else mean((value - (c == target)) ** 2 for c, value in enumerate(z))

    def margin(row):
        _, target, z, _ = row
        return z[target] - max(value for c, value in enumerate(z) if c != target)

    for side in ("train", "test"):
        of_side = [rows[index] for index in getattr(run.data, side).tolist()]
        assert values[f"{side}_loss"] == pytest.approx(mean(map(loss_of, of_side)), abs=1e-12)
        assert values[f"{side}_acc"] == mean(margin(row) > 0 for row in of_side)
        assert values[f"{side}_margin"] == pytest.approx(mean(map(margin, of_side)), abs=1e-12)
    clean = [row for row in rows if tuple(row[0]) not in train_pairs and tuple(row[0][::-1]) not in train_pairs and row[0][0] != row[0][1]]
    assert len(clean) >= 3
    assert values["mirror_clean_acc"] == mean(margin(row) > 0 for row in clean)
    assert values["total_loss"] == values["train_loss"]


CHARGES = {
    "gated": {"compute": {"kind": "entropy", "weight": 0.3}},
    "routed": {"routing": {"kind": "load_balance", "weight": 0.3}, "spectral": {"weight": 2.0, "every": 3}},
}


@pytest.mark.parametrize("name", CHARGES)
def test_total_loss_is_the_loss_plus_weight_times_each_penalty_of_the_training_rows(name):
    run = trained(name, penalties=CHARGES[name])
    values = measured(run, "accuracy", "price")
    with looking(run.network):
        output = run.network(run.data.tokens[run.data.train])
        prices = {slot: penalty.value(run.network, output, run.data).item() for slot, penalty in run.config.penalties.charged().items()}
    columns = {"compute": "compute_cost", "routing": "routing_penalty", "spectral": "spectral_penalty"}
    assert {column for column in values if column in columns.values()} == {columns[slot] for slot in prices}
    assert all(values[columns[slot]] == pytest.approx(price, abs=1e-12) for slot, price in prices.items())
    assert values["total_loss"] == pytest.approx(values["train_loss"] + sum(CHARGES[name][slot]["weight"] * price for slot, price in prices.items()), abs=1e-12)


@pytest.mark.parametrize("name", ["routed", "routed-plain", "routed-one-layer"])
def test_routing_columns_row_by_row(name):
    run = trained(name)
    values, rows = measured(run, "routing", "hard_routing"), list(rows_of(run))
    layers, heads = run.config.model.depth, run.config.model.heads
    own = [mean(entropy(row[3][layer]) for row in rows) for layer in range(layers)]
    load = [[mean(row[3][layer][head] for row in rows) for head in range(heads)] for layer in range(layers)]
    assert values["routing_entropy"] == pytest.approx(mean(own), abs=1e-12)
    assert values["routing_entropy_norm"] == pytest.approx(mean(own) / log(heads), abs=1e-12)
    assert values["load_entropy"] == pytest.approx(mean(map(entropy, load)), abs=1e-12)
    assert values["specialisation"] == pytest.approx(mean(map(entropy, load)) - mean(own), abs=1e-12)
    assert values["specialisation"] >= 0
    assert values["effective_heads"] == pytest.approx(mean(exp(entropy(each)) for each in load), abs=1e-12)
    assert values["head_utilization"] == pytest.approx([share for each in load for share in each], abs=1e-12)
    with looking(run.network):
        test = run.data.test
        hard = run.network.forward_hard(run.data.tokens).logits.argmax(1)
        assert values["hard_acc"] == (hard == run.data.targets)[test].double().mean().item()


@pytest.mark.parametrize("name", ["routed", "routed-hard", "transformer-routed", "transformer-routed-hard"])
def test_operation_specialisation_row_by_row(name):
    run = trained(name, task={"p": 5, "train_frac": 0.5, "operation": "add+multiply+divide"})
    value, found = measured(run, "routing")["operation_specialisation"], []
    with looking(run.network):
        outputs = [(row[2], run.network(torch.tensor([row])).routing) for row in run.data.tokens.tolist()]
    for layer in range(run.config.model.depth):
        for position in range(len(outputs[0][1][layer])):
            joint = {}  # of head and operation
            for operation, routing in outputs:
                for head, weight in enumerate(routing[layer][position, 0].tolist()):
                    joint[head, operation] = joint.get((head, operation), 0.0) + weight / len(outputs)
            heads, operations = (
                {each: sum(share for pair, share in joint.items() if pair[side] == each) for each in {pair[side] for pair in joint}} for side in (0, 1)
            )
            found.append((layer, sum(share * log(share / heads[head] / operations[operation]) for (head, operation), share in joint.items() if share > 0)))
    by_layer = [mean(each for index, each in found if index == layer) for layer in range(run.config.model.depth)]
    assert value == pytest.approx(mean(by_layer), abs=1e-12)
    assert value > 0


def test_operation_specialisation_at_its_ends():
    operations = torch.arange(2).repeat(6)
    chosen, alike = nn.functional.one_hot(operations, 3).double(), torch.full((12, 3), 1 / 3, dtype=torch.float64)
    assert operation_specialisation(chosen[None], operations).item() == pytest.approx(log(2))
    assert operation_specialisation(alike[None], operations).item() == pytest.approx(0, abs=1e-12)
    crossed = torch.stack([chosen, chosen[:, [1, 0, 2]]])  # heads change places from one position to the next
    assert operation_specialisation(crossed, operations).item() == pytest.approx(log(2))
    by_row = nn.functional.one_hot(torch.arange(12) // 2 % 3, 3).double()  # decisive, but not by the operation
    assert operation_specialisation(by_row[None], operations).item() == pytest.approx(0, abs=1e-12)


def test_operation_specialisation_needs_operations():
    assert "operation_specialisation" not in METRICS["routing"].columns(run_config("routed"))


class Table(Network):
    """Answers every pair by a table."""

    def __init__(self, answers):
        super().__init__()
        self.answers, self.p = answers, int(len(answers) ** 0.5)

    def embed(self, tokens):
        return self.answers[tokens[:, 0] * self.p + tokens[:, 1]]

    def run(self, x):
        logits = nn.functional.one_hot(x, self.p).float()
        return Output(logits, logits)

    def streams(self):
        return {}


@pytest.mark.parametrize(("p", "train_frac", "within"), [(113, 0.3, 0.003), (17, 0.5, 0.034)])
def test_a_symmetric_memoriser_stands_at_the_plateau_and_mirror_clean_sees_through_it(p, train_frac, within):
    accuracies = []
    for seed in range(4):
        config = run_config(task={"p": p, "train_frac": train_frac, "split_seed": seed})
        data = config.task.build("cpu")
        known = torch.zeros(p * p, dtype=torch.bool)
        known[data.train] = True
        known |= known.view(p, p).T.reshape(-1)
        table = Table(torch.where(known, data.targets, (data.targets + 1) % p))
        with looking(table):
            probe = Probe(config, table, data)
            values = METRICS["accuracy"].values(probe) | METRICS["mirror_clean"].values(probe)
        assert values["train_acc"] == 1
        assert values["mirror_clean_acc"] == 0
        accuracies.append(values["test_acc"])
    # it knows a test row by its mirror, which is trained on with odds train_frac, unless it is its own: 0.297 at p=113
    assert mean(accuracies) == pytest.approx(train_frac * (1 - 1 / p), abs=within)


def test_mirror_clean_does_not_apply_where_the_operation_does_not_commute():
    assert "mirror_clean" in run_config().metrics()
    assert "mirror_clean" not in run_config(task={"p": 5, "train_frac": 0.5, "operation": "subtract"}).metrics()


def test_an_unordered_split_leaves_every_test_row_but_the_diagonal_clean():
    data = Modular(p=7, train_frac=0.5, split="unordered").build("cpu")
    off_diagonal = [row for row in data.test.tolist() if data.tokens[row, 0] != data.tokens[row, 1]]
    assert data.mirror_clean.tolist() == off_diagonal


def bits(run):
    """Everything that a run goes on from, but its clock."""
    state = run.state_dict()
    del state["seconds"], state["looked"]
    return state


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


@ALL
def test_measuring_leaves_the_run_bitwise_unchanged(name):
    optim = {"kind": "adamw", "lr": 0.01, "batch_size": batches_of(name)}
    minimal = run_config(name, optim, measure={"eval_every": 8, "metrics": ["accuracy"]})
    full = run_config(name, optim, measure={"eval_every": 4, "metrics": ["all"], "every": {"functional_depth": 4} if name.startswith("gated") else {}})
    ends = []
    for config in (minimal, full):
        run = SupervisedRun(config)
        rows = list(run.rows(Stopper(config.budget, config.goal, config.fit)))
        ends.append((bits(run), [rows[0]["train_loss"], rows[-1]["train_loss"], rows[-1]["test_acc"]]))
        assert len(rows) == (2 if config is minimal else 3)
    assert equal(*ends)


@ALL
def test_a_look_restores_mode_gradients_and_random_streams(name):
    run = trained(name, measure=EVERYTHING)
    run._loss(run.network(run.data.tokens), run.data.targets).backward()
    slopes = {key: p.grad.clone() for key, p in run.network.named_parameters() if p.grad is not None}
    state, own = torch.get_rng_state(), {key: generator.get_state() for key, generator in run.network.streams().items()}
    measured(run)
    assert run.network.training
    assert all(torch.equal(p.grad, slopes[key]) if key in slopes else p.grad is None for key, p in run.network.named_parameters())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(generator.get_state(), own[key]) for key, generator in run.network.streams().items())


def test_looking_restores_the_mode_after_an_error():
    network = trained("gated").network
    with pytest.raises(RuntimeError, match="broken"), looking(network):
        assert not network.training
        raise RuntimeError("broken")
    assert network.training
    assert torch.is_grad_enabled()


def test_slow_metrics_are_measured_at_their_cadence_and_on_the_last_row():
    config = run_config("gated", measure={"eval_every": 1, "every": {"functional_depth": 3}}, budget={"steps": 8, "stop": None})
    run = SupervisedRun(config)
    rows = list(run.rows(Stopper(config.budget, config.goal, config.fit)))
    assert [row["step"] for row in rows if "functional_depth" in row] == [0, 3, 6, 8]
    assert [row["step"] for row in rows if "margin" in row or "train_margin" in row] == list(range(9))
    assert all({"step", "seconds", "lr", "tau"} <= row.keys() for row in rows)
