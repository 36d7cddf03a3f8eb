"""What it is called that a run reaches its goal."""

from __future__ import annotations

from dataclasses import replace

from analysis import report
from analysis.collect import collect
from analysis.figures import phase, survival, time_to_goal
from analysis.findings import findings
from analysis.goal_words import GENERALISED, REACHED, goal_words


def test_runs_with_nothing_to_memorise_reach_their_goal_and_have_no_phases(odd_store):
    supervised = collect(odd_store, "quickstart")
    other = replace(supervised, manifest={**supervised.manifest, "fit": None})
    assert "generalised within the budget" in " ".join(findings(supervised))
    told = findings(other)
    told += [member.prepare(other).caption for member in (phase, survival, time_to_goal)]  # type: ignore[union-attr]
    assert any("reached the goal within the budget" in each for each in told) and not any("generalis" in each for each in told)
    assert not any("below the" in each for each in told)  # what is missing to a goal is above it
    assert dict(report.provenance(other))["Phases"] == "" and "Reached the goal" in dict(report.provenance(other))


def test_words_of_ours_are_said_in_other_words_and_longer_words_stay():
    assert goal_words(None) is REACHED and goal_words({"column": "train_acc"}) is GENERALISED
    text = "Runs that generalise or had generalised by a step; one generalises, never generalising; late generalisers"
    assert GENERALISED.say(text) == text
    said = "Runs that reach the goal or had reached the goal by a step; one reaches the goal, never reaching the goal; late generalisers"
    assert REACHED.say(text) == said
