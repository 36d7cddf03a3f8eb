"""Commands that are told to people can be run as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.again import command, results_word

GIVEN = "lal sweep quickstart seeds=3 budget.stop.at_least=0.97 --profile laptop"


@pytest.mark.parametrize(
    ("results", "overrides", "run", "told"),
    [
        (None, {}, None, GIVEN),
        ("my runs", {}, None, f"{GIVEN} --results 'my runs'"),
        (None, {"budget.stop.at_least": "0.99"}, None, "lal sweep quickstart seeds=3 budget.stop.at_least=0.99 --profile laptop"),
        (None, {"budget.steps": 9}, None, "lal sweep quickstart seeds=3 budget.stop.at_least=0.97 budget.steps=9 --profile laptop"),
        ("r", {}, "x-1", "lal train quickstart seeds=3 budget.stop.at_least=0.97 --profile laptop --results r --run x-1"),
    ],
)
def test_commands(results, overrides, run, told):
    assert command({"command": GIVEN}, results, overrides, run) == told


def test_results_are_named_where_they_are_not_the_usual_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert results_word(str(Path("results").absolute())) is None
    assert results_word(str(tmp_path / "other")) == "other" and results_word("/elsewhere") == "/elsewhere"
