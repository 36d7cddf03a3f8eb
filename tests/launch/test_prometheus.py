"""A real Prometheus scrapes a sweep that runs on two nodes, and is asked for its numbers."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.launch.cli import TINY, started, written
from tests.launch.pool import Pool, free_port, pool
from tests.launch.test_gauges import queries

pytestmark = [pytest.mark.ray, pytest.mark.slow]

EVERY_S = 1
OFTEN = {"RAY_metrics_report_interval_ms": "1000"}  # not every ten seconds


class Prometheus:
    """A server on loopback, asked over its HTTP API."""

    def __init__(self, port: int):
        self.url = f"http://127.0.0.1:{port}"

    def ready(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/-/ready", timeout=5).status == 200
        except OSError:
            return False

    def ask(self, path: str, **words: Any) -> list[dict[str, Any]]:
        """The results of a query, which has to succeed."""
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(words)}", timeout=30) as answer:
            found = json.load(answer)
        assert found["status"] == "success", found
        return found["data"]["result"]

    def now(self, query: str) -> list[dict[str, Any]]:
        """Series of labels and one number each: `{"metric": {...}, "value": number}`."""
        return [{**each, "value": float(each["value"][1])} for each in self.ask("query", query=query)]

    def course(self, query: str, since: float) -> list[float]:
        """The numbers of the one series that there is, in time."""
        (series,) = self.ask("query_range", query=query, start=since, end=time.time(), step=EVERY_S)
        return [float(value) for _, value in series["values"]]


@contextmanager
def prometheus(folder: Path, targets: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes what Ray lists in the file `targets`, until the end."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("prometheus is not installed (Debian: apt-get install prometheus)")
    config = {
        "global": {"scrape_interval": f"{EVERY_S}s"},
        "scrape_configs": [{"job_name": "ray", "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    words = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen([binary, *words], cwd=folder, stdout=said, stderr=said)
    try:
        server = Prometheus(port)
        wait_for(server.ready, lambda: (folder / "said").read_text())
        yield server
    finally:
        process.terminate()
        process.wait(30)


def wait_for(ready: Any, told: Any = lambda: "", within_s: float = 120.0) -> None:
    """Waits until `ready` says so."""
    deadline = time.monotonic() + within_s
    while not ready():
        assert time.monotonic() < deadline, told()
        time.sleep(0.2)


@pytest.fixture
def two_nodes() -> Iterator[Pool]:
    with pool(nodes=2, dashboard=True, env=OFTEN) as up:
        yield up


def test_the_numbers_of_a_sweep_reach_prometheus_from_both_nodes(tmp_path: Path, two_nodes: Pool) -> None:
    sweep = copy.deepcopy(TINY) | {"name": "followed"}
    sweep["base"]["budget"] = {"steps": 3000, "stop": None}
    written(tmp_path, sweep)
    begun = time.time()
    with prometheus(tmp_path, two_nodes.folder / "node0/prom_metrics_service_discovery.json") as server:
        wait_for(lambda: len(server.now('up{job="ray"} == 1')) >= 2)
        driver = started("sweep", "tiny.yaml", "--no-report", "--address", two_nodes.address, cwd=tmp_path, env=OFTEN)
        goals: dict[tuple[str, str], set[str]] = {}  # (axis, value) -> nodes
        pace, unanswered = 0.0, set(queries())
        while driver.poll() is None:
            for each in server.now('ray_lal_goal{sweep="followed", arm="all", column="test_acc"}'):
                goals.setdefault((each["metric"]["axis"], each["metric"]["value"]), set()).add(each["metric"]["instance"])
                assert 0 <= each["value"] <= 1
            pace = max(pace, *(each["value"] for each in server.now('sum by (sweep) (ray_lal_steps_per_second{sweep="followed"})')), 0.0)
            unanswered -= {query for query in unanswered if server.now(query)}
            time.sleep(0.5)
        said = driver.communicate()[0]
        assert driver.returncode == 0, said
        assert {("penalties.compute.weight", "0.0"), ("penalties.compute.weight", "0.1")} <= set(goals)
        assert len(set().union(*goals.values())) == 2
        assert pace > 0
        assert not unanswered  # of the Grafana board
        assert set(server.course('max by (sweep) (ray_lal_runs_planned{sweep="followed"})', begun)) == {4}
        wait_for(lambda: server.course('max by (sweep) (ray_lal_runs_done{sweep="followed"})', begun)[-1] == 4)
        done = server.course('max by (sweep) (ray_lal_runs_done{sweep="followed"})', begun)
        assert done[0] == 0 and done == sorted(done)
        assert max(server.course('max by (sweep) (ray_lal_runs_running{sweep="followed"})', begun)) == 2
        wait_for(lambda: server.now('{__name__=~"ray_lal_.*"}') == [])  # nothing lingers
