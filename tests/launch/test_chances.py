"""Which failures are worth another try: of runs that nodes took along, and, once and with more, of runs that were short of memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from lal.config import RunConfig, run_id
from lal.standing import Standing
from lal.store import UNREACHABLE, Failure, Store
from launch import tuner
from launch.driving import chances
from launch.driving.chances import Chances
from launch.driving.time_budget import Deadline
from launch.driving.trial import NODE_LOST, Trial
from launch.planning.resources import Node
from launch.sweep import load
from launch.tuner import KilledForMemory
from tests.launch.cli import TINY, written

OOM = "OutOfMemoryError: CUDA out of memory."
KILLED = "Ray killed the worker to save the machine's memory"
NODES = [Node("small", {"CPU": 2}), Node("large", {"CPU": 8, "GPU": 1})]


@dataclass
class Cluster:
    """Stands in for Ray: notes which runs were trained with what, and fails those that `fails` says."""

    store: Store
    runs: list[RunConfig]
    trial: Trial
    fails: Callable[[int, Trial, int], Failure | None] = lambda index, trial, attempt: None
    calls: list[tuple[list[int], dict, int]] = field(default_factory=list)
    done: set[int] = field(default_factory=set)

    def run_all(self, asked: Sequence[RunConfig], trial: Trial, callback: Any) -> None:
        indices = [self.runs.index(config) for config in asked]
        self.calls.append((indices, dict(trial.resources), trial.facts()["threads"]))
        for index, config in zip(indices, asked, strict=True):
            folder = self.store.run(run_id(config))
            assert folder.failure() is None, "only what is forgiven is tried again"
            failure = self.fails(index, trial, sum(index in call for call, *_ in self.calls))
            if failure is None:
                self.done.add(index)
            else:
                folder.fail(failure)
            if failure is not None and failure.reason == KILLED:
                raise KilledForMemory  # what comes after it goes with Ray

    def train(self, given: Chances, *, free: bool = True) -> list[int]:
        """As the driver does; returns the runs that failed for good."""
        left = self.runs
        for _ in range(20):
            try:
                given.train(left, self.trial, lambda: NODES, lambda wanted: free, None)
                break
            except KilledForMemory:
                left = [config for config in left if not given.over(config)]
        given.conclude(self.trial.resources)
        assert self.done | set(self._failed()) == {0, 1, 2, 3}
        return self._failed()

    def _failed(self) -> list[int]:
        return [index for index, config in enumerate(self.runs) if self.store.run(run_id(config)).failure()]

    def reason(self, index: int) -> str:
        failure = self.store.run(run_id(self.runs[index])).failure()
        assert failure
        return failure.reason


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """One with four runs of a sweep to train, which gets new nodes at once."""
    store = Store(tmp_path / "results")
    runs = list(load(str(tmp_path / written(tmp_path, TINY))).configs().values())
    made = Cluster(store, runs, Trial("tiny", store, {"cpu": 1, "gpu": 0.25}, "auto"))
    monkeypatch.setattr(chances, "BACK_OFF_S", (0.0, 0.0, 0.0))
    monkeypatch.setattr(chances, "standing", lambda config, *where: Standing("done" if runs.index(config) in made.done else "new"))
    monkeypatch.setattr(tuner, "run_all", made.run_all)
    return made


def failing(outcome: str, reason: str, share: dict | None = None, peak: int | None = None) -> Failure:
    """One whose run does not matter."""
    facts = {**({"share": share} if share else {}), **({"peak_mib": peak} if peak else {})}
    return Failure("", outcome, reason, 0, "", facts)


def of(cluster: Cluster, index: int, failure: Failure) -> Failure:
    return Failure(**{**vars(failure), "run_id": run_id(cluster.runs[index])})


@pytest.mark.parametrize(("losses", "calls"), [(0, [4]), (1, [4, 1]), (3, [4, 1, 1, 1]), (9, [4, 1, 1, 1])])
def test_runs_lost_with_their_nodes_are_tried_again(cluster: Cluster, losses: int, calls: list[int]) -> None:
    """The third run loses its node `losses` times; the first loses its worker, which is its own doing."""

    def fails(index: int, trial: Trial, attempt: int) -> Failure | None:
        if index == 0:
            return of(cluster, 0, failing("lost", "the worker died 3 times"))
        return of(cluster, 2, failing("lost", NODE_LOST)) if index == 2 and attempt <= losses else None

    cluster.fails = fails
    assert cluster.train(Chances(cluster.store)) == ([0] if losses <= 3 else [0, 2])
    assert [len(indices) for indices, *_ in cluster.calls] == calls


def short(cluster: Cluster, needs: dict[int, float]) -> None:
    """Runs of `needs` run out of a GPU's memory below that share of it."""

    def fails(index: int, trial: Trial, attempt: int) -> Failure | None:
        share = dict(trial.resources)
        return of(cluster, index, failing("out_of_memory", OOM, share, 3000)) if needs.get(index, 0) > share["gpu"] else None

    cluster.fails = fails


def test_a_run_short_of_the_gpu_s_memory_is_tried_once_with_twice_the_share_after_the_others(cluster: Cluster) -> None:
    short(cluster, {0: 0.5, 1: 0.4, 3: 0.6})
    assert cluster.train(Chances(cluster.store)) == [3]
    assert cluster.calls == [([0, 1, 2, 3], {"cpu": 1, "gpu": 0.25}, 1), ([0, 1, 3], {"cpu": 1, "gpu": 0.5}, 1)]
    said = cluster.reason(3)
    assert said.startswith(f"{OOM}; tried with cpu 1, gpu 0.25, then cpu 1, gpu 0.5; at most 3,000 MiB were in use; write resources.gpu=1, or")


@pytest.mark.parametrize(("gpu", "then"), [(0.75, [0.75, 1.0]), (1.0, [1.0])])
def test_more_than_a_whole_gpu_is_not_asked_for(cluster: Cluster, gpu: float, then: list[float]) -> None:
    cluster.trial = Trial("tiny", cluster.store, {"cpu": 1, "gpu": gpu}, "auto")
    short(cluster, {1: 9.0})
    assert cluster.train(Chances(cluster.store)) == [1]
    assert [share["gpu"] for _, share, _ in cluster.calls] == then
    assert cluster.reason(1).endswith("use a larger GPU, or a smaller model or optim.batch_size")


def test_the_same_command_again_begins_at_the_share_that_was_asked_for(cluster: Cluster) -> None:
    """What runs need is for their author to write down; it does not grow from call to call."""
    short(cluster, {0: 2.0})
    for _ in range(3):
        cluster.store.run(run_id(cluster.runs[0])).forgive()
        cluster.train(Chances(cluster.store))
    assert [share["gpu"] for indices, share, _ in cluster.calls] == [0.25, 0.5] * 3


def test_a_run_short_of_the_machine_s_memory_is_tried_without_neighbours_and_computes_the_same(cluster: Cluster) -> None:
    """Ray ends with each kill; what it takes along goes on."""
    cluster.trial = Trial("tiny", cluster.store, {"cpu": 1}, "auto")
    cluster.fails = lambda index, trial, attempt: of(cluster, index, failing("out_of_memory", KILLED)) if index == 1 else None
    assert cluster.train(Chances(cluster.store)) == [1]
    assert cluster.calls == [([0, 1, 2, 3], {"cpu": 1}, 1), ([2, 3], {"cpu": 1}, 1), ([1], {"cpu": 8}, 1)]
    assert cluster.reason(1) == f"{KILLED}; tried with cpu 1, then cpu 8; use a machine with more memory, or a smaller model or optim.batch_size"


@pytest.mark.parametrize(("cpu", "free"), [(8, True), (1, False)])
def test_where_there_is_no_more_to_be_had_that_is_said_at_once(cluster: Cluster, cpu: float, free: bool) -> None:
    cluster.trial = Trial("tiny", cluster.store, {"cpu": cpu}, "auto")
    cluster.fails = lambda index, trial, attempt: of(cluster, index, failing("out_of_memory", "MemoryError: ", {"cpu": cpu}, 900)) if index == 2 else None
    assert cluster.train(Chances(cluster.store), free=free) == [2]
    assert len(cluster.calls) == 1
    assert cluster.reason(2) == "MemoryError: ; at most 900 MiB were in use; use a machine with more memory, or a smaller model or optim.batch_size"


def test_a_run_lost_with_its_node_before_ray_is_started_anew_is_tried_again(cluster: Cluster) -> None:
    """The first loses its node every time, the second is killed for its memory meanwhile, and takes Ray along."""
    cluster.trial = Trial("tiny", cluster.store, {"cpu": 8}, "auto")

    def fails(index: int, trial: Trial, attempt: int) -> Failure | None:
        if index == 0:
            return of(cluster, 0, failing("lost", NODE_LOST)) if attempt <= 2 else None
        return of(cluster, 1, failing("out_of_memory", KILLED)) if index == 1 else None

    cluster.fails = fails
    assert cluster.train(Chances(cluster.store)) == [1]
    assert [indices for indices, *_ in cluster.calls] == [[0, 1, 2, 3], [2, 3], [0], [0]]


def test_tries_of_a_run_are_counted_over_all_rays_of_a_call(cluster: Cluster) -> None:
    def fails(index: int, trial: Trial, attempt: int) -> Failure | None:
        if index == 0:
            return of(cluster, 0, failing("lost", f"{UNREACHABLE}: s3://x cannot be read"))
        return of(cluster, 1, failing("out_of_memory", KILLED)) if index == 1 else None

    cluster.fails = fails
    assert cluster.train(Chances(cluster.store)) == [0, 1]
    assert sum(0 in indices for indices, *_ in cluster.calls) == 1 + len(chances.BACK_OFF_S)


def test_a_time_budget_leaves_no_time_to_wait_for_nodes(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be tried after the deadline keeps its failure, and nobody sleeps for it."""
    monkeypatch.setattr(chances, "BACK_OFF_S", (1000.0, 1000.0, 1000.0))
    monkeypatch.setattr(chances.time, "sleep", lambda seconds: pytest.fail("slept"))
    cluster.trial = replace(cluster.trial, deadline=Deadline.after(60))
    cluster.fails = lambda index, trial, attempt: of(cluster, index, failing("lost", NODE_LOST))
    assert cluster.train(Chances(cluster.store)) == [0, 1, 2, 3]
    assert len(cluster.calls) == 1


@pytest.mark.parametrize("when", ["before", "while it is waited for room"])
def test_a_time_budget_leaves_no_time_for_a_larger_share(cluster: Cluster, when: str) -> None:
    """The failure says nothing of what would help: it may have been to be had."""
    past = [when == "before"]

    class Sudden(Deadline):
        @property
        def past(self) -> bool:
            return past[0]

    cluster.trial = replace(cluster.trial, deadline=Sudden())
    short(cluster, {0: 0.5})
    given = Chances(cluster.store)

    def free(wanted: Any) -> bool:
        past[0] = True
        return False

    given.train(cluster.runs, cluster.trial, lambda: NODES, free, None)
    assert len(cluster.calls) == 1
    assert cluster.reason(0) == OOM


def test_other_failures_are_the_run_s_own_doing(cluster: Cluster) -> None:
    cluster.fails = lambda index, trial, attempt: of(cluster, index, failing(("error", "timeout")[index % 2], "as the test wants"))
    assert cluster.train(Chances(cluster.store)) == [0, 1, 2, 3]
    assert len(cluster.calls) == 1
