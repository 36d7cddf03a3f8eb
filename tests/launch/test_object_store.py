"""A sweep whose results are on an object store, from planning it to its report."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lal.cli import lal as front_door
from lal.errors import Refused
from lal.runs.session import attempt
from lal.store import Store
from launch.driving.preflight import sees
from launch.sweep import load
from tests.launch.cli import TINY, content, lal, started, written
from tests.launch.pool import pool
from tests.launch.test_sweep_on_ray import slow_sweep, wait_until
from tests.object_store import ObjectStore


def tables(store: Store) -> dict:
    """What the runs of a results folder hold, times aside."""
    return {run_id: content(store, run_id) for run_id in store.names("runs")}


def here(folder: Path, name: str = "tiny.yaml") -> dict:
    """The tables of a sweep that was trained in this process, on a disk."""
    store = Store(folder / "undisturbed")
    for config in load(str(folder / name)).configs().values():
        attempt(config, store)
    return tables(store)


def said(*words: str) -> Result:
    """What the command line says, in this process."""
    return CliRunner().invoke(front_door, [*words], obj=None, standalone_mode=False, catch_exceptions=False)


def test_every_command_that_reads_or_writes_results_takes_a_uri(
    tmp_path: Path, remote: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {**TINY, "axes": {}, "seeds": 1})
    at = ("--results", remote.address)
    assert json.loads(said("plan", "tiny.yaml", *at, "--json").stdout)["new"] == 1
    trained = said("train", "tiny.yaml", *at)
    (run_id,) = remote.names("runs")
    assert remote.where(f"runs/{run_id}") in trained.stdout.replace("\n", "")
    assert json.loads(said("plan", "tiny.yaml", *at, "--json").stdout)["done"] == 1
    found = json.loads(said("show", run_id[:6], *at, "--json").stdout)
    assert (found["record"]["outcome"], found["folder"]) == ("budget", remote.where(f"runs/{run_id}"))
    measured = json.loads(said("measure", run_id, "--metric", "weight_norm", *at, "--json").stdout)
    assert (measured["values"], measured["failures"]) == (1, {})
    page = json.loads(said("report", run_id, *at, "--no-png", "--json").stdout)
    assert page["report"] == remote.where(f"runs/{run_id}/report.html")
    uri = remote.address.replace("?", f"/runs/{run_id}?")
    assert json.loads(said("report", uri, "--no-png", "--json").stdout) == page
    assert b"results?" not in (remote.get(f"runs/{run_id}/report.html") or b"")
    checks = {each["name"]: each for each in json.loads(said("doctor", *at, "--json").stdout)}
    assert checks["results folder"]["found"] == remote.where()
    assert not list(tmp_path.glob("results")) and not list(tmp_path.glob("s3*"))


@pytest.mark.parametrize(
    "words", [("plan", "tiny.yaml"), ("show", "tiny"), ("report", "tiny"), ("plot", "final", "tiny"), ("measure", "tiny", "--metric", "all")]
)
def test_a_bucket_that_is_not_there_is_refused_by_every_command(words: tuple[str, ...], tmp_path: Path, object_store: ObjectStore) -> None:
    written(tmp_path, TINY)
    named = [str(tmp_path / word) if word.endswith(".yaml") else word for word in words]
    with pytest.raises(Refused, match="there is no bucket 'nowhere'"):
        said(*named, "--results", f"s3://nowhere/x?{object_store.query}")


def test_a_node_reads_the_token_with_its_own_access(remote: Store) -> None:
    remote.put(".shared-1", b".shared-1")
    assert sees(remote.address, ".shared-1") is None
    assert sees(remote.address, ".shared-2") == "what the driver writes is not there"
    assert "Could not connect" in str(sees("s3://results/x?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1", ".shared-1"))


def records(object_store: ObjectStore, folder: str) -> dict[str, str]:
    """When each record was written, as the store says."""
    found = object_store.client.list_objects_v2(Bucket="results", Prefix=f"{folder}/runs/").get("Contents", ())
    return {each["Key"]: f"{each['LastModified']} {each['ETag']}" for each in found if each["Key"].endswith("record.json")}


@pytest.mark.ray
@pytest.mark.slow
def test_a_sweep_to_an_object_store_is_killed_and_goes_on_to_its_report(tmp_path: Path, remote: Store, object_store: ObjectStore) -> None:
    folder = object_store_folder(remote)
    written(tmp_path, slow_sweep())
    at = ("--results", remote.address)
    first = started("sweep", "tiny.yaml", *at, cwd=tmp_path)
    wait_until(lambda: records(object_store, folder), first)
    first.kill()
    first.communicate()
    finished = records(object_store, folder)
    second = lal("sweep", "tiny.yaml", *at, cwd=tmp_path)
    assert second.returncode == 0, second.stdout + second.stderr
    assert f"Report: {remote.where('sweeps/tiny/report.html')}" in second.stdout
    assert finished.items() <= records(object_store, folder).items()
    assert tables(remote) == here(tmp_path)
    assert {"runs.parquet", "cells.csv"} <= {*remote.names("sweeps/tiny/tables")}
    assert remote.names("sweeps/tiny/tables/history")
    shown = lal("show", "tiny", *at, "--json", cwd=tmp_path)
    assert json.loads(shown.stdout)["outcomes"] == {"budget": 4}
    assert not (tmp_path / "results").exists()


def object_store_folder(store: Store) -> str:
    """The folder of its bucket that a store is."""
    return store.where().removeprefix("s3://results/")


@pytest.mark.ray
@pytest.mark.slow
def test_two_nodes_share_an_object_store_that_is_away_for_a_while(tmp_path: Path, remote: Store, object_store: ObjectStore) -> None:
    """Longer than the SDK tries, shorter than a run's patience: nothing is lost, nothing repeated."""
    written(tmp_path, slow_sweep())
    folder = object_store_folder(remote)
    with pool(nodes=2) as up:
        process = started("sweep", "tiny.yaml", "--no-report", "--results", remote.address, "--address", up.address, cwd=tmp_path)
        wait_until(lambda: records(object_store, folder), process)
        finished = records(object_store, folder)
        with object_store.failing(lambda method, path: 503):
            time.sleep(8)
        output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    assert finished.items() <= records(object_store, folder).items()
    assert tables(remote) == here(tmp_path)
    assert not [key for key in object_store.keys(folder) if key.startswith(".shared")]


@pytest.mark.ray
@pytest.mark.slow
def test_nodes_without_access_are_refused_before_anything_is_trained(tmp_path: Path, remote: Store, object_store: ObjectStore) -> None:
    written(tmp_path, TINY)
    with pool(nodes=1, env={"AWS_ACCESS_KEY_ID": object_store.stranger}) as up:
        done = lal("sweep", "tiny.yaml", "--results", remote.address, "--address", up.address, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "must be one place for all 1 nodes" in done.stderr
    assert "ACCESS_DENIED" in done.stderr
    assert "object store that all nodes have access to" in done.stderr
    assert remote.names("runs") == []
