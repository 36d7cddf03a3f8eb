"""A run that is asked for again, with more or less than before, ends as one that was asked for so from the start."""

from __future__ import annotations

from math import gcd

import pytest

from lal.budget import Budget, Stop, Tail
from lal.config import run_id
from lal.runs.session import Interrupted, attempt
from lal.standing import standing
from lal.store import Record, Store
from tests.lal.sessions import BUDGET, GUMBEL, KINDS, assert_same, results, stop_after, untimed, with_budget
from tests.lal.small import run_config
from tests.lal.test_metrics import equal
from tests.lal.walk import Walk

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.mark.parametrize("kept", [{"snapshot_every": 2}, {"save_every": 2}, {"snapshot_every": 6, "save_every": 6}])
def test_what_was_not_kept_is_kept_by_training_again_to_the_same_end(kept, store, tmp_path):
    """Asked for after the run was finished, with both askers served."""
    config = GUMBEL
    attempt(config, store)
    measure = config.measure.model_copy(update=kept)
    asked = config.model_copy(update={"measure": measure})
    words = {"snapshot_every": "snapshots", "save_every": "checkpoints"}
    lacking = " and ".join(f"{words[name]} every {steps} steps" for name, steps in kept.items())
    stands = standing(asked, store)
    assert (stands.state, stands.reason) == ("again", f"its record lacks {lacking}")
    assert isinstance(attempt(asked, store), Record)
    both = {name: gcd(getattr(config.measure, name), getattr(measure, name)) for name in words}
    attempt(config.model_copy(update={"measure": config.measure.model_copy(update=both)}), other := Store(tmp_path / "other"))
    found, expected = results(asked, store), results(asked, other)
    assert found["names"] == expected["names"]
    assert found["record"] == expected["record"]
    assert all(equal(found[each], expected[each]) for each in ("history", "state", "arrays", "kept"))
    assert standing(asked, store).state == standing(config, store).state == "done"


def test_a_run_that_is_extended_has_no_snapshot_of_its_first_end_unless_that_is_due(store):
    at_end = run_config("gated", measure={"eval_every": 2, "metrics": ["accuracy"]}, budget=BUDGET)
    attempt(with_budget(at_end, steps=3), store)
    folder = store.run(run_id(at_end))
    assert (folder.snapshots(), folder.kept()) == ([3], [])
    attempt(at_end, store)
    assert (folder.snapshots(), folder.kept()) == ([8], [])


@KINDS
def test_more_budget_continues_and_equals_one_go(config, store, uninterrupted):
    attempt(with_budget(config, steps=4), store)
    rows = []
    attempt(config, store, report=rows.append)
    assert [row["step"] for row in rows] == [6, 8]
    assert_same(config, store, uninterrupted(config))


@KINDS
def test_less_budget_than_was_saved_ends_there_and_loses_nothing(config, store, uninterrupted):
    with pytest.raises(Interrupted):
        attempt(config, store, **stop_after(4))
    record = attempt(with_budget(config, steps=2), store)
    assert isinstance(record, Record)
    assert (record.outcome, record.steps) == ("budget", 2)
    rows = []
    attempt(config, store, report=rows.append)
    assert [row["step"] for row in rows] == [8]
    assert_same(config, store, uninterrupted(config))


def test_a_higher_target_continues_and_equals_one_go(store, uninterrupted):
    def aimed(at_least):
        stop = Stop(at_least=at_least, sustain=2, tail=Tail(factor=0.5, min_steps=2))
        return Walk(drift=-1.0, seed=3, budget=Budget(steps=200, stop=stop, checkpoint_every_s=1e-9))

    easy = attempt(aimed(-3), store)
    hard = attempt(aimed(-12), store)
    assert isinstance(easy, Record)
    assert isinstance(hard, Record)
    assert easy.outcome == hard.outcome == "target_reached"
    assert easy.steps < hard.steps
    assert_same(aimed(-12), store, uninterrupted(aimed(-12)))


def test_a_record_that_lacks_a_metric_is_trained_again_for_both_askers(store):
    def asking(*metrics):
        return run_config("gated", measure={"eval_every": 2, "metrics": ["accuracy", *metrics]})

    attempt(asking("margin"), store)
    first = store.run(run_id(asking())).history()
    assert isinstance(attempt(asking("weight_norm"), store), Record)
    both = store.run(run_id(asking())).history()
    assert all({"train_margin", "weight_norm"} <= row.keys() for row in both)
    assert [{name: row[name] for name in old if name != "seconds"} for old, row in zip(first, both, strict=True)] == untimed(first)
    for config in (asking("margin"), asking("weight_norm"), asking("margin", "weight_norm"), asking()):
        assert standing(config, store).state == "done"
