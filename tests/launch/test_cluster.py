"""`lal sweep --address` on clusters that are there: two nodes, sweeps side by side, no room; what dies is in reliability/."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lal.runs.session import attempt
from lal.store import Store
from launch.sweep import load
from tests.launch.cli import TINY, lal, started, tables, written
from tests.launch.pool import Pool, pool
from tests.launch.test_sweep_on_ray import slow_sweep, wait_until

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Pool]:
    """Two nodes with a core each."""
    with pool(nodes=2) as up:
        yield up


def here(folder: Path, name: str = "tiny.yaml") -> dict:
    """The tables of a sweep that was trained in this process."""
    store = Store(folder / "undisturbed")
    for config in load(str(folder / name)).configs().values():
        attempt(config, store)
    return tables(store.place.root)


def test_a_sweep_uses_a_cluster_and_leaves_it_there(tmp_path: Path, two_nodes: Pool) -> None:
    written(tmp_path, TINY)
    done = lal("sweep", "tiny.yaml", "--no-report", "--address", two_nodes.address, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 at a time" in done.stdout
    assert tables(tmp_path / "results") == here(tmp_path)
    assert not list((tmp_path / "results").glob(".shared*"))
    assert all(node.poll() is None for node in two_nodes.nodes)
    never = lal("sweep", "tiny.yaml", "resources.gpu=2", "--address", two_nodes.address, cwd=tmp_path)
    assert never.returncode == 2
    assert never.stderr.count("(CPU 1, GPU 0)") == 2
    assert "cpu 1, gpu 2" in never.stderr


@pytest.mark.slow
def test_results_that_the_nodes_do_not_share_are_refused(tmp_path: Path, two_nodes: Pool) -> None:
    """This path is another folder for each process that was started elsewhere."""
    written(tmp_path, TINY)
    done = lal("sweep", "tiny.yaml", "--results", "/proc/self/cwd/mine", "--address", two_nodes.address, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "must be one place for all 2 nodes" in done.stderr
    assert [each for each in (tmp_path / "mine").rglob("*") if each.is_file()] == []


@pytest.mark.slow
def test_two_sweeps_share_a_cluster_and_runs(tmp_path: Path, two_nodes: Pool) -> None:
    written(tmp_path, slow_sweep())
    other = {**slow_sweep(), "name": "other", "seeds": 3}
    written(tmp_path, other, "other.yaml")
    both = [started("sweep", name, "--no-report", "--address", two_nodes.address, cwd=tmp_path) for name in ("tiny.yaml", "other.yaml")]
    said = [process.communicate(timeout=600)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert tables(tmp_path / "results") == here(tmp_path, "other.yaml")


@pytest.mark.slow
def test_a_sweep_waits_for_room_and_then_says_so(tmp_path: Path, two_nodes: Pool) -> None:
    written(tmp_path, slow_sweep())
    store = Store(tmp_path / "results")
    first = started("sweep", "tiny.yaml", "--no-report", "budget.steps=1000000", "--address", two_nodes.address, cwd=tmp_path)
    wait_until(lambda: sum(store.run(each).has("checkpoint.pt") for each in store.names("runs")) == 2, first)
    written(tmp_path, {**copy.deepcopy(TINY), "name": "late"}, "late.yaml")
    late = lal("sweep", "late.yaml", "seeds=[7]", "--no-report", "--address", two_nodes.address, "--pending-timeout", "2", cwd=tmp_path)
    begun = time.monotonic()
    first.terminate()
    output, _ = first.communicate(timeout=60)
    assert late.returncode == 1, late.stdout + late.stderr
    assert "no node had cpu 1 free within 2 s" in late.stdout
    assert first.returncode == 143, output
    assert time.monotonic() - begun < 60
