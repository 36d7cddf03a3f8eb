"""`lal measure`: what a name, a metric and steps mean, what is refused, what is said, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lal.cli import lal
from lal.config import run_id
from lal.errors import Refused
from lal.runs.session import attempt
from lal.store import Record, Store
from launch.plan import plan, summary
from launch.sweep import load, manifest

TEXT = """
name: small
base:
  task: {kind: modular, p: 5, train_frac: 0.5}
  optim: {kind: adamw, lr: 0.01}
  measure: {eval_every: 2, metrics: [accuracy], save_every: 4}
  budget: {steps: 8, stop: null}
arms:
  plain: {base: {model: {kind: mlp, width: 6}}}
  gated: {base: {model: {kind: gated, depth: 2, width: 6}}}
seeds: 2
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: Any) -> tuple[Path, Store]:
    """A sweep of four runs, the last of which was not trained."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "small.yaml").write_text(TEXT, encoding="utf-8")
    expanded, store = load(str(folder / "small.yaml"), None, []), Store(folder / "results")
    store.put_json("sweeps/small/manifest.json", manifest(expanded))
    for config in list(expanded.configs().values())[:3]:
        assert isinstance(attempt(config, store), Record)
    return folder, store


def called(store: Store, *words: str) -> Any:
    """The command, in this process; refusals are raised."""
    return CliRunner().invoke(lal, ["measure", *words, "--results", str(store.place.root)], standalone_mode=False, catch_exceptions=False)


def refused(store: Store, *words: str) -> str:
    with pytest.raises(Refused) as error:
        called(store, *words)
    return str(error.value)


def told(store: Store, *words: str) -> dict[str, Any]:
    """The facts for scripts."""
    result = CliRunner().invoke(lal, ["measure", *words, "--results", str(store.place.root), "--json"])
    facts = json.loads(result.stdout)
    assert facts["exit_code"] == result.exit_code
    return facts


def test_a_sweep_is_measured_where_metrics_apply_and_then_there_is_nothing_to_do(swept: Any) -> None:
    _, store = swept
    first = told(store, "small", "--metric", "margin,gates")
    assert (first["runs"], first["left_out"], first["values"], first["already"], first["exit_code"]) == (3, 1, 3 * 3 + 3, 0, 0)
    again = told(store, "small", "--metric", "margin,gates")
    assert (again["runs"], again["values"], again["already"]) == (3, 0, 12)
    gated = [each for each in store.names("runs") if each.startswith("sigmoid")]
    assert [store.run(each).measured_names() for each in gated] == [["gates", "margin"]]
    only = told(store, "small", "--metric", "weight_norm", "--steps", "8,4")
    assert (only["runs"], only["values"]) == (3, 6)
    assert [row["step"] for row in store.run(gated[0]).measured("weight_norm")] == [4, 8]


def test_a_run_may_be_named_by_the_beginning_of_its_id(swept: Any) -> None:
    _, store = swept
    assert told(store, "sigmoid", "--metric", "mirror_clean")["values"] == 3
    result = CliRunner().invoke(lal, ["measure", "sigmoid", "--metric", "mirror_clean,price", "--results", str(store.place.root)])
    assert result.exit_code == 0
    assert "3 values in" in result.stdout
    assert "3 were there" in result.stdout


def test_what_cannot_be_measured_is_refused_with_the_remedy(swept: Any) -> None:
    _, store = swept
    assert "got 'margn'; did you mean 'margin'?" in refused(store, "small", "--metric", "margn")
    assert "routing does not apply to small (mlp" in refused(store, "small", "--metric", "routing")
    assert "gates does not apply to mlp" in refused(store, store.names("runs")[0], "--metric", "gates")
    steps = refused(store, "small", "--metric", "margin", "--steps", "4,6")
    assert "has none at 6 (there are: 0, 4, 8); train with measure.save_every" in steps
    assert "there is no 'smal'; did you mean 'small'?" in refused(store, "smal", "--metric", "margin")
    assert "begins 2 of them" in refused(store, "mlp", "--metric", "margin")
    assert "no 'small@laptop'" in refused(store, "small", "--metric", "margin", "--profile", "laptop")
    for words in (["--metric", ","], ["--metric", "margin", "--steps", "4,x"], ["--metric", "margin", "--steps", ""], []):
        assert CliRunner().invoke(lal, ["measure", "small", *words]).exit_code == 2


def test_a_sweep_that_was_not_trained_has_nothing_to_measure(swept: Any, tmp_path: Path) -> None:
    folder, _ = swept
    store = Store(tmp_path)
    store.put_json("sweeps/small/manifest.json", manifest(load(str(folder / "small.yaml"), None, [])))
    assert "small has none; train it first, with measure.save_every" in refused(store, "small", "--metric", "margin")
    assert "nothing is stored there yet; run `lal sweep` first" in refused(Store(tmp_path / "empty"), "small", "--metric", "margin")


def test_damage_and_crashes_are_told_and_cost_the_exit_code_alone(tmp_path: Path, swept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = swept
    expanded, store = load(str(folder / "small.yaml"), None, []), Store(tmp_path)
    store.put_json("sweeps/small/manifest.json", manifest(expanded))
    first, second, *_ = expanded.configs().values()
    for config in (first, second):
        attempt(config, store)
    store.put(f"runs/{run_id(first)}/checkpoints/step-000000004.pt", b"PK")
    facts = told(store, "small", "--metric", "margin")
    assert facts["damaged"] == {run_id(first): ["checkpoints/step-000000004.pt"]}
    assert (facts["values"], facts["exit_code"]) == (5, 1)

    def crash(config: Any, place: Any, *_: Any) -> None:
        raise ArithmeticError("of this metric")

    with monkeypatch.context() as patched:
        patched.setattr("launch.measure.measure", crash)
        facts = told(store, "small", "--metric", "weight_norm")
    assert facts["failures"] == dict.fromkeys((run_id(first), run_id(second)), "ArithmeticError: of this metric")
    assert facts["exit_code"] == 1


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(swept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    _, store = swept
    monkeypatch.setattr("launch.measure.measure", lambda *_: signal.raise_signal(signal.SIGINT))
    result = CliRunner().invoke(lal, ["measure", "small", "--metric", "accuracy", "--results", str(store.place.root)])
    assert result.exit_code == 130
    assert "To go on" in result.stdout


def test_the_plan_says_where_measuring_would_do_instead_of_training(swept: Any) -> None:
    folder, store = swept

    def hints(*overrides: str) -> list[str]:
        return summary(plan(load(str(folder / "small.yaml"), None, list(overrides)), store))["hints"]

    asked = "measure={eval_every: 2, metrics: [accuracy, margin], save_every: 4}"
    wanted = "3 of the runs to train again keep checkpoints: `lal measure small --metric margin` reads these metrics off them without training"
    assert hints(asked) == [wanted]
    assert hints() == []
    assert hints("measure={eval_every: 1, metrics: [accuracy, margin], save_every: 4}") == []
