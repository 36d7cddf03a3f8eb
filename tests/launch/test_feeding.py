"""Runs on their way to workers: every one once, in order, in packs that leave nobody idle; and what becomes of them when workers die."""

from __future__ import annotations

import heapq
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.exceptions import RayActorError, RayTaskError

from lal.claim import Claim
from lal.config import RunConfig, dump, parse, run_id
from lal.errors import Refused, Unreachable
from lal.runs.session import attempt
from lal.store import UNREACHABLE, Failure, Store
from launch.driving.feeding import LOST_TRIES, Feed
from launch.driving.packs import ALONE_S, LONGEST_S, RUN_S, cost, ids_of, job_of, next_pack, opened
from launch.driving.trial import Trial
from tests.launch.cli import TINY


def some(n: int) -> list[RunConfig]:
    """Tiny runs of different seeds."""
    base = TINY["base"] | {"budget": {"steps": 1, "stop": None}}
    return [parse(base | {"seed": seed}) for seed in range(n)]


RUNS = some(64)
IDS = [run_id(config) for config in RUNS]
GONE = RayActorError(error_msg="gone")
durations = st.lists(st.floats(0.001, 40.0), min_size=1, max_size=64)


def feed_of(seconds: Sequence[float], slots: int, store: Store | None = None) -> Feed:
    """Of as many runs as there are `seconds`."""
    return Feed(store or Store("/nowhere"), RUNS[: len(seconds)], dict(zip(IDS, seconds, strict=False)), lambda: slots)


@given(durations, st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_every_run_is_handed_out_once_and_in_order(seconds: list[float], slots: int) -> None:
    feed = feed_of(seconds, slots)
    packs = []
    while (pack := feed.next()) is not None:
        packs.append([run_id(config) for config in pack])
    assert [name for pack in packs for name in pack] == IDS[: len(seconds)]
    assert feed.left_s == pytest.approx(0.0, abs=1e-6)
    expected = dict(zip(IDS, seconds, strict=False))
    for pack in packs:
        together = sum(expected[name] + RUN_S for name in pack)
        assert len(pack) == 1 or (together <= LONGEST_S + 1e-6 and all(expected[name] <= ALONE_S for name in pack))


@given(durations, st.integers(1, 9), st.floats(0.1, 10.0))
@settings(max_examples=60, deadline=None)
def test_no_worker_is_idle_for_longer_than_half_its_share_or_one_run(seconds: list[float], slots: int, wrong: float) -> None:
    """Guesses that are all wrong by the same factor change nothing about that."""
    feed = feed_of([wrong * each for each in seconds], slots)
    true = dict(zip(IDS, (each + RUN_S for each in seconds), strict=False))
    free, last_began = [0.0] * slots, 0.0
    ends = []
    while (pack := feed.next()) is not None:
        last_began = heapq.heappop(free)
        ends.append(last_began + sum(true[run_id(config)] for config in pack))
        heapq.heappush(free, ends[-1])
    longest = max(sum(true.values()) / (2 * slots) * max(1.0, wrong, 1 / wrong), *true.values())
    assert max(ends) - last_began <= longest + 1e-6


def test_packs_shrink_towards_the_end() -> None:
    feed = feed_of([1.0 - RUN_S] * 64, 2)
    sizes = []
    while (pack := feed.next()) is not None:
        sizes.append(len(pack))
    assert sizes == [16, 12, 9, 6, 5, 4, 3, 2, 1, 1, 1, 1, 1, 1, 1]


def test_runs_of_which_nothing_is_known_travel_alone() -> None:
    assert cost(RUNS[0], {}) > ALONE_S
    assert next_pack(RUNS, {}, 1e9, 1) == (RUNS[0],)


def test_where_others_look_at_trials_each_is_one_run() -> None:
    feed = Feed(Store("/nowhere"), RUNS, dict.fromkeys(IDS, 0.01), lambda: 1, schedule={"kind": "asha"})
    assert all(feed.next() == (config,) for config in RUNS)


def test_a_job_is_small_and_says_all(tmp_path: Path) -> None:
    trial = Trial("tiny", Store(tmp_path), {"cpu": 1}, "cpu", marks={IDS[1]: {"arm": "a", "column": "c", "axes": {}}})
    job = job_of(tuple(RUNS), trial, at_most_s=60.0)
    assert ids_of({"job": job}) == IDS
    runs = opened(job)["runs"]
    assert [run["run_id"] for run in runs] == IDS
    assert [parse(run["config"]) for run in runs] == RUNS
    assert runs[1]["marks"] == trial.marks[IDS[1]]
    assert runs[0]["marks"] is None
    assert len(job["runs"]) < 0.1 * sum(len(str(dump(config))) for config in RUNS)


def taken(feed: Feed) -> list[str]:
    """Ids of the next pack."""
    pack = feed.next()
    assert pack is not None
    return [run_id(config) for config in pack]


@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_run_that_kills_its_worker_takes_nobody_along(tmp_path: Path, place: int) -> None:
    """In a pack of eight, first, in the middle, or last. What was finished before is not repeated, even if the worker could not say so any more: a worker
    says of each run that it is over, and waits until that is heard, before it begins the next."""
    store = Store(tmp_path)
    feed = feed_of([1.0 - RUN_S] * 16, 1, store)
    ids = taken(feed)
    assert ids == IDS[:8]
    for config in RUNS[:place]:
        attempt(config, store)
        feed.over(run_id(config))
    for tries in range(1, LOST_TRIES):
        feed.lost(ids, GONE)
        ids = taken(feed)
        assert ids == [IDS[place]], tries
        assert store.run(IDS[place]).failure() is None
    feed.lost(ids, GONE)
    failure = store.run(IDS[place]).failure()
    assert failure is not None
    assert failure.reason == f"the worker died {LOST_TRIES} times"
    rest = []
    while (pack := feed.next()) is not None:
        rest += [run_id(config) for config in pack]
    assert rest == IDS[place + 1 : 16]
    assert not any(store.run(name).failure() for name in rest)


def heard(seconds: Sequence[float], store: Store) -> tuple[Feed, list[tuple[str, str]]]:
    """A feed of one worker, and what it says of runs that are over without a report."""
    ends: list[tuple[str, str]] = []
    feed = Feed(store, RUNS[: len(seconds)], dict(zip(IDS, seconds, strict=False)), lambda: 1, ended=lambda *end: ends.append(end))
    return feed, ends


def test_a_run_that_hung_is_why_its_worker_died_and_the_next_is_not_charged(tmp_path: Path) -> None:
    store = Store(tmp_path)
    feed, ends = heard([1.0] * 4, store)
    ids = taken(feed)
    store.run(ids[0]).fail(Failure(ids[0], "timeout", "it hung", 7))
    feed.lost(ids, GONE)
    assert not feed.losses
    assert store.run(ids[0]).failure() == Failure(ids[0], "timeout", "it hung", 7)
    assert ends == [(ids[0], "timeout")]
    assert taken(feed)[0] == IDS[1]


@pytest.mark.parametrize("late", [False, True])
def test_a_run_that_was_finished_before_its_worker_died_is_finished(tmp_path: Path, late: bool) -> None:
    """Also where a failure was noted of it a moment too late."""
    store = Store(tmp_path)
    feed, ends = heard([1.0] * 4, store)
    ids = taken(feed)
    attempt(RUNS[0], store)
    if late:
        store.run(ids[0]).fail(Failure(ids[0], "timeout", "it hung", 7))
    feed.lost(ids, GONE)
    assert not feed.losses
    assert ends == [(ids[0], "budget")]
    assert taken(feed)[0] == IDS[1]


def test_runs_that_killed_their_workers_are_alone_also_behind_others(tmp_path: Path) -> None:
    """Two of them wait at a time, as there are two workers."""
    feed = Feed(Store(tmp_path), RUNS[:16], dict.fromkeys(IDS, 1.0 - RUN_S), lambda: 2)
    first, second = taken(feed), taken(feed)
    feed.lost(first, GONE)
    feed.lost(second, GONE)
    packs = []
    while feed.waiting:
        packs.append(taken(feed))
    assert all(pack == [name] for name in (first[0], second[0]) for pack in packs if name in pack)
    assert sorted(name for pack in packs for name in pack) == sorted(IDS[:16])


def raised(error: Exception) -> Exception:
    """`error`, as it comes back from a worker."""
    return RayTaskError("train", "Traceback ...", error).as_instanceof_cause()


@pytest.mark.parametrize(("error", "outcome", "reason"), [
    (Refused("a stored run must have the trajectory that is asked for"), "error", "a stored run must"),
    (Unreachable("s3://x cannot be read"), "lost", UNREACHABLE),
    (OSError(5, "Input/output error"), "lost", UNREACHABLE),
])  # fmt: skip
def test_what_a_worker_answers_is_not_asked_again(tmp_path: Path, error: Exception, outcome: str, reason: str) -> None:
    """Where results are out of reach, the run is tried again after a while: see `Chances`."""
    store = Store(tmp_path)
    feed, ends = heard([1.0] * 2, store)
    ids = taken(feed)
    feed.lost(ids, raised(error))
    failure = store.run(ids[0]).failure()
    assert failure is not None
    assert (failure.outcome, failure.reason[: len(reason)]) == (outcome, reason)
    assert ends == [(ids[0], outcome)]
    assert taken(feed) == [IDS[1]]


def test_a_worker_that_died_is_named_with_its_log(tmp_path: Path) -> None:
    feed, _ = heard([1.0], Store(tmp_path))
    folder = feed.store.run(IDS[0])
    assert Claim(folder).taken()
    for _ in range(LOST_TRIES):
        feed.lost(taken(feed), GONE)
    failure = folder.failure()
    assert failure is not None
    assert failure.reason.startswith(f"the worker died {LOST_TRIES} times, last process {os.getpid()} on {socket.gethostname()}")


def test_what_a_worker_had_no_time_to_begin_waits_again(tmp_path: Path) -> None:
    feed = feed_of([1.0 - RUN_S] * 16, 1, Store(tmp_path))
    ids = taken(feed)
    for name in ids[:3]:
        feed.over(name)
    assert feed.in_training(ids) == ids[3]
    feed.returned(ids)
    assert taken(feed)[0] == IDS[3]
    assert not feed.losses


def test_a_feed_is_finished_when_nothing_can_come_back(tmp_path: Path) -> None:
    feed = feed_of([1.0], 2, Store(tmp_path))
    assert not feed.finished
    ids = taken(feed)
    assert feed.next() is None
    assert not feed.finished
    feed.over(ids[0])
    assert feed.finished
