"""Modular arithmetic and its splits."""

from __future__ import annotations

import re
from itertools import product

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from lal.tasks.modular import Modular, is_prime, next_prime

PRIMES = [2, 3, 5, 7, 11, 13]
OPERATIONS = ["add", "subtract", "multiply", "divide"]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("p", PRIMES[1:])
def test_answers(operation, p):
    data = Modular(p=p, operation=operation, train_frac=0.5).build("cpu")
    pairs = [(a, b) for a in range(p) for b in range(p) if operation != "divide" or b]
    assert [tuple(pair) for pair in data.tokens.tolist()] == pairs
    for (a, b), c in zip(pairs, data.targets.tolist(), strict=True):
        assert 0 <= c < p
        assert {"add": (a + b - c), "subtract": (a - b - c), "multiply": (a * b - c), "divide": (c * b - a)}[operation] % p == 0


def answer(operation, p, operands):
    """By trial: the residue that fits, operand after operand from the left."""
    first, *rest = operands
    for b in rest:
        first = next(
            c for c in range(p) if {"add": c - first - b, "subtract": c - first + b, "multiply": c - first * b, "divide": c * b - first}[operation] % p == 0
        )
    return first


@pytest.mark.parametrize("operation", ["add", "divide", "add+multiply", "subtract+divide", "add+subtract+multiply+divide"])
@pytest.mark.parametrize("k", [2, 3, 4])
def test_every_row_of_every_operation_once_folded_from_the_left(operation, k):
    task = Modular(p=3, operation=operation, operands=k, train_frac=0.5)
    data, names = task.build("cpu"), operation.split("+")
    expected = [(name, row) for name in names for row in product(range(3), repeat=k) if name != "divide" or all(row[1:])]
    assert data.tokens.tolist() == [[*row, *([names.index(name)] if len(names) > 1 else [])] for name, row in expected]
    assert data.targets.tolist() == [answer(name, 3, row) for name, row in expected]
    assert task.n_rows == len(expected)
    assert task.n_operations == len(names)
    assert task.vocabularies == (3,) * k + ((len(names),) if len(names) > 1 else ())


@given(
    st.sampled_from([2, 3, 5]), st.sampled_from(["add", "divide", "add+multiply", "subtract+divide"]), st.sampled_from([2, 3, 4]),
    st.floats(0.05, 0.95), st.sampled_from(["pair", "unordered"]), st.integers(0, 5),
)  # fmt: skip
def test_splits_of_several_operations_and_operands(p, operation, k, train_frac, split, split_seed):
    try:
        task = Modular(p=p, operation=operation, operands=k, train_frac=train_frac, split=split, split_seed=split_seed)
    except ValidationError:
        assume(False)
        return
    data = task.build("cpu")
    train, test = data.train.tolist(), data.test.tolist()
    assert sorted(train + test) == list(range(task.n_rows))
    assert train
    assert test
    unordered = [(tuple(sorted(row[:k])), *row[k:]) for row in data.tokens.tolist()]
    trained = {unordered[row] for row in train}
    if split == "unordered":
        assert not any(unordered[row] in trained for row in test)
        assert len(trained) == round(train_frac * len(set(unordered)))
    else:
        assert len(train) == task.n_train
    if task.commutes:
        assert data.mirror_clean.tolist() == [row for row in test if len({*unordered[row][0]}) > 1 and unordered[row] not in trained]
    else:
        assert data.mirror_clean is None


@pytest.mark.parametrize(("values", "text"), [
    ({"operation": "add+power"}, "operation must be one of add, subtract, multiply, divide, or several joined by +, but got 'power'"),
    ({"operation": "add+substract"}, "did you mean 'subtract'?"),
    ({"operation": "multiply+add"}, "operation must name each once, in the order add, subtract, multiply, divide, but got 'multiply+add'; write add+multiply"),
    ({"operation": "add+add"}, "write add"),
    ({"operation": ""}, "operation must be one of"),
    ({"operands": 1}, "greater than or equal to 2"),
    ({"operands": 4}, "all rows together must be at most 4,194,304, but got 163,047,361 (p=113, operands=4, operation=add); the most operands are 3"),
    ({"p": 2039, "operation": "add+multiply"}, "lower p, or take fewer operations"),
    ({"p": 4, "operation": "add+divide"}, "p must be prime for divide"),
])  # fmt: skip
def test_refusals_say_what_to_write(values, text):
    with pytest.raises(ValidationError) as refusal:
        Modular(**values)
    assert text in str(refusal.value)


@pytest.mark.parametrize("values", [{}, {"operation": "add+multiply"}, {"operands": 3}, {"p": 31, "operation": "subtract+divide", "operands": 3}])
def test_labels_name_folders(values):
    assert re.fullmatch(r"[a-z_]+\d+(x\d+)?", Modular(**values).label)


@given(st.sampled_from(PRIMES), st.sampled_from(OPERATIONS), st.floats(0.01, 0.99), st.sampled_from(["pair", "unordered"]), st.integers(0, 5))
def test_splits_are_disjoint_exhaustive_and_of_the_size_asked_for(p, operation, train_frac, split, split_seed):
    try:
        task = Modular(p=p, operation=operation, train_frac=train_frac, split=split, split_seed=split_seed)
    except ValidationError:
        assume(False)
        return
    data = task.build("cpu")
    train, test = data.train.tolist(), data.test.tolist()
    assert train == sorted(train)
    assert test == sorted(test)
    assert sorted(train + test) == list(range(task.n_rows)) == list(range(len(data.tokens)))
    assert train
    assert test
    pairs = data.tokens.tolist()
    if split == "pair":
        assert len(train) == task.n_train
    else:
        in_train = {tuple(pairs[row]) for row in train}
        assert not any((b, a) in in_train for a, b in (pairs[row] for row in test))
    if task.commutes:
        in_train = {tuple(pairs[row]) for row in train}
        assert data.mirror_clean.tolist() == [row for row in test if pairs[row][0] != pairs[row][1] and (pairs[row][1], pairs[row][0]) not in in_train]
    else:
        assert data.mirror_clean is None


def test_the_split_depends_on_its_seed_alone():
    state = torch.get_rng_state()
    first, again, other = (Modular(p=7, train_frac=0.5, split_seed=seed).build("cpu").train for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_split_is_the_same_for_ever():
    assert Modular(p=5, train_frac=0.3).build("cpu").train.tolist() == [5, 6, 8, 11, 16, 17, 19, 24]


@pytest.mark.parametrize("values", [
    {"p": 1}, {"p": 0}, {"p": -3}, {"p": 4096}, {"p": 5.5}, {"p": "five"}, {"p": True}, {"prime": 5},
    {"train_frac": 0}, {"train_frac": 1}, {"train_frac": 1.5}, {"train_frac": "nan"}, {"p": 2, "train_frac": 0.1},
    {"operation": "power"}, {"split": "row"}, {"split_seed": -1}, {"p": 2, "train_frac": 0.85, "split": "unordered"},
])  # fmt: skip
def test_impossible_tasks_are_refused(values):
    with pytest.raises(ValidationError):
        Modular(**values)


@pytest.mark.parametrize("operation", ["multiply", "divide"])
def test_a_composite_modulus_is_refused_where_inverses_matter(operation):
    with pytest.raises(ValidationError, match=rf"p must be prime for {operation} .* p=15; the next prime is 17"):
        Modular(p=15, operation=operation)
    assert Modular(p=15, train_frac=0.5).n_rows == 225


def test_primes():
    assert [n for n in range(-2, 30) if is_prime(n)] == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    assert [next_prime(n) for n in (1, 2, 14, 113)] == [2, 3, 17, 127]
