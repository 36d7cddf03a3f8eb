"""`lal sweep` on an embedded Ray, as a person runs it: to its end, killed, interrupted, with runs that fail."""

from __future__ import annotations

import copy
import json
import re
import signal
import time
from pathlib import Path

import pytest

from lal.store import Store
from tests.launch.cli import TINY, lal, started, tables, written

pytestmark = pytest.mark.ray

PLUGIN = """
import ctypes, os, signal, time
from typing import ClassVar, Literal
from lal.models.mlp import Mlp

class Crashing(Mlp):
    kind: Literal["crashing"] = "crashing"
    how: Literal["raise", "memory", "kill", "hang", "hoard"] = "raise"

    def build(self, task, generator):
        if self.how == "raise":
            raise RuntimeError("this network cannot be built")
        if self.how == "memory":
            raise MemoryError
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "hang":
            ctypes.PyDLL(None).sleep(900)  # in native code, and nobody else in the process gets to run
        hoard = []
        for _ in range(32):  # others on the machine may give memory back meanwhile, so it asks for more until it is noticed
            hoard.append(b"x" * 2**28)
            time.sleep(0.2)
        time.sleep(600)
"""


def plugged_in(folder: Path) -> dict[str, str]:
    """The environment in which a package that offers PLUGIN is installed."""
    info = folder / "plugin/crashing-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "plugin/crashing.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crashing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lal.models]\ncrashing = crashing:Crashing\n")
    return {"PYTHONPATH": str(folder / "plugin")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny sweep that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = lal("sweep", written(folder, TINY), "--no-report", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_sweep_trains_every_run_once(undisturbed: Path) -> None:
    store = Store(undisturbed / "results")
    ids = [run["run_id"] for run in store.manifest("tiny")["runs"]]
    assert len(ids) == len(set(ids)) == 4
    assert [store.run(each).record().outcome for each in ids] == ["budget"] * 4
    before = {each: (store.place.root / f"runs/{each}/record.json").stat().st_mtime_ns for each in ids}
    again = lal("sweep", "tiny.yaml", "--no-report", cwd=undisturbed)
    assert again.returncode == 0
    assert "0 trained" in again.stdout
    assert {each: (store.place.root / f"runs/{each}/record.json").stat().st_mtime_ns for each in ids} == before


def test_more_of_a_sweep_trains_only_what_is_missing(undisturbed: Path) -> None:
    before = tables(undisturbed / "results")
    done = lal("sweep", "tiny.yaml", "--no-report", "--json", "seeds=3", cwd=undisturbed)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["planned"], summary["already"], summary["trained"]) == (6, 4, 2)
    after = tables(undisturbed / "results")
    assert {each: after[each] for each in before} == before


def slow_sweep() -> dict:
    """Runs of a second or two, saved often."""
    sweep = copy.deepcopy(TINY)
    sweep["base"]["budget"] = {"steps": 1500, "stop": None, "checkpoint_every_s": 0.2}
    return sweep


def wait_until(ready, process) -> None:
    """Waits for `ready`, for ten minutes at most: this machine may have much else to do. A process that never gets there is ended."""
    deadline = time.monotonic() + 600
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(process.communicate()[0])
        time.sleep(0.02)


@pytest.fixture(scope="module")
def slow_undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The tables of the slower sweep, trained in this process."""
    from lal.runs.session import attempt
    from launch.sweep import load

    folder = tmp_path_factory.mktemp("slow")
    written(folder, slow_sweep())
    store = Store(folder / "results")
    for config in load(str(folder / "tiny.yaml")).configs().values():
        attempt(config, store)
    return tables(store.place.root)


def test_a_killed_sweep_goes_on(tmp_path: Path, slow_undisturbed: dict) -> None:
    written(tmp_path, slow_sweep())
    store = Store(tmp_path / "results")
    first = started("sweep", "tiny.yaml", "--no-report", cwd=tmp_path)
    wait_until(lambda: any(store.run(each).record() for each in store.names("runs")), first)
    first.kill()
    first.communicate()
    finished = {each: (store.place.root / f"runs/{each}/record.json").stat().st_mtime_ns for each in store.names("runs") if store.run(each).record()}
    second = lal("sweep", "tiny.yaml", "--no-report", cwd=tmp_path)
    assert second.returncode == 0, second.stdout + second.stderr
    assert {each: (store.place.root / f"runs/{each}/record.json").stat().st_mtime_ns for each in finished} == finished
    assert tables(store.place.root) == slow_undisturbed


@pytest.mark.parametrize(("signum", "tokens"), [pytest.param(signal.SIGINT, "disabled", marks=pytest.mark.slow), (signal.SIGTERM, "token")])
def test_an_interrupted_sweep_says_how_to_go_on(tmp_path: Path, signum: int, tokens: str) -> None:
    """The second goes through with Ray's token authentication on."""
    written(tmp_path, slow_sweep())
    store = Store(tmp_path / "results")
    env = {"RAY_AUTH_MODE": tokens, "HOME": str(tmp_path)}
    process = started("sweep", "tiny.yaml", "--no-report", "budget.steps=100000", cwd=tmp_path, env=env)
    wait_until(lambda: any(store.run(each).get_bytes("checkpoint.pt") for each in store.names("runs")), process)
    process.send_signal(signum)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 128 + signum, output
    assert "lal sweep tiny.yaml --no-report budget.steps=100000" in output
    assert "Traceback" not in output


@pytest.mark.slow
def test_what_goes_wrong_in_one_run_stays_there(tmp_path: Path) -> None:
    """One worker, which takes four of these runs at once, then fewer: those that kill it, or hang, take none of the others along."""
    env = plugged_in(tmp_path)
    sweep = copy.deepcopy(TINY) | {"axes": {}, "seeds": 1}
    sweep["base"]["budget"]["hang_s"] = 15
    kill, hang, error, memory = ({"base": {"model": {"kind": "crashing", "width": 16, "how": how}}} for how in ("kill", "hang", "raise", "memory"))
    diverging = {"base": {"model": {"kind": "mlp", "activation": "square", "width": 16}, "optim": {"kind": "sgd", "lr": 100.0}}}
    others = {f"width{width}": {"base": {"model": {"kind": "gated", "depth": 2, "width": width}}} for width in (8, 12)}
    sweep["arms"] = {"kill": kill, "well": {}, "diverging": diverging, "hang": hang, **others, "error": error, "memory": memory}
    written(tmp_path, sweep)
    done = lal("sweep", "tiny.yaml", "--no-report", "--json", "--cpus", "1", cwd=tmp_path, env=env)
    assert done.returncode == 1, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert summary["outcomes"] == {"budget": 3, "diverged": 1}
    reasons = {each["outcome"]: each["reason"] for each in summary["failures"]}
    assert sorted(reasons) == ["error", "lost", "out_of_memory", "timeout"]
    assert re.match(r"the worker died 3 times, last process \d+ on .*, which logged to .*/logs/worker-.*\.err$", reasons["lost"])
    assert re.match(r"it hung: no row for \d+ s before its first row, in process \d+ on .*, which logged to .*/logs/worker-.*\.err$", reasons["timeout"])


def test_what_no_machine_here_can_hold_is_refused(tmp_path: Path) -> None:
    written(tmp_path, TINY)
    done = lal("sweep", "tiny.yaml", "resources.cpu=512", cwd=tmp_path)
    assert done.returncode == 2
    assert "cpu 512" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_run_that_is_killed_for_its_memory_says_so(tmp_path: Path) -> None:
    sweep = copy.deepcopy(TINY) | {"axes": {}, "seeds": 1}
    sweep["arms"] = {"well": {}, "hoard": {"base": {"model": {"kind": "crashing", "width": 16, "how": "hoard"}}}}
    written(tmp_path, sweep)
    facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total, free = (int(facts[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    threshold = (total - free + 3 * 2**30) / total  # Ray, its workers and torch fit; the hoard does not
    env = plugged_in(tmp_path) | {"RAY_memory_usage_threshold": f"{threshold:.3f}", "RAY_memory_monitor_refresh_ms": "100"}
    done = lal("sweep", "tiny.yaml", "--no-report", "--json", "--cpus", "2", cwd=tmp_path, env=env)
    summary = json.loads(done.stdout)
    assert done.returncode == 1
    assert [each["outcome"] for each in summary["failures"]] == ["out_of_memory"]
    assert "; tried with cpu 1, then cpu 2; use a machine with more memory" in summary["failures"][0]["reason"]
    assert summary["trained"] == 1
