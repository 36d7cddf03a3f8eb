"""What runs ask of machines: refused where no machine can ever hold it, before anything starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lal.errors import Refused
from launch.planning.resources import Node, resources_of, this_machine, visible_gpus
from tests.launch.cli import TINY, lal, written

SMALL, GPUS = Node("small", {"CPU": 4}), Node("gpus", {"CPU": 2, "GPU": 4})


def asked(cpu: float = 1, gpu: float = 0, gpu_if_present: bool = False) -> dict:
    return {"cpu": cpu, "gpu": gpu, "gpu_if_present": gpu_if_present}


@pytest.mark.parametrize(
    ("request_", "nodes", "wanted"),
    [
        (asked(4), [SMALL, GPUS], {"cpu": 4}),
        (asked(1, 0.25), [SMALL, GPUS], {"cpu": 1, "gpu": 0.25}),
        (asked(1, 0.25, True), [SMALL], {"cpu": 1}),
        (asked(1, 0.25, True), [SMALL, GPUS], {"cpu": 1, "gpu": 0.25}),
    ],
)
def test_what_fits_on_a_node_is_asked_for(request_: dict, nodes: list[Node], wanted: dict) -> None:
    assert resources_of(request_, nodes) == wanted


@pytest.mark.parametrize(
    ("request_", "nodes", "said"),
    [
        (asked(5), [SMALL, GPUS], "cpu 5 and the nodes have: small (CPU 4, GPU 0), gpus (CPU 2, GPU 4); write `resources: {cpu: 4}` at most"),
        (asked(1, 1), [SMALL], "cpu 1, gpu 1 and the nodes have: small (CPU 4, GPU 0); write `gpu: 0`, add `gpu_if_present: true`"),
        (asked(1, 8), [SMALL, GPUS], "write `resources: {gpu: 4}` at most"),
        (asked(1, 0.5), [SMALL, SMALL], "cpu 1, gpu 0.5 and the nodes have: small (CPU 4, GPU 0), small (CPU 4, GPU 0); write `gpu: 0`"),
        (asked(1, 1), [Node("half", {"CPU": 4, "GPU": 0.5})] * 2, "write `resources: {gpu: 0.5}` at most"),  # a run is on one device, however many halves
        (asked(4, 0.25, True), [SMALL, GPUS], "no node has all of it together"),
        (asked(4, 1), [SMALL, GPUS], "no node has all of it together"),  # the sum of the nodes would do, but a run is on one
        (asked(), [], "the nodes have: none is there"),
    ],
)
def test_what_fits_nowhere_is_refused_with_the_nodes_named(request_: dict, nodes: list[Node], said: str) -> None:
    with pytest.raises(Refused) as error:
        resources_of(request_, nodes)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("request_", "nodes", "device", "said"),
    [
        (asked(), [GPUS], "cuda", "--device cuda needs a GPU for each run, but a run asks for cpu 1; write resources.gpu=1, or a fraction"),
        (asked(1, 0.5, True), [SMALL], "cuda", "no node has one: leave --device out"),
        (asked(1, 0.5), [GPUS], "cpu", "each run asks for gpu 0.5 and would hold it; write resources.gpu=0, or leave --device out"),
        (asked(1, 0.5, True), [GPUS], "cpu", "write resources.gpu=0 resources.gpu_if_present=false, or"),
    ],
)
def test_devices_and_gpus_that_do_not_go_together_are_refused(request_: dict, nodes: list[Node], device: str, said: str) -> None:
    with pytest.raises(Refused) as error:
        resources_of(request_, nodes, device)
    assert said in str(error.value)


def test_devices_that_go_with_what_is_asked_for() -> None:
    assert resources_of(asked(1, 0.5), [GPUS], "cuda") == resources_of(asked(1, 0.5), [GPUS], "auto") == {"cpu": 1, "gpu": 0.5}
    assert resources_of(asked(1, 0.5, True), [SMALL], "cpu") == {"cpu": 1}


@pytest.mark.parametrize(("variable", "count"), [("", 0), ("-1", 0), ("0", 1), ("0,3", 2), ("NoDevFiles", 0)])
def test_gpus_that_a_variable_hides_do_not_count(variable: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert visible_gpus() == count


def test_gpus_are_counted_by_asking_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if Path("/proc/driver/nvidia/gpus").is_dir():
        pytest.skip("this machine's driver lists its GPUs itself")
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!{sys.executable}\nprint('GPU 0: one (UUID: a)')\nprint('GPU 1: two (UUID: b)')\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == 2
    program.unlink()
    assert visible_gpus() == 0


def test_this_machine_is_what_the_caller_says_it_is() -> None:
    assert this_machine(3, 2) == Node("this machine", {"CPU": 3, "GPU": 2})


def test_a_device_that_the_sweep_does_not_ask_for_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    written(tmp_path, TINY)
    done = lal("sweep", "tiny.yaml", "--device", "cuda", cwd=tmp_path)
    assert done.returncode == 2
    assert "--device cuda needs a GPU for each run" in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("command", ["plan", "sweep"])
def test_plan_and_sweep_refuse_at_once_what_this_machine_cannot_hold(tmp_path: Path, command: str) -> None:
    written(tmp_path, TINY)
    done = lal(command, "tiny.yaml", "resources.cpu=512", cwd=tmp_path)
    assert done.returncode == 2
    assert "cpu 512 and the nodes have: this machine (CPU" in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_plan_may_be_for_another_machine(tmp_path: Path) -> None:
    written(tmp_path, TINY)
    assert lal("plan", "tiny.yaml", "resources.gpu=2", "--gpus", "2", cwd=tmp_path).returncode == 0
