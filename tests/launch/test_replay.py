"""Recorded histories through the real schedulers: exact on histories made by hand."""

from __future__ import annotations

import json

import pytest

from lal.errors import Refused
from lal.events import Goal
from lal.runs.session import attempt
from lal.store import Store
from launch.schedulers.replay import Plateau, Replayed, alone, histories, replayed
from launch.schedulers.scheduling import Asha, Median
from launch.sweep import load, manifest
from tests.launch.cli import TINY, written

GOAL = Goal("test_acc", 0.95)
STEPS = (10, 20, 30, 40)
EARLY = ("early", (0.96, 1.0, 1.0, 1.0), 10)
LATE = ("late", (0.5, 0.5, 0.5, 1.0), 40)
NEVER = ("never", (0.1, 0.1, 0.1, 0.1), None)
ASHA = Asha(accept_late_grok_bias=True, grace=10, reduction=2)  # rungs at 10, 20 and 40


def runs(*made: tuple) -> list[Replayed]:
    return [Replayed(name, list(zip(STEPS, values, strict=True)), grok, 100, {}) for name, values, grok in made]


def test_success_stopping_alone_loses_nobody() -> None:
    found = alone(runs(EARLY, LATE, NEVER))
    assert (found.runs, found.generalised, found.cut, found.lost, found.steps, found.budget) == (3, 2, 0, 0, 120, 300)
    assert found.saved == pytest.approx(0.6)
    assert found.lost_share.value == 0


@pytest.mark.parametrize(
    ("made", "concurrency", "steps", "cut", "lost"),
    [
        ((EARLY, LATE, NEVER), 3, 40 + 10 + 10, 2, 1),  # at the first rung: 0.96 stays, 0.5 is under the median of {0.96}, 0.1 under that of {0.96, 0.5}
        ((EARLY, LATE, NEVER), 1, 40 + 10 + 10, 2, 1),  # one after the other: the same rung
        ((NEVER, LATE, EARLY), 3, 120, 0, 0),  # each is better than all before it
        ((LATE, EARLY), 2, 80, 0, 0),
        ((EARLY, LATE, LATE), 3, 40 + 10 + 10, 2, 2),
    ],
)
def test_asha_cuts_whom_its_rungs_say_in_this_order(made: tuple, concurrency: int, steps: int, cut: int, lost: int) -> None:
    named = [(f"{name}{index}", values, grok) for index, (name, values, grok) in enumerate(made)]
    found = replayed(runs(*named), GOAL, ASHA, concurrency)
    assert (found.steps, found.lost, found.cut) == (steps, lost, cut)


def test_a_run_that_is_cut_after_it_generalised_is_not_lost() -> None:
    best = ("best", (1.0, 1.0, 1.0, 1.0), 10)
    found = replayed(runs(best, EARLY), GOAL, ASHA, 2)
    assert (found.cut, found.lost, found.generalised) == (1, 0, 2)


def test_median_needs_others_to_compare_with() -> None:
    rule = Median(accept_late_grok_bias=True, grace=10, min_runs=2)
    three = [(f"{name}{index}", values, grok) for index, (name, values, grok) in enumerate((EARLY, EARLY, LATE))]
    found = replayed(runs(*three), GOAL, rule, 3)
    assert (found.cut, found.lost, found.steps) == (1, 1, 40 + 40 + 10)  # 0.5 is under the median of {0.96, 0.96} at once
    assert replayed(runs(EARLY, LATE), GOAL, rule, 2).cut == 0


def test_plateaus_come_before_generalising_too() -> None:
    found = replayed(runs(EARLY, LATE, NEVER), GOAL, Plateau(std=0.01, results=3), 3)
    assert (found.cut, found.lost, found.steps) == (2, 1, 40 + 30 + 30)


def test_goals_that_are_to_be_small_are_compared_as_such() -> None:
    goal = Goal("test_loss", 0.1, "min")
    found = replayed(runs(("low", (0.1,) * 4, 10), ("high", (0.9,) * 4, None)), goal, ASHA, 2)
    assert (found.cut, found.steps, found.lost) == (1, 50, 0)


def test_long_histories_are_walked_once() -> None:
    class Counted(list):
        read = 0

        def __getitem__(self, place):
            self.read += 1
            return super().__getitem__(place)

        def __iter__(self):
            raise AssertionError("not again from the beginning")

    rows = Counted((step, 0.5) for step in range(1, 2001))
    replayed([Replayed("long", rows, None, 2000, {})], GOAL, Plateau(std=0.0, results=4000, grace=4000), 1)
    assert rows.read < 5 * len(rows)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("replay")
    sweep = load(str(folder / written(folder, TINY)))
    store = Store(folder / "results")
    store.put_json("sweeps/tiny/manifest.json", manifest(sweep))
    for run in sweep.runs[:3]:
        attempt(run.config, store)
    return store


def test_what_is_not_finished_is_left_out_and_said(trained: Store) -> None:
    found, goal, left = histories(trained, "tiny")
    assert goal.column == "test_acc"
    assert len(found) == 3
    assert len(left) == 1
    assert [run.steps for run in found] == [60] * 3
    assert all(step > 0 for run in found for step, _ in run.rows)


def test_the_command_tells_it_to_scripts(trained: Store, capsys: pytest.CaptureFixture[str]) -> None:
    from lal.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["replay", "tiny", "--scheduler", "asha", "--grace", "10", "--grace", "20", "--results", trained.address, "--json"])
    assert ended.value.code in (0, None)
    said = json.loads(capsys.readouterr().out)
    assert [each["rule"].split(",")[0] for each in said["outcomes"]] == ["success stopping alone", "asha", "asha"]
    assert said["outcomes"][0]["lost_share"] == {"value": None, "low": None, "high": None}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing", "--scheduler", "asha"], "there is no 'nothing'"),
        (["tiny", "--scheduler", "median", "--reduction", "3"], "--reduction has no effect with --scheduler median"),
        (["tiny", "--scheduler", "asha", "--std", "3"], "--std has no effect with --scheduler asha"),
    ],
)
def test_bad_requests_are_refused(trained: Store, words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    from lal.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["replay", *words, "--results", trained.address])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_nothing_finished_is_nothing_to_replay(tmp_path) -> None:
    store = Store(tmp_path)
    store.put_json("sweeps/tiny/manifest.json", manifest(load(str(tmp_path / written(tmp_path, TINY)))))
    with pytest.raises(Refused, match=r"none of tiny .* is; run `lal sweep` first"):
        histories(store, "tiny")
