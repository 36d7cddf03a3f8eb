"""GPUs that Ray only believes in, on a machine without any: what workers are given, see, and get when it was too little.

What a real GPU alone can show is listed in docs/gpus.md.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lal.store import Store
from tests.launch.cli import TINY, lal, written
from tests.launch.pool import pool

pytestmark = pytest.mark.ray

PLUGIN = """
import json, os
from pathlib import Path
from typing import Literal
from lal.models.mlp import Mlp

class Hungry(Mlp):
    kind: Literal["hungry"] = "hungry"
    needs: float = 0.0

    def build(self, task, generator):
        import ray, torch
        share = ray.get_runtime_context().get_assigned_resources()
        names = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        seen = {"needs": self.needs, "share": share, "threads": torch.get_num_threads(), **{name: os.environ.get(name) for name in names}}
        with Path(os.environ["SEEN"]).open("a") as file:
            file.write(json.dumps(seen) + chr(10))
        if share.get("GPU", 0) < self.needs:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().build(task, generator)
"""


def hungry(folder: Path, needs: list[float], resources: dict[str, Any]) -> dict[str, str]:
    """Writes a sweep of runs that run out of memory with less of a GPU than they need; returns the environment that has such a model."""
    info = folder / "plugin/hungry-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "plugin/hungry.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hungry\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lal.models]\nhungry = hungry:Hungry\n")
    sweep = copy.deepcopy(TINY) | {"axes": {"model.needs": needs}, "seeds": 1, "resources": resources}
    sweep["base"]["model"] = {"kind": "hungry", "width": 16}
    written(folder, sweep)
    return {"PYTHONPATH": str(folder / "plugin"), "SEEN": str(folder / "seen")}


def seen(folder: Path) -> list[dict[str, Any]]:
    """What each network saw that was built, in order."""
    return [json.loads(line) for line in (folder / "seen").read_text().splitlines()]


@pytest.mark.slow
def test_fractions_of_a_gpu_are_handed_out_and_one_that_is_too_small_is_doubled_once(tmp_path: Path) -> None:
    env = hungry(tmp_path, [0.25, 0.5, 0.9], {"cpu": 1, "gpu": 0.25})
    done = lal("sweep", "tiny.yaml", "--no-report", "--json", "--gpus", "1", cwd=tmp_path, env=env)
    assert done.returncode == 1, done.stdout + done.stderr
    built = seen(tmp_path)
    assert sorted((each["needs"], each["share"]["GPU"]) for each in built) == [(0.25, 0.25), (0.5, 0.25), (0.5, 0.5), (0.9, 0.25), (0.9, 0.5)]
    assert {(each["CUDA_VISIBLE_DEVICES"], each["threads"]) for each in built} == {("0", 1)}
    assert [each["share"]["GPU"] for each in built] == sorted(each["share"]["GPU"] for each in built), "larger shares come after the others"
    store, summary = Store(tmp_path / "results"), json.loads(done.stdout)
    records = [record for each in store.names("runs") if (record := store.run(each).record())]
    assert sorted((each.environment["share"]["gpu"], each.environment["device"]) for each in records) == [(0.25, "cpu"), (0.5, "cpu")]
    (failure,) = summary["failures"]
    assert failure["outcome"] == "out_of_memory" and failure["environment"]["share"] == {"cpu": 1.0, "gpu": 0.5}
    assert "tried with cpu 1, gpu 0.25, then cpu 1, gpu 0.5; at most" in failure["reason"]
    assert "MiB were in use; write resources.gpu=1, or a smaller model" in failure["reason"]


@pytest.mark.slow
def test_a_run_without_a_share_of_a_gpu_sees_none_and_has_its_threads(tmp_path: Path) -> None:
    env = hungry(tmp_path, [0.0], {"cpu": 2})
    done = lal("sweep", "tiny.yaml", "--no-report", "--cpus", "2", "--gpus", "1", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    (only,) = seen(tmp_path)
    assert (only["CUDA_VISIBLE_DEVICES"], only["threads"], only["OMP_NUM_THREADS"], only["MKL_NUM_THREADS"]) == ("", 2, "2", "2")


@pytest.mark.slow
@pytest.mark.skipif(torch.version.cuda is not None, reason="this torch can use GPUs")
def test_a_torch_that_cannot_use_the_gpu_is_refused_where_it_must(tmp_path: Path) -> None:
    written(tmp_path, TINY)
    done = lal("sweep", "tiny.yaml", "resources.gpu=1", "--gpus", "1", "--device", "cuda", cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "built without CUDA; install torch with CUDA there, or leave --device out" in done.stderr
    assert not (tmp_path / "results/runs").exists()


@pytest.mark.slow
def test_a_gpu_on_one_node_and_cores_on_another_are_not_one_node_with_both(tmp_path: Path) -> None:
    written(tmp_path, TINY | {"resources": {"cpu": 1, "gpu": 0.5, "gpu_if_present": True}})
    with pool(cpus=2, dashboard=True) as up:
        up.start(f"--address={up.address}", "--num-cpus=1", "--num-gpus=1")
        at = ("--no-report", "--address", up.address)
        never = lal("sweep", "tiny.yaml", "resources.cpu=2", *at, cwd=tmp_path)
        assert never.returncode == 2, never.stdout
        assert "(CPU 2, GPU 0)" in never.stderr and "(CPU 1, GPU 1)" in never.stderr and "no node has all of it together" in never.stderr
        sent = ("submit", "tiny.yaml", "resources.cpu=2", "--results", str(tmp_path / "results"), "--address", up.dashboard)
        not_sent = lal(*sent, cwd=tmp_path)
        assert not_sent.returncode == 2 and "no node has all of it together" in not_sent.stderr, not_sent.stdout + not_sent.stderr
        done = lal("sweep", "tiny.yaml", *at, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "4 runs to train, 1 at a time, as cores allow" in done.stdout
    store = Store(tmp_path / "results")
    assert [record.environment["share"] for each in store.names("runs") if (record := store.run(each).record())] == [{"cpu": 1.0, "gpu": 0.5}] * 4
