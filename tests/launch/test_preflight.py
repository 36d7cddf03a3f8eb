"""What a cluster may still become, and what a node says of the results folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from ray._private.state import state
from ray.core.generated.autoscaler_pb2 import ClusterConfig

from lal.errors import Refused
from launch.cluster import found
from launch.driving.preflight import nodes_to_come, sees
from launch.planning.resources import resources_of


def autoscaled() -> ClusterConfig:
    """A head that runs nothing, spot nodes with GPUs, any number of cores, and a kind that is switched off."""
    config = ClusterConfig()
    for name, most, resources in (("head", 1, {"CPU": 0}), ("gpu_spot", 4, {"CPU": 8, "GPU": 1}), ("cpu_spot", -1, {"CPU": 16}), ("huge", 0, {"CPU": 96})):
        group = config.node_group_configs.add(name=name, max_count=most)
        group.resources.update(resources)
    return config


def test_nodes_that_an_autoscaler_may_start_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "get_cluster_config", autoscaled)
    come = nodes_to_come()
    assert [node.name for node in come] == ["head, to be started", "gpu_spot, to be started", "cpu_spot, to be started"]
    assert resources_of({"cpu": 8, "gpu": 0.25, "gpu_if_present": False}, come) == {"cpu": 8, "gpu": 0.25}
    with pytest.raises(Refused, match=r"cpu 32 .*cpu_spot, to be started \(CPU 16, GPU 0\)"):
        resources_of({"cpu": 32, "gpu": 0, "gpu_if_present": False}, come)


def test_without_an_autoscaler_none_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "get_cluster_config", lambda: None)
    assert nodes_to_come() == []


def test_a_node_says_what_it_sees(tmp_path: Path) -> None:
    (tmp_path / ".shared-1").write_bytes(b".shared-1")
    assert sees(str(tmp_path), ".shared-1") is None
    assert sees(str(tmp_path / "elsewhere"), ".shared-1") == "what the driver writes is not there"
    (tmp_path / ".shared-1").write_bytes(b"another")
    assert sees(str(tmp_path), ".shared-1") == "what the driver writes is not there"


def test_auto_is_what_ray_address_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.9.8.7:6379")
    assert found("auto") == "10.9.8.7:6379"
    assert found("10.0.0.1:6379") == "10.0.0.1:6379"
