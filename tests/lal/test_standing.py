"""What is already there of a run that is asked for."""

from __future__ import annotations

import json
from math import gcd

import pytest

from lal.budget import Futility, Stop, Tail
from lal.config import run_id
from lal.errors import Refused
from lal.metrics import METRICS
from lal.runs.session import attempt
from lal.standing import standing
from lal.store import Failure, Record, Store
from tests.lal.small import run_config

DEFAULT = ("default",)
EASY = Stop(at_least=0.01, sustain=2, tail=Tail(factor=0, min_steps=2))


def asking(eval_every=2, metrics=("accuracy",), every=None, **budget):
    """A run that differs from the others in this file by what is asked of it alone."""
    measure = {"eval_every": eval_every, "metrics": list(metrics), "every": every or {}}
    return run_config("gated", measure=measure, budget={"steps": 8, "stop": None, **budget})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with one finished run."""
    store = Store(tmp_path_factory.mktemp("results"))
    assert isinstance(attempt(asking(), store), Record)
    return store


def test_new(store):
    assert standing(asking(), store).state == "new"


DONE = [
    {},
    {"steps": 6},
    {"steps": 1},
    {"checkpoint_every_s": 3.0},
    {"timeout_s": 9.0},
    {"hang_s": 9.0},
    {"futility": Futility(memorise_by=4)},
    {"futility": Futility(max_tau=0.05)},
]


@pytest.mark.parametrize("budget", DONE)
def test_done_with_the_same_or_less(finished, budget):
    found = standing(asking(**budget), finished)
    assert (found.state, found.steps) == ("done", 8)
    assert found.record is not None


@pytest.mark.parametrize("budget", [{"steps": 9}, {"steps": 10**6}, {"steps": 20, "stop": Stop()}, {"steps": 20, "futility": Futility(max_tau=5)}])
def test_continue_with_more(finished, budget):
    found = standing(asking(**budget), finished)
    assert (found.state, found.steps) == ("continue", 8)
    assert "beyond step 8" in found.reason


@pytest.mark.parametrize(("asked", "lacking"), [
    ({"eval_every": 1}, "rows every 1 steps (stored: 2)"), ({"eval_every": 3}, "rows every 3 steps (stored: 2)"),
    ({"metrics": ["accuracy", "margin"]}, "metrics margin"),
    ({"metrics": ["default"]}, f"metrics {', '.join(name for name in asking(metrics=DEFAULT).metrics() if name != 'accuracy')}"),
])  # fmt: skip
def test_again_with_what_was_not_measured(finished, asked, lacking):
    found = standing(asking(**asked), finished)
    assert found.state == "again"
    assert found.reason == f"its record lacks {lacking}"
    assert found.record is not None


def test_a_metric_that_has_gained_a_column_is_measured_again_and_one_that_has_lost_one_is_not(finished, monkeypatch):
    accuracy = type(METRICS["accuracy"])
    columns = METRICS["accuracy"].columns(asking())
    monkeypatch.setattr(accuracy, "columns", lambda self, run: (*columns, "more"))
    assert standing(asking(), finished).reason == "its record lacks metrics accuracy"
    monkeypatch.setattr(accuracy, "columns", lambda self, run: columns[:1])
    assert standing(asking(), finished).state == "done"


def test_a_default_cadence_that_has_changed_is_noticed(store, monkeypatch):
    depth = type(METRICS["functional_depth"])
    asked = asking(metrics=["accuracy", "functional_depth"])
    monkeypatch.setattr(depth, "period", 2)
    attempt(asked, store)
    record = store.run(run_id(asked)).record()
    assert record is not None
    assert record.measure["every"] == {"accuracy": 2, "functional_depth": 4}
    monkeypatch.setattr(depth, "period", 1)
    assert standing(asked, store).reason == "its record lacks metrics functional_depth"
    monkeypatch.setattr(depth, "period", 4)
    assert standing(asked, store).state == "done"


def test_a_record_from_before_columns_were_noted_is_taken_to_have_those_of_today():
    stored = {name: value for name, value in asking().whole_measure().items() if name != "columns"}
    assert asking().lacks(stored) is None
    assert asking().lacks({**stored, "every": {}}) is None
    assert asking().lacks({**stored, "metrics": None}) == "metrics under names that are known today"


def test_rows_that_are_a_multiple_apart_are_there(finished):
    assert standing(asking(eval_every=4), finished).state == "done"


def test_a_higher_target_continues_and_a_lower_one_is_done(store):
    at = {target: EASY.model_copy(update={"at_least": target}) for target in (0.01, 0.005, 1.0)}
    record = attempt(asking(steps=60, stop=at[0.01]), store)
    assert isinstance(record, Record)
    states = {target: standing(asking(steps=60, stop=stop), store).state for target, stop in at.items()}
    assert record.outcome == "target_reached"
    assert states == {0.01: "done", 0.005: "done", 1.0: "continue"}
    assert standing(asking(steps=60, stop=EASY.model_copy(update={"sustain": 50})), store).state == "continue"


def test_a_diverged_run_is_done_whatever_the_budget(store):
    def wild(steps):
        return run_config("mlp-one-layer", {"kind": "sgd", "lr": 1000.0}, budget={"steps": steps, "stop": None})

    assert attempt(wild(100), store).outcome == "diverged"
    assert standing(wild(10**6), store).state == "done"


def test_a_failed_run_goes_on_and_says_how_it_failed(store):
    store.run(run_id(asking())).fail(Failure(run_id(asking()), "out_of_memory", "MemoryError", 3))
    found = standing(asking(), store)
    assert (found.state, found.failed) == ("continue", "out_of_memory")


def test_two_measures_are_merged_and_neither_asker_is_sent_back(store):
    first, second = asking(4, ("accuracy", "margin"), {"margin": 8}), asking(6, ("accuracy", "gates"))
    assert isinstance(attempt(first, store), Record)
    assert standing(second, store).state == "again"
    assert isinstance(attempt(second, store), Record)
    assert [standing(config, store).state for config in (first, second)] == ["done", "done"]
    record = store.run(run_id(first)).record()
    assert record is not None
    assert record.measure["eval_every"] == gcd(4, 6)
    assert set(record.measure["metrics"]) == {"accuracy", "margin", "gates"}


@pytest.mark.parametrize(
    "other", [asking(3), asking(2, DEFAULT), asking(4, ("accuracy", "functional_depth"), {"functional_depth": 8}), asking(2, DEFAULT, {"functional_depth": 6})]
)
@pytest.mark.parametrize("mine", [asking(2), asking(4, DEFAULT), asking(1, ("accuracy", "functional_depth"))])
def test_a_merged_measure_lacks_nothing_to_either(mine, other):
    both = mine.both(other.whole_measure())
    stored = both.whole_measure()
    assert mine.lacks(stored) is other.lacks(stored) is None
    assert both.lacks(stored) is None
    assert run_id(both) == run_id(mine) == run_id(other)


def test_another_trajectory_under_the_same_id_is_refused_with_what_differs(store):
    attempt(asking(), store)
    path = store.place.root / "runs" / run_id(asking()) / "record.json"
    values = json.loads(path.read_text())
    values["trajectory"]["optim"]["lr"] = 0.5
    path.write_text(json.dumps(values))
    with pytest.raises(Refused, match=r"but .* differs \(optim.lr: stored 0.5, asked 0.01\); move that folder away"):
        standing(asking(), store)


def test_a_run_that_is_measured_anew_goes_as_far_as_it_had_gone(store):
    first = run_config("gated", measure={"eval_every": 2, "save_every": 4}, budget={"steps": 20, "stop": None})
    assert isinstance(attempt(first, store), Record)
    asked = run_config("gated", measure={"eval_every": 2, "snapshot_every": 2}, budget={"steps": 6, "stop": None})
    folder = store.run(run_id(asked))
    before = folder.history()
    assert standing(asked, store).state == "again"
    record = attempt(asked, store)
    assert isinstance(record, Record)
    assert (record.steps, record.budget["steps"]) == (20, 20)
    clocks = {"seconds"}
    assert [{key: row[key] for key in row.keys() - clocks} for row in folder.history()] == [{key: row[key] for key in row.keys() - clocks} for row in before]
    assert folder.kept() == [0, 4, 8, 12, 16, 20]
    assert {standing(each, store).state for each in (first, asked)} == {"done"}


def test_a_run_that_is_measured_anew_under_more_budget_goes_on_beyond_what_it_had(store):
    first = run_config("gated", measure={"eval_every": 2}, budget={"steps": 6, "stop": None})
    assert isinstance(attempt(first, store), Record)
    asked = run_config("gated", measure={"eval_every": 2, "snapshot_every": 2}, budget={"steps": 10, "stop": None})
    record = attempt(asked, store)
    assert isinstance(record, Record)
    assert (record.steps, record.budget["steps"]) == (10, 10)
