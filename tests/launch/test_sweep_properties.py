"""Laws of sweeps: order of keys does not matter, plain data go round, layers merge as promised."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lal.config import dump, parse, run_id
from launch.parsing.axes import spaced
from launch.parsing.merging import merged, nested
from launch.parsing.overrides import split
from launch.parsing.reading import Document, Source
from launch.sweep import expanded

KEYS = st.sampled_from("abcd")
LEAVES = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
LAYERS = st.recursive(st.dictionaries(KEYS, LEAVES, max_size=4), lambda inner: st.dictionaries(KEYS, st.one_of(LEAVES, inner), max_size=4), max_leaves=12)
RUNS = st.fixed_dictionaries(
    {
        "task": st.fixed_dictionaries({"kind": st.just("modular"), "p": st.sampled_from([11, 31, 97]), "train_frac": st.floats(0.1, 0.9)}),
        "model": st.fixed_dictionaries({"kind": st.just("gated"), "depth": st.integers(1, 16), "width": st.integers(1, 64)}),
        "optim": st.fixed_dictionaries({"kind": st.sampled_from(["adam", "adamw", "sgd"]), "lr": st.floats(1e-6, 1)}),
        "penalties": st.fixed_dictionaries({"compute": st.one_of(st.none(), st.fixed_dictionaries({"kind": st.just("sum"), "weight": st.floats(0, 10)}))}),
        "seed": st.integers(0, 2**63 - 1),
    }
)


@given(LAYERS)
def test_merging_is_neutral_and_idempotent(a: dict[str, Any]) -> None:
    assert merged(a) == merged(a, {}) == merged({}, a) == merged(a, a) == a


@given(LAYERS, LAYERS, LAYERS)
def test_the_last_layer_is_in_the_result_and_none_is_changed(a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]) -> None:
    before = repr((a, b, c))
    result = merged(a, b, c)
    assert merged(result, c) == result
    result.clear()
    assert repr((a, b, c)) == before


@given(st.lists(KEYS, min_size=1, max_size=4), LEAVES)
def test_a_dotted_path_leads_back_to_its_value(keys: list[str], value: Any) -> None:
    found: Any = nested(".".join(keys), value)
    for key in keys:
        found = found[key]
    assert found == value


def shuffled(values: Any, draw: Any) -> Any:
    """The same mapping with its keys in another order, all the way down."""
    if not isinstance(values, dict):
        return values
    return {key: shuffled(values[key], draw) for key in draw(st.permutations(list(values)))}


@given(st.data(), RUNS)
def test_the_order_of_keys_makes_no_other_run(data: st.DataObject, run: dict[str, Any]) -> None:
    values = {"name": "x", "base": {key: value for key, value in run.items() if key != "seed"}, "seeds": [run["seed"]]}
    first, second = (expanded(Document(each, {(): "x.yaml"}), "x") for each in (values, shuffled(values, data.draw)))
    assert [each.run_id for each in first.runs] == [each.run_id for each in second.runs] == [run_id(parse(run))]


@given(RUNS)
def test_plain_data_of_a_run_read_again_are_that_run(run: dict[str, Any]) -> None:
    config = parse(run)
    assert parse(dump(config)) == config and run_id(parse(dump(config))) == run_id(config)


@given(st.sampled_from(["log", "linear"]), st.floats(1e-6, 1e3), st.floats(1e-6, 1e3), st.integers(2, 50))
def test_ranges_have_their_ends_and_run_one_way(scale: str, low: float, high: float, n: int) -> None:
    values = spaced(scale, [low, high, n])
    assert len(values) == n and values[0] == low and values[-1] == high
    slack = 1e-11 * max(low, high)
    steps = [b - a for a, b in pairwise(values)]
    assert all(step >= -slack for step in steps) if high >= low else all(step <= slack for step in steps)


@given(st.lists(st.one_of(st.integers(), st.booleans(), st.none(), st.lists(st.integers(), max_size=3)), min_size=1, max_size=4))
def test_values_between_commas_come_back(values: list[Any]) -> None:
    told = ",".join(str(value).lower().replace("none", "null") for value in values)
    assert [Source("x", piece).value() for piece in split(told)] == values
