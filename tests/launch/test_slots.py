"""How many runs at once, what limits them, what of a GPU is left over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from launch.planning.resources import Node
from launch.planning.slots import Room, share
from tests.launch.cli import TINY, lal, written

BIG, PLAIN = Node("big", {"CPU": 8, "GPU": 2}), Node("plain", {"CPU": 4})


def room(nodes: list[Node], cpu: float = 1, gpu: float = 0) -> Room:
    return Room({"cpu": cpu, **({"gpu": gpu} if gpu else {})}, nodes)


@pytest.mark.parametrize(("nodes", "cpu", "gpu", "slots", "limit"), [
    ([BIG], 1, 0, 8, "cores"),
    ([BIG], 1, 0.25, 8, "cores"),
    ([BIG], 1, 0.5, 4, "GPUs"),
    ([BIG], 1, 0.3, 6, "GPUs"),  # three on each, the rest of neither is of use
    ([BIG], 1, 0.6, 2, "GPUs"),  # not three on the two together: a fraction is of one device
    ([BIG], 1, 0.1, 8, "cores"),
    ([BIG], 1, 1, 2, "GPUs"),
    ([BIG], 1, 2, 1, "GPUs"),
    ([BIG], 3, 0.25, 2, "cores"),
    ([BIG], 0.25, 0, 8, "cores"),  # fractions of a core share it, and are no faster together
    ([BIG], 0.25, 0.1, 20, "GPUs"),  # of a core that only launches work on a GPU, several make use
    ([BIG, PLAIN], 1, 0.5, 4, "GPUs"),  # the second node's cores have no GPU
    ([BIG, PLAIN], 1, 0, 12, "cores"),
    ([Node("odd", {"CPU": 3}), Node("odd", {"CPU": 3})], 2, 0, 2, "cores"),  # one on each, never three on the sum
    ([Node("odd", {"CPU": 1, "GPU": 4}), PLAIN], 1, 1, 1, "cores"),  # its one core, however many cores there are elsewhere
    ([Node("head", {"CPU": 0})], 1, 0, 1, "cores"),  # nodes are yet to come
])  # fmt: skip
def test_slots_are_what_cores_and_gpus_of_each_node_allow(nodes: list[Node], cpu: float, gpu: float, slots: int, limit: str) -> None:
    asked = room(nodes, cpu, gpu)
    assert (asked.slots, asked.limit) == (slots, limit)


@pytest.mark.parametrize(("cpu", "gpu", "said"), [
    (1, 0.3, ["gpu 0.3 puts 3 runs on a GPU and leaves 10% of it unused: resources.gpu=0.3333"]),
    (1, 0.6, ["gpu 0.6 puts 1 run on a GPU and leaves 40% of it unused: resources.gpu=1 "]),
    (1, 2, ["gpu 2: a run trains on one GPU"]),
    (1, 0.05, ["cores allow 8 runs at a time where GPUs would hold 40"]),
    (1, 0.25, []),
    (1, 0.3333, []),
    (1, 0.5, []),
    (1, 0, []),
])  # fmt: skip
def test_what_stays_unused_is_told(cpu: float, gpu: float, said: list[str]) -> None:
    told = list(room([BIG], cpu, gpu).warnings(100))
    assert len(told) == len(said)
    assert all(text.startswith(start) for text, start in zip(told, said, strict=True))


def test_gpus_that_fewer_runs_than_cores_leave_unused_are_no_warning() -> None:
    assert list(room([BIG], 1, 0.05).warnings(8)) == []


@pytest.mark.parametrize("runs", [1, 2, 3, 7, 10, 1000])
def test_a_share_fits_as_often_as_it_says(runs: int) -> None:
    units = round(share(runs) * 10_000)
    assert 10_000 // units == runs


def test_a_plan_says_what_limits_it(tmp_path: Path) -> None:
    name = written(tmp_path, TINY | {"resources": {"cpu": 1, "gpu": 0.4}})
    done = lal("plan", name, "--cpus", "8", "--gpus", "1", cwd=tmp_path)
    assert "4 runs to train, 2 at a time, as GPUs allow: about" in done.stdout, done.stderr
    assert "! gpu 0.4 puts 2 runs on a GPU and leaves 20% of it unused: resources.gpu=0.5" in done.stdout
    facts = json.loads(lal("plan", name, "--cpus", "1", "--gpus", "1", "--json", cwd=tmp_path).stdout)
    assert (facts["slots"], facts["limited_by"], facts["resources"]) == (1, "cores", {"cpu": 1, "gpu": 0.4})
