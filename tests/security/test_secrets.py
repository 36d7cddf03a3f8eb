"""What gives access is neither stored, nor shown, nor sent along; what is written is as open as its folder, and no more; the dashboard is on loopback."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.dashboard.consts import DASHBOARD_METRIC_PORT

from lal.errors import Refused
from lal.store import Store
from launch.cluster import SETTINGS, scratch
from launch.following.gauges import GAUGES
from launch.following.marks import label
from launch.submitting.jobs import Jobs
from launch.submitting.sending import environment_variables
from launch.sweep import load
from tests.launch.cli import TINY, lal, started, written
from tests.launch.pool import descendants, pool
from tests.launch.test_sweep_on_ray import slow_sweep, wait_until
from tests.security.folders import finished, ran

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-do-not-tell"
TOKEN = "c0ffee" * 10 + "beef"  # 64 hexadecimal digits, as Ray's are

STORAGES = [
    f"postgresql://me:{SECRET}@db/studies",
    f"postgresql://:{SECRET}@db/studies",
    f"mysql+pymysql://me:{SECRET}@db:3306/x?charset=utf8",
    f"postgresql://db/x?user=me&password={SECRET}",
    f"mysql://db/x?passwd={SECRET}",
]


def searching(**search: Any) -> dict[str, Any]:
    return {**TINY, "axes": {"optim.lr": [0.01, 0.02]}, "search": {"kind": "optuna", "points": 2, "objectives": {"maximise": {"test_acc": "end"}}, **search}}


@pytest.mark.parametrize("url", STORAGES)
def test_passwords_of_studies_are_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    written(tmp_path, searching(storage=url))
    code, said = ran("plan", str(tmp_path / "tiny.yaml"), "--results", str(tmp_path / "results"))
    assert code == 2 and "must be without a password" in said and SECRET not in said
    written(tmp_path, searching(storage="postgresql://me@db/studies"))
    assert load(str(tmp_path / "tiny.yaml")).sweep.search


@pytest.mark.parametrize("uri", [f"s3://me:{SECRET}@bucket/x", f"s3://bucket/x?secret_key={SECRET}", f"gs://me:{SECRET}@bucket/x"])
def test_passwords_of_results_are_refused_and_not_repeated(tmp_path: Path, uri: str) -> None:
    path = str(tmp_path / written(tmp_path, TINY))
    for words in (["plan", path], ["show", "tiny"], ["sweep", path], ["submit", path], ["report", "tiny"]):
        code, said = ran(*words, "--results", uri)
        assert code == 2 and "no credentials" in said and SECRET not in said, (words, said)


def test_passwords_of_dashboards_are_refused_and_not_repeated() -> None:
    with pytest.raises(Refused, match="without user and password") as refusal:
        Jobs(f"http://me:{SECRET}@127.0.0.1:8265")
    assert SECRET not in str(refusal.value)


def test_no_token_is_sent_with_a_job_or_to_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What workers get is named here, value by value; the environment is not passed on."""
    for name in ("RAY_AUTH_TOKEN", "AWS_SECRET_ACCESS_KEY", "WANDB_API_KEY"):
        monkeypatch.setenv(name, TOKEN)
    told = SETTINGS | environment_variables()
    assert TOKEN not in json.dumps(told)
    assert not [name for name in told if re.search("TOKEN|SECRET|KEY|PASSWORD|AUTH", name)]


@pytest.mark.parametrize("text", ['x"} 1\nowned 1', "a\\b", "é", "\x1b[31m", "", "{}", "x" * 500, "a\nb"], ids=ascii)
def test_labels_of_gauges_are_plain_text(text: str) -> None:
    """They reach Prometheus through its own client, which quotes them; none is long, none breaks a line, none is empty."""
    told = label(text)
    assert told.isascii() and told.isprintable() and 0 < len(told) <= 60
    assert all(re.fullmatch(r"[a-z_]+", name) for name in (*GAUGES, *(each for _, labels in GAUGES.values() for each in labels)))


@pytest.fixture
def umask() -> Iterator[None]:
    """A group that shares its results."""
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_results_are_as_open_as_their_owner_says(tmp_path: Path) -> None:
    """By the umask, as other programs' files are: a group may read what is to be shared. Nothing is executable."""
    (run_id, *_) = finished(tmp_path)
    assert ran("report", run_id, "--no-png", "--results", str(tmp_path / "results"))[0] == 0
    store = Store(tmp_path / "results")
    assert store.create(f"runs/{run_id}/claim.json", b"{}")
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "results").rglob("*")}
    assert len(found) > 20
    assert {mode for path, mode in found.items() if path.is_file()} == {0o640}
    assert {mode for path, mode in found.items() if path.is_dir()} == {0o750}


@pytest.mark.usefixtures("umask")
def test_temporary_folders_are_private() -> None:
    folder = Path(scratch())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.rmdir()


HEADS = [path for pattern in ("*.md", "docs/*.md", "*.yaml", "launch/*.yaml", "Makefile") for path in ROOT.glob(pattern)]


@pytest.mark.parametrize("path", HEADS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_head_that_is_shown_keeps_its_dashboard_to_itself(path: Path) -> None:
    """Lines that start a head, as people copy them."""
    for line in re.findall(r"^(?:.*[`\s-])?(ray start [^`\n]*--head[^`\n]*)", path.read_text(), re.MULTILINE):
        if re.search(r"--(port|block|num-cpus|dashboard|autoscaling)", line):
            assert "--dashboard-host=127.0.0.1" in line or "--include-dashboard=false" in line, line


def listening(pids: set[int]) -> set[tuple[str, int]]:
    """Addresses and ports that these processes listen on: from /proc, where a socket has an inode and a state."""
    inodes = set()
    for pid in pids:
        for each in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                found = re.fullmatch(r"socket:\[(\d+)\]", str(each.readlink()))
            except OSError:
                continue
            inodes |= {found[1]} if found else set()
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    at = [line[1].split(":") for line in lines if line[3] == "0A" and line[9] in inodes]
    return {(address(digits), int(port, 16)) for digits, port in at}


def address(digits: str) -> str:
    """An address of /proc/net: words of four bytes, each in this machine's order."""
    words = [bytes.fromhex(digits[start : start + 8])[::-1] for start in range(0, len(digits), 8)]
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))


@pytest.mark.slow
@pytest.mark.ray
def test_the_dashboard_of_a_sweep_listens_on_loopback_alone(tmp_path: Path) -> None:
    """Ray's other servers listen on every interface, whatever they are told; they are kept by its token, which is on unless a person turns it off.
    So does the one that tells Prometheus how the dashboard's own process fares, on a port of its own, a moment after the dashboard."""
    written(tmp_path, slow_sweep())
    sweep = started("sweep", "tiny.yaml", "--dashboard", "--no-report", "--cpus", "1", cwd=tmp_path)
    try:
        wait_until(lambda: list((tmp_path / "results/runs").glob("*/claim.json")), sweep)
        boards = {pid for pid in descendants(sweep.pid) if b"dashboard/dashboard.py" in Path(f"/proc/{pid}/cmdline").read_bytes()}
        found = {at for at, port in listening({each for pid in boards for each in (pid, *descendants(pid))}) if port != DASHBOARD_METRIC_PORT}
    finally:
        sweep.terminate()
        sweep.communicate(timeout=60)
    assert boards and found, "there is a dashboard, and it listens"
    assert found <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


STRANGER = """
import grpc, ray
from launch.cluster import Reach, connected
from ray.core.generated import gcs_service_pb2 as asked, gcs_service_pb2_grpc as asking
with connected(Reach(cpus=1)):
    stub = asking.NodeInfoGcsServiceStub(grpc.insecure_channel(ray.get_runtime_context().gcs_address))
    try:
        stub.GetAllNodeInfo(asked.GetAllNodeInfoRequest(), timeout=10)
    except grpc.RpcError as error:
        print(error.code().name)
"""


@pytest.mark.slow
@pytest.mark.ray
def test_a_ray_of_our_own_answers_no_stranger(tmp_path: Path) -> None:
    """Who has no token is refused, as long as nobody turned tokens off; the token is its owner's alone."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", STRANGER], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout == "UNAUTHENTICATED\n", done.stderr
    assert stat.S_IMODE((tmp_path / ".ray/auth_token").stat().st_mode) == 0o600


@pytest.mark.slow
@pytest.mark.ray
def test_the_token_of_a_cluster_is_nowhere(tmp_path: Path) -> None:
    """In no file of results, jobs, drivers and workers, in nothing that commands say, in no command line."""
    kept = tmp_path / "token"
    kept.write_text(TOKEN)
    kept.chmod(0o600)
    env = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(kept)}
    work = tmp_path / "work"
    work.mkdir()
    written(work, TINY)
    results, said = str(tmp_path / "results"), ""
    with pool(cpus=1, dashboard=True, env=env) as head:
        at = ("--address", head.dashboard)
        for words in (
            ("submit", "tiny.yaml", "--results", results, "--wait", *at),
            ("status", "tiny", *at),
            ("status", "--json", *at),
            ("logs", "tiny", *at),
            ("sweep", "tiny.yaml", "seeds=3", "--results", results, "--address", head.address),
            ("doctor", "--results", results),
            ("show", "tiny", "--results", results),
        ):
            done = lal(*words, cwd=work, env=env)
            assert done.returncode == 0, (words, done.stdout, done.stderr)
            said += done.stdout + done.stderr
        processes = [pid for node in head.nodes for pid in (node.pid, *descendants(node.pid))]
        said += "".join(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace") for pid in processes if Path(f"/proc/{pid}/cmdline").exists())
        files = [path for folder in (head.folder, Path(results), work) for path in folder.rglob("*") if path.is_file()]
        holding = [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert "4/4 runs finished" in said or "4 were there" in said
    assert len(files) > 50
    assert TOKEN not in said
    assert holding == []
    wrong = lal("status", *at, cwd=work, env={**env, "RAY_AUTH_TOKEN_PATH": str(tmp_path / "none")})
    assert wrong.returncode == 2 and TOKEN not in wrong.stderr


def test_git_ignores_nothing_that_is_secret() -> None:
    """No key or token is in what is published."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in names if re.search(r"(\.pem|\.key|id_rsa|credentials|\.env|auth_token)$", name)]
