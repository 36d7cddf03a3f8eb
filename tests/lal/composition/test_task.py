"""Tuples, codes and splits of the group task, and what is refused."""

from __future__ import annotations

import sys
from itertools import product

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from lal.composition.batches import batches, drawn, evaluated, split
from lal.composition.prefixes import Tree, levels
from lal.composition.task import GroupTask, shared_depth
from lal.config import parse
from lal.groups.templates.image import pictures_of
from lal.runs.streams import stream

GROUPS = [{"kind": "cyclic", "p": 5}, {"kind": "product", "p1": 3, "p2": 4}, {"kind": "dihedral", "n": 3}]


def task_of(**values):
    return GroupTask.model_validate({"template": {"kind": "given", "values": list(np.random.default_rng(0).normal(size=values.pop("n", 5)))}, **values})


def tree_of(task, *, every=False):
    template = task.encoding()
    return Tree(torch.from_numpy(template.group.table), torch.from_numpy(template.group.moved(template.values)), task.k, every=every)


def elements_of(rows, order):
    """(n, k) elements of tuples, written out."""
    prefix = torch.arange(order**rows.depth).repeat_interleave(rows.counts[rows.depth].long()) if rows.prefix is None else rows.prefix
    first = [prefix // order ** (rows.depth - 1 - place) % order for place in range(rows.depth)]
    return torch.stack([*first, *rows.rest], 1)


def test_every_tuple_of_c5_is_there_once_and_its_target_is_the_template_rolled_by_the_sum():
    task = task_of(group={"kind": "cyclic", "p": 5}, k=3, sampling={"kind": "table", "train_frac": 1})
    tree, x = tree_of(task), task.encoding().values
    (rows,) = evaluated(task, tree, 0)["train"]
    tuples = elements_of(rows, 5)
    assert sorted(map(tuple, tuples.tolist())) == list(product(range(5), repeat=3))
    assert torch.equal(rows.counts[3], torch.ones(125, dtype=torch.float64))
    for number, elements in enumerate(tuples):
        assert np.array_equal(tree.targets(3)[number], np.roll(x, int(elements.sum())))


def test_targets_of_a_product_group_are_pictures_rolled_down_and_across():
    task = task_of(group={"kind": "product", "p1": 3, "p2": 4}, k=2, n=12)
    tree, x = tree_of(task), task.encoding().values.reshape(3, 4)
    assert len(tree.targets(2)) == 144
    for number, target in enumerate(tree.targets(2)):
        (a1, b1), (a2, b2) = (divmod(each, 4) for each in divmod(number, 12))
        assert np.array_equal(target.reshape(3, 4), np.roll(x, (a1 + a2, b1 + b2), (0, 1)))


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("size", [7, 100, 5000])
@pytest.mark.parametrize("every", [False, True])
def test_online_batches_are_tuples_of_their_size_with_the_right_products(group, size, every):
    order = {"cyclic": 5, "product": 12, "dihedral": 6}[group["kind"]]
    task = task_of(group=group, k=4, n=order)
    tree = tree_of(task, every=every)
    rows = drawn(tree, size, stream(0, "batches"))
    tuples = elements_of(rows, order)
    assert tuples.shape == (size, 4)
    products = task.encoding().group.products(tuples.numpy())
    for level, counts in rows.counts.items():
        seen = np.zeros(order**level)
        np.add.at(seen, np.ravel_multi_index(tuple(tuples[:, :level].T.numpy()), (order,) * level), 1)
        assert np.array_equal(seen, counts)
        first = np.ravel_multi_index(tuple(tuples[:, :level].T.numpy()), (order,) * level)
        assert np.array_equal(tree.products(level)[first], products[:, level - 1])


def test_numbered_tuples_are_those_in_row_major_order():
    tree = tree_of(task_of(group={"kind": "cyclic", "p": 5}, k=4))
    for numbers in (torch.tensor([624, 0, 7, 7]), torch.arange(625)):
        expected = torch.stack([numbers // 5**place % 5 for place in (3, 2, 1, 0)], 1)
        found = elements_of(tree.numbered(numbers), 5)
        assert sorted(found.tolist()) == sorted(expected.tolist())


@pytest.mark.parametrize("frac", [0.1, 0.5, 0.99])
def test_a_split_is_disjoint_complete_random_and_its_own_seeds(frac):
    task = task_of(group={"kind": "cyclic", "p": 5}, sampling={"kind": "table", "train_frac": frac})
    train, test = (set(side.tolist()) for side in split(task, task.sampling))
    assert len(train) == task.n_train == round(frac * 125)
    assert not train & test
    assert train | test == set(range(125))
    other = task_of(group={"kind": "cyclic", "p": 5}, sampling={"kind": "table", "train_frac": frac, "split_seed": 1})
    assert {*split(other, other.sampling)[0].tolist()} != train
    assert sorted(train) != list(range(len(train)))


def test_minibatches_of_a_table_visit_every_training_tuple_once_a_pass():
    task = task_of(group={"kind": "cyclic", "p": 5}, sampling={"kind": "table", "train_frac": 0.5, "batch_size": 20})
    tree = tree_of(task)
    source = batches(task, tree, 0)
    seen = torch.cat([elements_of(source.next(), 5) for _ in range(4)])
    train, _ = split(task, task.sampling)
    expected = [(n // 25, n // 5 % 5, n % 5) for n in train.tolist()]
    assert sorted(map(tuple, seen.tolist())) == sorted(expected)


def test_prefixes_are_shared_as_far_as_that_is_less_work():
    assert [shared_depth(10, 3, n) for n in (1, 33, 34, 333, 334, 10**6)] == [1, 1, 2, 2, 3, 3]


WIDE, C101 = {"kind": "quadratic_rnn", "width": 256}, {"kind": "cyclic", "p": 101}


def given(values):
    return {"group": {"kind": "cyclic", "p": len(values)}, "template": {"kind": "given", "values": values}}


def powers(*each):
    return {"template": {"kind": "fourier", "n_modes": len(each), "powers": each}}


REFUSED = [
    ({"task": {"k": 1}}, "greater than or equal to 2"),
    ({"task": {"group": {"kind": "cyclic", "p": 1}}}, "greater than or equal to 2"),
    ({"task": {"group": {"kind": "cyclic", "p": 5}, "template": {"kind": "given", "values": [1.0, 2.0]}}}, "one value for each of the 5 elements"),
    ({"task": {"group": {"kind": "cyclic", "p": 2}, "template": {"kind": "given", "values": [1.0, 1.0]}}}, "power in some mode"),
    (
        {"task": {"group": {"kind": "cyclic", "p": 101}, "k": 3, "sampling": {"kind": "table"}}},
        r"at most 1,000,000 tuples, but got 101\^3 = 1.03e\+06 tuples.*kind: online",
    ),
    ({"task": {"group": {"kind": "cyclic", "p": 7}, "sampling": {"kind": "table", "train_frac": 0.001}}}, "leaves the train set empty"),
    ({"task": {"group": {"kind": "cyclic", "p": 7}, "sampling": {"kind": "table", "batch_size": 274}}}, "must be below the 274 training tuples"),
    ({"task": {"k": 2, "outputs": "every"}}, "would have no effect with k = 2"),
    ({"task": {"outputs": "every"}, "model": {"kind": "sequential_mlp"}}, "needs a model with an answer after each element"),
    ({"model": {"kind": "sequential_mlp", "interaction": "multiplicative"}}, "interaction"),
    ({"optim": {"kind": "adamm"}}, "adamm"),
    ({"optim": {"kind": "per_neuron"}}, "per_neuron needs hidden units with weights of their own"),
    ({"model": {"kind": "sequential_mlp"}, "optim": {"kind": "hybrid"}}, "hybrid is for quadratic_rnn"),
    ({"model": {"kind": "two_layer", "activation": "gelu"}, "optim": {"kind": "per_neuron"}}, "needs the degree of homogeneity"),
    ({"model": {"kind": "sequential_mlp"}, "optim": {"kind": "per_neuron", "degree": 4}}, "is 4 for sequential_mlp anyway"),
    ({"model": WIDE, "task": {"group": C101, "sampling": {"kind": "online", "batch_size": 350_000}}}, r"a step must fit in 4 GiB.*or a smaller width \["),
    ({"model": {**WIDE, "width": 512}, "task": {"group": {"kind": "cyclic", "p": 99}, "sampling": {"kind": "table"}}}, r"or sampling: \{kind: online\}"),
    *[({"task": given([1.0, *values])}, "must lie between 1e-15 and 1e\\+15") for values in ([1e200, -1e200], [1e16, 0.0])],
    ({"task": given([1e-200, 0.0, 0.0])}, "must lie between 1e-15 and 1e\\+15"),
    ({"task": given([1.0, 1.0, 1 + 1e-13])}, "given is constant"),
    ({"task": powers(1e308, 1e308)}, "powers"),
    ({"task": powers(1.0, 1e-9)}, "each of powers must be more than 2e-08 of their sum.*got 1e-09 of 1"),
    ({"task": {"group": {"kind": "cyclic", "p": 2}, "template": {"kind": "fourier", "n_modes": 1}}}, "c2 has none; name modes among 1, or write a larger"),
    ({"task": {"template": {"kind": "fourier", "modes": [True]}}}, "modes.0"),
    ({"budget": {"stop": {"at_least": 1.0}}}, "is a reduction of the loss"),
    ({"budget": {"futility": {"max_tau": 3.0}}}, "max_tau would have no effect"),
    ({"budget": {"futility": {"memorise_by": 3}}}, "memorise_by would have no effect"),
    ({"measure": {"metrics": ["spectrum"]}}, "must read loss at every evaluation"),
    ({"measure": {"metrics": ["loss", "margin"]}}, "known metrics"),
    ({"model": {"kind": "sequential_mlp"}, "measure": {"metrics": ["loss", "mixing"]}}, "metric mixing does not apply to model smlp64 on task c10k3-fourier3"),
]


@pytest.mark.parametrize(("values", "said"), REFUSED)
def test_what_cannot_be_is_refused(values, said):
    with pytest.raises(ValidationError, match=said):
        parse({"kind": "composition", **values})


def test_what_looks_wrong_is_told_before_a_run():
    said = parse(
        {"kind": "composition", "optim": {"kind": "hybrid", "scaling": -3.0}, "model": {"kind": "quadratic_rnn", "width": 4}, "measure": {"eval_every": 10**6}}
    ).warnings()
    assert [words for words in ("explodes", "nothing is evaluated", "too few for a single mode") if not any(words in each for each in said)] == []
    assert parse({"kind": "composition", "optim": {"kind": "adam"}}).warnings() == []
    whole = {"group": {"kind": "cyclic", "p": 7}, "sampling": {"kind": "table", "train_frac": 1}}
    assert "nothing of generalisation" in parse({"kind": "composition", "optim": {"kind": "adam"}, "task": whole}).warnings()[0]


def test_a_picture_that_cannot_be_drawn_here_is_told_in_the_plan(monkeypatch):
    picture = {"group": {"kind": "product", "p1": 4, "p2": 4}, "template": {"kind": "image"}}
    config = parse({"kind": "composition", "optim": {"kind": "adam"}, "task": picture})
    assert config.warnings() == []
    pictures_of.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert "needs scikit-learn" in config.warnings()[0]


def test_the_rows_of_a_step_are_those_that_it_computes():
    """A level of at most three times as many prefixes as tuples is computed whole: 11^3 = 1331 of 444 tuples, but not of 443."""
    online = [GroupTask.model_validate({"group": {"kind": "cyclic", "p": 11}, "sampling": {"kind": "online", "batch_size": n}}) for n in (444, 443)]
    assert [task.rows for task in online] == [(121, 1331), (121, 443)]
    for task in online:
        tree = tree_of(task, every=True)
        run = parse({"kind": "composition", "task": task.model_dump()}).start()
        found = levels(run.network, tree, drawn(tree, task.batch, stream(0, "batches")))
        assert tuple(len(level.output) for level in found) == task.rows


def test_a_plan_says_that_what_is_drawn_is_constant():
    pytest.importorskip("sklearn")
    config = parse({"kind": "composition", "task": {"group": {"kind": "cyclic", "p": 2}, "template": {"kind": "image"}}})
    assert any("no run can begin" in text and "image is constant" in text for text in config.warnings())
