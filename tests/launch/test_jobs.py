"""Sweeps as jobs: what is sent, what they are called, and one real cluster in token mode, from submit to stop."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lal import environment
from lal.errors import Refused
from lal.store import Store
from launch.planning.resources import Node
from launch.submitting.job_commands import last_line, refuse_impossible, words_of
from launch.submitting.jobs import digest_of, exit_code, lasting_nodes
from launch.submitting.sending import staged
from launch.sweep import load
from tests.launch.cli import TINY, lal, started, tables, written
from tests.launch.pool import BIN, Pool, pool
from tests.launch.test_sweep_on_ray import slow_sweep, wait_until

OPTIONS = {"device": "auto", "reported": True, "pending_timeout": None, "skip_failed": False, "fresh": False}


@pytest.mark.parametrize(
    ("status", "code", "seen"),
    [("SUCCEEDED", 0, 0), ("FAILED", 1, 1), ("FAILED", 2, 2), ("FAILED", -15, 143), ("FAILED", None, 1), ("STOPPED", None, 143), ("SUCCEEDED", None, 0)],
)
def test_exit_codes_are_the_drivers(status: str, code: int | None, seen: int) -> None:
    assert exit_code(status, code) == seen


def answers(kind: str = "node_7dd82f396d4ec77916e352e0", state: str = "ALIVE") -> tuple[str, str]:
    """What a dashboard of Ray 2.60 says of a cluster of two nodes, shortened."""
    status = {"data": {"clusterStatus": {"autoscalerReport": {"nodeTypeMapping": {"7dd82f396d4ec77916e352e0": kind}}}}}
    nodes = [{"raylet": {"nodeName": "a", "resourcesTotal": {"CPU": 2.0, "memory": 1e9}, "state": "ALIVE"}}]
    nodes += [{"raylet": {"nodeName": "b", "resourcesTotal": {"CPU": 1.0, "GPU": 1.0}, "state": state}}]
    return json.dumps(status), json.dumps({"data": {"summary": nodes}})


def test_nodes_are_known_where_no_autoscaler_may_start_others() -> None:
    a, b = Node("a", {"CPU": 2, "GPU": 0}), Node("b", {"CPU": 1, "GPU": 1})
    assert lasting_nodes(*answers()) == [a, b]
    assert lasting_nodes(*answers(state="DEAD")) == [a]
    assert lasting_nodes(*answers(kind="gpu_spot")) is None
    for status, nodes in (("", answers()[1]), ("null", "{}"), (answers()[0], "<html>"), (answers()[0], '{"data": {"summary": []}}')):
        assert lasting_nodes(status, nodes) is None


@pytest.mark.parametrize(
    ("request_", "known", "device", "said"),
    [
        ({"cpu": 2, "gpu": 1, "gpu_if_present": False}, True, "auto", "no node has all of it together"),
        ({"cpu": 64, "gpu": 0, "gpu_if_present": False}, True, "auto", "cpu 64 and the nodes have: a (CPU 2, GPU 0), b (CPU 1, GPU 1)"),
        ({"cpu": 64, "gpu": 0, "gpu_if_present": False}, False, "auto", None),  # a larger node may be started
        ({"cpu": 1, "gpu": 0, "gpu_if_present": False}, False, "cuda", "--device cuda needs a GPU for each run"),
        ({"cpu": 1, "gpu": 1, "gpu_if_present": False}, False, "cpu", "--device cpu leaves GPUs idle"),
        ({"cpu": 1, "gpu": 1, "gpu_if_present": True}, False, "cpu", None),  # there may be none
        ({"cpu": 1, "gpu": 0.5, "gpu_if_present": True}, True, "auto", None),
    ],
)
def test_what_can_never_be_is_refused_before_it_is_sent(request_: dict, known: bool, device: str, said: str | None) -> None:
    nodes = lasting_nodes(*answers()) if known else None
    if said is None:
        return refuse_impossible(request_, nodes, device)
    with pytest.raises(Refused, match=re.escape(said)):
        refuse_impossible(request_, nodes, device)
    return None


def test_the_same_request_has_the_same_digest(tmp_path: Path) -> None:
    path = str(tmp_path / written(tmp_path, TINY))
    words = words_of((), "/results", None, OPTIONS)
    base = digest_of(load(path), words)
    assert digest_of(load(path), words) == base
    changed = [
        digest_of(load(path, overrides=["seeds=3"]), words),
        digest_of(load(path, overrides=["budget.steps=70"]), words),
        digest_of(load(path, overrides=["resources.cpu=0.5"]), words),
        digest_of(load(path), words_of((), "/other", None, OPTIONS)),
        digest_of(load(path), words_of((), "/results", None, {**OPTIONS, "fresh": True})),
    ]
    assert len({base, *changed}) == 6


def test_words_of_a_job_are_those_that_were_typed() -> None:
    assert words_of(("seeds=3",), "/r", "laptop", OPTIONS) == ["seeds=3", "--results", "/r", "--profile", "laptop", "--device", "auto", "--report"]
    more = {"device": "cpu", "reported": False, "pending_timeout": 5.0, "skip_failed": True, "fresh": True}
    assert words_of((), "/r", None, more) == ["--results", "/r", "--device", "cpu", "--no-report", "--pending-timeout", "5.0", "--skip-failed", "--fresh"]


def test_what_is_sent_is_code_and_one_sweep_file(tmp_path: Path) -> None:
    """A base in another file, and text such as 1e-3, arrive as what they mean here."""
    sweep = {**TINY, "base": "shared.yaml", "axes": {"optim.lr": ["1e-3", 0.01]}}
    (tmp_path / "shared.yaml").write_text(yaml.safe_dump(TINY["base"]))
    path = tmp_path / written(tmp_path, sweep)
    there = tmp_path / "there"
    there.mkdir()
    assert staged(load(str(path)), there) == "tiny.yaml"
    assert sorted(each.name for each in there.iterdir()) == ["analysis", "lal", "launch", "sweeps", "tiny.yaml"]
    path.unlink()
    assert [run.seed for run in load(str(there / "tiny.yaml")).runs] == [0, 1, 0, 1]
    assert not list(there.rglob("__pycache__"))
    assert (there / "sweeps/quickstart.yaml").is_file()


def test_sent_code_knows_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "lal/environment.py"))  # no clone around it
    for text, known in ((environment.commit_text("abc", True), ("abc", True)), (environment.commit_text("abc", False), ("abc", False)), ("", (None, None))):
        monkeypatch.setenv(environment.COMMIT_VARIABLE, text)
        assert environment.commit.__wrapped__() == known


def test_the_last_line_says_something() -> None:
    assert last_line("one\ntwo \n\n") == "two"
    assert last_line("") == ""


def test_results_of_a_job_are_where_its_cluster_finds_them(tmp_path: Path) -> None:
    written(tmp_path, TINY)
    done = lal("submit", "tiny.yaml", "--results", "results", cwd=tmp_path)
    assert done.returncode == 2
    assert "must be an absolute path of a folder that all nodes of the cluster see" in done.stderr
    assert f"but got 'results'; write '{tmp_path}/results'" in done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Token mode, with a token of our own."""
    env = {"RAY_AUTH_MODE": "token", "HOME": str(tmp_path_factory.mktemp("home"))}
    subprocess.run([BIN / "ray", "get-auth-token", "--generate"], env={"PATH": str(BIN), **env}, capture_output=True, check=True, timeout=120)
    return env


@pytest.fixture(scope="module")
def head(home: dict[str, str]) -> Iterator[Pool]:
    """A head with two cores and a dashboard."""
    with pool(cpus=2, dashboard=True, env=home) as up:
        yield up


@pytest.mark.slow
@pytest.mark.ray
def test_from_submit_to_a_finished_sweep(tmp_path: Path, head: Pool, home: dict[str, str]) -> None:
    written(tmp_path, TINY)
    results, at = str(tmp_path / "shared"), ("--address", head.dashboard)
    done = lal("submit", "tiny.yaml", "--results", results, "--wait", *at, cwd=tmp_path, env=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4/4 runs finished" in done.stdout
    there = tables(Path(results))
    assert len(there) == 4
    again = lal("submit", "tiny.yaml", "--results", results, "--wait", *at, cwd=tmp_path, env=home)  # it is over: it goes on, and there is nothing to do
    assert again.returncode == 0, again.stdout
    assert "0 trained" in again.stdout
    assert "Submitted 4 runs as job lal-tiny-" in again.stdout
    found = json.loads(lal("status", "--json", *at, cwd=tmp_path, env=home).stdout)
    assert [(job["status"], job["exit_code"], job["attempt"]) for job in found] == [("SUCCEEDED", 0, 1), ("SUCCEEDED", 0, 2)]
    one = json.loads(lal("status", "tiny", "--json", *at, cwd=tmp_path, env=home).stdout)
    assert one["records"] == {"budget": 4}
    if one["commit"] != "unknown":  # this is a clone
        first = found[0]["commit"].removesuffix("+dirty")
        assert {record.environment["commit"] for each in there if (record := Store(results).run(each).record())} == {first}
    assert "runs finished" in lal("logs", "tiny", *at, cwd=tmp_path, env=home).stdout
    token = next(Path(home["HOME"]).rglob("auth_token")).read_text().strip()
    kept = [path for path in (*Path(results).rglob("*"), *head.folder.rglob("*.log"), *head.folder.rglob("*.out")) if path.is_file()]
    assert len(token) > 16
    assert not [path for path in kept if token.encode() in path.read_bytes()]


@pytest.mark.slow
@pytest.mark.ray
def test_twice_detached_stopped(tmp_path: Path, head: Pool, home: dict[str, str]) -> None:
    written(tmp_path, {**slow_sweep(), "name": "long"})
    results, at = str(tmp_path / "shared"), ("--address", head.dashboard)
    asked = ("submit", "tiny.yaml", "budget.steps=1000000", "--no-report", "--results", results, *at)
    waiting = started(*asked, "--wait", cwd=tmp_path, env=home)
    store = Store(results)
    wait_until(lambda: any(store.run(each).has("checkpoint.pt") for each in store.names("runs")), waiting)
    twice = lal(*asked, cwd=tmp_path, env=home)
    assert twice.returncode == 2
    assert "lal logs -f lal-long-" in twice.stderr
    waiting.send_signal(signal.SIGINT)
    said, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "Detached; the sweep goes on." in said
    assert json.loads(lal("status", "long", "--json", *at, cwd=tmp_path, env=home).stdout)["status"] == "RUNNING"
    begun = time.monotonic()
    ended = lal("stop", "long", *at, cwd=tmp_path, env=home)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "lal submit tiny.yaml budget.steps=1000000" in ended.stdout
    assert time.monotonic() - begun < 60
    assert "Interrupted; what runs had saved is kept." in lal("logs", "long", *at, cwd=tmp_path, env=home).stdout
    assert lal("stop", "long", *at, cwd=tmp_path, env=home).returncode == 2


@pytest.mark.slow
@pytest.mark.ray
def test_who_has_no_token_is_told_where_it_is(tmp_path: Path, head: Pool) -> None:
    written(tmp_path, TINY)
    stranger = {"RAY_AUTH_MODE": "token", "HOME": str(tmp_path)}
    for words in (("status", "--address", head.dashboard), ("sweep", "tiny.yaml", "--address", head.address)):
        for env in (stranger, {**stranger, "RAY_AUTH_TOKEN": "0123456789abcdef0123"}, {**stranger, "RAY_AUTH_MODE": "disabled"}):
            done = lal(*words, cwd=tmp_path, env=env)
            assert done.returncode == 2, done.stdout + done.stderr
            assert "`ray get-auth-token` shows it" in done.stderr
