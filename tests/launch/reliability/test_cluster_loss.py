"""What a sweep on a cluster loses: a worker, a node, the head. Runs go on from what they had saved; those that are finished are not repeated."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from lal.claim import owner_of
from lal.runs.packing import unpacked
from lal.store import Store
from tests.launch.cli import lal, started, written
from tests.launch.pool import descendants, pool
from tests.launch.reliability.disturbed import LONG, Undisturbed, assert_same, finished, saved, until

pytestmark = [pytest.mark.ray, pytest.mark.slow]
WORDS = ("sweep", "tiny.yaml", "--no-report")


def on_their_way(results: Path, least: int = 400) -> dict[int, str]:
    """The runs that are in training and have saved so many steps, by process."""
    store, found = Store(results), {}
    for name in store.names("runs"):
        owner = owner_of(store.run(name))
        if owner is not None and not store.run(name).record() and step_of(store, name) >= least:
            found[owner["pid"]] = name
    return found


def step_of(store: Store, name: str) -> int:
    """The step that a run has saved."""
    state = unpacked(store.run(name).get_bytes("checkpoint.pt"))
    return -1 if state is None else state["step"]


def kept(results: Path, name: str) -> list[dict]:
    """The rows that a run had when it saved last: it goes on after these."""
    step = step_of(Store(results), name)
    return [row for row in saved(results, name) if row["step"] <= step]


def goes_on_after(results: Path, name: str, rows: list[dict]) -> None:
    """The rows that were saved are still the same, to the second that they took: none was trained again."""
    assert len(rows) > 10
    assert (Store(results).run(name).history() or [])[: len(rows)] == rows


def test_a_worker_that_is_killed_loses_no_saved_step(tmp_path: Path, undisturbed: Undisturbed) -> None:
    written(tmp_path, LONG)
    results = tmp_path / "results"
    process = started(*WORDS, cwd=tmp_path)
    pid, name = next(iter(until(lambda: on_their_way(results), process).items()))
    os.kill(pid, signal.SIGKILL)
    rows = kept(results, name)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    goes_on_after(results, name, rows)
    assert_same(results, undisturbed(LONG))


def test_the_runs_of_a_node_that_dies_go_on_elsewhere_from_what_they_had_saved(tmp_path: Path, undisturbed: Undisturbed) -> None:
    written(tmp_path, LONG)
    results = tmp_path / "results"

    with pool(nodes=2) as up:
        process = started(*WORDS, "--address", up.address, cwd=tmp_path)
        far = up.nodes[1]
        until(lambda: finished(results), process)
        there = until(lambda: [name for pid, name in on_their_way(results).items() if pid in descendants(far.pid)], process)
        name = there[0]
        before = finished(results)
        up.kill(far)
        rows = kept(results, name)
        output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    goes_on_after(results, name, rows)
    assert before.items() <= finished(results).items()
    assert_same(results, undisturbed(LONG))


def test_a_sweep_that_loses_the_head_says_so_and_goes_on_when_it_is_back(tmp_path: Path, undisturbed: Undisturbed) -> None:
    written(tmp_path, LONG)
    results = tmp_path / "results"
    with pool(cpus=2) as up:
        first = started(*WORDS, "--address", up.address, cwd=tmp_path)
        name = next(iter(until(lambda: finished(results) and on_their_way(results), first).values()))
        up.kill(up.nodes[0])
        rows, before = kept(results, name), finished(results)
        output, _ = first.communicate(timeout=180)
        assert first.returncode == 1, output
        assert f"the head of the cluster at {up.address} has not answered for" in output
        assert f"lal sweep tiny.yaml --no-report --address {up.address}" in output
        assert "Traceback" not in output
        up.start(*up.head)
        second = lal(*WORDS, "--address", up.address, cwd=tmp_path)
    assert second.returncode == 0, second.stdout + second.stderr
    goes_on_after(results, name, rows)
    assert before.items() <= finished(results).items()
    assert_same(results, undisturbed(LONG))
