"""What a worker makes of its share: threads, the device, a cap on the GPU's memory, each time anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import torch

from launch.driving.trial import Trial, threads_of
from launch.driving.worker import THREADS, cap_memory, chosen_device, settle


@dataclass
class Recorder:
    """Stands in for torch.cuda, and keeps what it was told."""

    there: bool = True
    told: list[tuple] = field(default_factory=list)

    def is_available(self) -> bool:
        return self.there

    def current_device(self) -> int:
        return 3

    def set_per_process_memory_fraction(self, fraction: float, device: int) -> None:
        self.told.append(("cap", fraction, device))

    def reset_peak_memory_stats(self, device: int) -> None:
        self.told.append(("reset", device))


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What these tests change of this process is undone."""
    for name in THREADS:
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("wanted", "gpu", "there", "device"), [
    ("auto", 0.25, True, "cuda"),
    ("auto", 0.25, False, "cpu"),  # Ray knows of a GPU, but this torch cannot use it
    ("auto", 0, True, "cpu"),  # torch sees one, but it is not ours
    ("cpu", 0, True, "cpu"),
    ("cuda", 1, False, "cuda"),  # no way back: torch will say what is wrong
])  # fmt: skip
def test_the_device_is_the_gpu_that_ray_gave_if_torch_can_use_it(wanted: str, gpu: float, there: bool, device: str) -> None:
    assert chosen_device(wanted, gpu, Recorder(there)) == device


@pytest.mark.parametrize(("gpu", "fraction"), [(0.25, 0.25), (1, 1.0), (2, 1.0)])
def test_memory_is_capped_at_the_fraction_on_the_device_at_hand(gpu: float, fraction: float) -> None:
    cuda = Recorder()
    cap_memory(gpu, cuda)
    assert cuda.told == [("cap", fraction, 3), ("reset", 3)]


def test_a_worker_that_is_used_again_takes_its_new_share(monkeypatch: pytest.MonkeyPatch, untouched: None) -> None:
    cuda = Recorder()
    monkeypatch.setattr(torch, "cuda", cuda)
    for threads, share in ((2, {"cpu": 2.5, "gpu": 0.25}), (1, {"cpu": 0.5, "gpu": 0.5}), (1, {"cpu": 1})):
        device = settle({"threads": threads, "share": share, "device": "auto"})
        assert device == ("cuda" if "gpu" in share else "cpu")
        assert torch.get_num_threads() == threads
        assert {os.environ[name] for name in THREADS} == {str(threads)}
    assert [told[1] for told in cuda.told if told[0] == "cap"] == [0.25, 0.5]


@pytest.mark.parametrize(("cpu", "threads"), [(0.1, 1), (1, 1), (1.9, 1), (2, 2), (16, 16)])
def test_threads_follow_cores(cpu: float, threads: int, store) -> None:
    assert threads_of(cpu) == Trial("name", store, {"cpu": cpu}, "cpu").facts()["threads"] == threads


def test_threads_may_stay_where_cores_are_more(store) -> None:
    """More room for memory is no reason to compute otherwise."""
    assert Trial("name", store, {"cpu": 8}, "cpu", threads=1).facts()["threads"] == 1
