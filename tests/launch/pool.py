"""Ray clusters as a person starts them: `ray start`, in processes of our own, on free ports, in folders of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.launch.cli import environment

BIN = Path(sys.executable).parent
QUICK_TO_NOTICE = {"RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "3", "RAY_health_check_initial_delay_ms": "500"}
START_S = 180.0


@dataclass
class Pool:
    """A cluster of several nodes on this machine.

    Attributes:
        address: HOST:PORT of its head.   dashboard: http://..., or empty.   folder: of Ray's own files.
        head: how its head is started, once more if need be.   nodes: processes of `ray start`, the head first.
    """

    address: str
    dashboard: str
    folder: Path
    env: dict[str, str]
    head: tuple[str, ...] = ()
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Starts one node and waits until it is up."""
        place = self.folder / f"node{len(self.nodes)}"
        place.mkdir()
        log = place / "said"
        common = [
            "--block",
            f"--dashboard-agent-listen-port={free_port()}",
            f"--temp-dir={place}",
            "--min-worker-port=0",
            "--max-worker-port=0",
            f"--object-store-memory={128 * 2**20}",
        ]
        with log.open("wb") as out:
            command = [str(BIN / "ray"), "start", *words, *common]
            node = subprocess.Popen(command, cwd=place, env=self.env, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
        self.nodes.append(node)
        deadline = time.monotonic() + START_S
        while b"Ray runtime started" not in log.read_bytes():
            if node.poll() is not None or time.monotonic() > deadline:
                pytest.fail(log.read_text())
            time.sleep(0.1)
        return node

    def add(self, cpus: int = 1) -> subprocess.Popen[bytes]:
        """One more node."""
        return self.start(f"--address={self.address}", f"--num-cpus={cpus}")

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """The node goes without a word, as a machine does."""
        for pid in (*descendants(node.pid), node.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        node.wait(30)


def descendants(pid: int) -> list[int]:
    """Processes below `pid`, the nearest first."""
    below = [int(each) for path in Path(f"/proc/{pid}/task").glob("*/children") for each in path.read_text().split()]
    return [*below, *(each for child in below for each in descendants(child))]


@contextmanager
def pool(*, cpus: int = 1, nodes: int = 1, dashboard: bool = False, env: dict[str, str] | None = None) -> Iterator[Pool]:
    """A cluster of `nodes` nodes with `cpus` each, until the end."""
    with tempfile.TemporaryDirectory(prefix="lal-pool-", ignore_cleanup_errors=True) as folder:  # short: sockets have their names in it
        port, board = free_port(), free_port()
        more = {"RAY_USAGE_STATS_ENABLED": "0", "PATH": f"{BIN}:{os.environ['PATH']}", **QUICK_TO_NOTICE, **(env or {})}
        full = environment(more)
        full.pop("PYTHONPATH")  # a cluster knows nothing of our code
        up = Pool(f"127.0.0.1:{port}", f"http://127.0.0.1:{board}" if dashboard else "", Path(folder), full)
        shown = [f"--include-dashboard={str(dashboard).lower()}", "--dashboard-host=127.0.0.1", f"--dashboard-port={board}"]
        try:
            up.head = ("--head", f"--port={port}", f"--num-cpus={cpus}", f"--ray-client-server-port={free_port()}", *shown)
            up.start(*up.head)
            for _ in range(nodes - 1):
                up.add(cpus)
            yield up
        finally:
            for node in reversed(up.nodes):
                if node.poll() is None:
                    up.kill(node)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        return here.getsockname()[1]
