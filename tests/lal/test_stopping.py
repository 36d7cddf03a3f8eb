"""When a run is over: laws over all histories, and that stopping and verdicts agree."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lal.budget import Budget, Futility, Stop, Tail
from lal.events import Goal, Thresholds, generalised
from lal.stopping import End, Stopper, end_of

GOAL, FIT = Goal("test_acc", 0.9), Goal("train_acc", 0.99)
EVERY = st.sampled_from([1, 5, 10])
ACCURACIES = st.lists(st.sampled_from([0.0, 0.5, 0.9, 0.95, 1.0, nan]), min_size=1, max_size=40)
STOPS = st.builds(
    Stop, at_least=st.just(0.9), sustain=st.integers(0, 60), tail=st.builds(Tail, factor=st.sampled_from([0.0, 0.5, 2.0]), min_steps=st.integers(0, 80))
)


def budgets_of(steps):
    """Budgets of `steps` steps; a deadline for memorising lies within them."""
    futility = st.builds(Futility, memorise_by=st.none() | st.integers(1, min(steps, 200)), max_tau=st.none() | st.floats(0.1, 5))
    return st.builds(Budget, steps=st.just(steps), stop=st.none() | STOPS, futility=futility)


BUDGETS = st.integers(1, 500).flatmap(budgets_of)


def history(accuracies, every, fit=1.0):
    return [
        {"step": index * every, "seconds": 0.0, "test_acc": value, "train_acc": fit, "train_loss": 0.1, "tau": index * 0.2}
        for index, value in enumerate(accuracies)
    ]


def stopper(budget, goal=GOAL, fit=FIT):
    return Stopper(budget, goal, fit)


def expected_end(rows, budget):
    """The rules of `Stopper`'s docstring, looked up anew at every row."""
    memorised, ends_at = False, None
    for index, row in enumerate(rows):
        step, met = row["step"], [each["test_acc"] >= 0.9 for each in rows[: index + 1]]
        memorised = memorised or row["train_acc"] >= 0.99
        stretch = index + 1 - next((back for back, ok in enumerate(reversed(met)) if not ok), len(met))
        if ends_at is None and budget.stop and met[-1] and step - rows[stretch]["step"] >= budget.stop.sustain:
            ends_at = step + max(budget.stop.tail.min_steps, round(budget.stop.tail.factor * rows[stretch]["step"]))
        if row["train_loss"] != row["train_loss"]:
            return "diverged", step
        if ends_at is not None and step >= ends_at:
            return "target_reached", step
        late = budget.futility.memorise_by is not None and not memorised and step >= budget.futility.memorise_by
        if late or (budget.futility.max_tau is not None and row["tau"] >= budget.futility.max_tau) or step >= budget.steps:
            return "budget", step
    return None


def outcome(end):
    return None if end is None else (end.outcome, end.step)


@given(ACCURACIES, EVERY, BUDGETS, st.sampled_from([0.5, 1.0]))
def test_the_end_is_what_the_rules_say(accuracies, every, budget, fit):
    rows = history(accuracies, every, fit)
    assert outcome(end_of(rows, stopper(budget))) == expected_end(rows, budget)


@given(ACCURACIES, EVERY, BUDGETS, st.data())
def test_a_resumed_stopper_ends_as_one_that_saw_all(accuracies, every, budget, data):
    rows = history(accuracies, every)
    cut = data.draw(st.integers(0, len(rows)))
    resumed = stopper(budget)
    for row in rows[:cut]:
        resumed.see(row)
    whole = stopper(budget)
    for row in rows:
        whole.see(row)
    for row in rows[cut:]:
        resumed.see(row)
    assert resumed.end == whole.end


@given(ACCURACIES, EVERY, BUDGETS)
def test_an_end_is_final_and_pulses_never_end_a_run(accuracies, every, budget):
    rows = history(accuracies, every)
    quiet, pulsed = stopper(budget), stopper(budget)
    for row in rows:
        before = pulsed.end
        assert pulsed.see({"step": 10**9, "seconds": 1.0}) == before
        assert quiet.see(row) == pulsed.see(row)
        assert before is None or pulsed.end == before


@given(ACCURACIES, EVERY, STOPS, STOPS)
def test_asking_for_more_never_ends_sooner(accuracies, every, less, more):
    assume(more.sustain >= less.sustain and more.tail.min_steps >= less.tail.min_steps and more.tail.factor >= less.tail.factor)
    rows = history(accuracies, every)
    early, late = (end_of(rows, stopper(Budget(steps=10**6, stop=stop))) for stop in (less, more))
    assert late is None or (early is not None and early.step <= late.step)
    higher = end_of(rows, Stopper(Budget(steps=10**6, stop=less), Goal("test_acc", 0.95), FIT))
    assert higher is None or (early is not None and early.step <= higher.step)


@given(ACCURACIES, EVERY, st.integers(0, 60))
def test_stopping_and_events_never_disagree(accuracies, every, sustain):
    """Success without a tail is T_grok held for as many evaluations as `sustain` spans."""
    rows = history(accuracies, every)
    end = end_of(rows, stopper(Budget(steps=10**6, stop=Stop(at_least=0.9, sustain=sustain, tail=Tail(factor=0, min_steps=0)))))
    window = -(-sustain // every) + 1
    time = generalised([row["step"] for row in rows], accuracies, Thresholds(goal=0.9, window=window))
    assert (end is None) == (time is None)
    if end is not None and time is not None:
        assert end.step == time.by + (window - 1) * every
        assert end.outcome == "target_reached"


@given(ACCURACIES, EVERY, STOPS)
def test_a_goal_to_be_under_is_the_mirror_of_one_to_be_over(accuracies, every, stop):
    rows = history(accuracies, every)
    mirrored = [{**row, "test_acc": -row["test_acc"]} for row in rows]
    budget = Budget(steps=10**6, stop=stop)
    over, under = end_of(rows, stopper(budget)), end_of(mirrored, Stopper(budget, Goal("test_acc", -0.9, "min"), FIT))
    assert outcome(over) == outcome(under)


def test_one_crossing_is_no_success_and_a_fall_in_the_tail_takes_none_back():
    budget = Budget(steps=1000, stop=Stop(at_least=0.9, sustain=20, tail=Tail(factor=0, min_steps=30)))
    slingshot = [0, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    end = end_of(history(slingshot, 10), stopper(budget))
    assert end == End("target_reached", "test_acc reached 0.9 and its tail ended at step 90", 90)


def test_the_tail_is_as_long_as_the_way_to_the_first_held_evaluation():
    budget = Budget(steps=1000, stop=Stop(at_least=0.9, sustain=10, tail=Tail(factor=2.0, min_steps=5)))
    end = end_of(history([0, 0, 0, *[1] * 20], 10), stopper(budget))
    assert end is not None
    assert end.step == 40 + 2 * 30


@pytest.mark.parametrize("loss", [nan, inf, -inf])
def test_divergence_comes_first(loss):
    rows = history([1, 1, 1], 10)
    rows[1]["train_loss"] = loss
    end = end_of(rows, stopper(Budget(steps=10, stop=Stop(at_least=0.9, sustain=0, tail=Tail(factor=0, min_steps=10)))))
    assert end is not None
    assert (end.outcome, end.step) == ("diverged", 10)
    assert f"train_loss is {loss} at step 10" in end.reason


@pytest.mark.parametrize(
    ("losses", "step"), [([0.1, 2e5], 10), ([0.1, 0.9e5, 0.2], None), ([2.0, 0.01, 1e5, 3e6], 30), ([0.0, 1.0], None), ([1e8, 1e10], None)]
)
def test_a_loss_that_is_a_million_times_its_first_has_diverged(losses, step):
    rows = [row | {"train_loss": loss} for row, loss in zip(history([0.1] * len(losses), 10), losses, strict=True)]
    end = end_of(rows, stopper(Budget(steps=1000)))
    assert outcome(end) == (None if step is None else ("diverged", step))
    assert end is None or f"train_loss is {losses[-1]:.3g} at step {step}, more than 1e+06 times its first, {losses[0]:.3g}" == end.reason


def test_futility():
    rows = history([0.1] * 10, 10, fit=0.5)
    late = end_of(rows, stopper(Budget(steps=1000, stop=None, futility=Futility(memorise_by=45))))
    assert late == End("budget", "not memorised by step 45", 50)
    assert end_of(history([0.1] * 10, 10), stopper(Budget(steps=1000, stop=None, futility=Futility(memorise_by=45)))) is None
    assert end_of(rows, stopper(Budget(steps=1000, stop=None, futility=Futility(memorise_by=45)), fit=None)) is None
    spent = end_of(rows, stopper(Budget(steps=1000, stop=None, futility=Futility(max_tau=0.9))))
    assert spent is not None
    assert (spent.outcome, spent.step) == ("budget", 50)


def test_budget_is_named_in_words():
    assert end_of(history([0.0] * 4, 500), stopper(Budget(steps=1200, stop=None))) == End("budget", "budget of 1,200 steps used", 1500)


def test_a_deadline_beyond_the_budget_is_refused():
    assert Budget(steps=45, futility=Futility(memorise_by=45)).futility.memorise_by == 45
    with pytest.raises(ValueError, match=r"futility.memorise_by=46 would have no effect: the budget ends before, at steps=45; remove it or write less"):
        Budget(steps=45, futility=Futility(memorise_by=46))
