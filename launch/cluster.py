"""A Ray cluster to run on: an embedded one on this machine, and what its nodes can hold."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lal.errors import Refused

# Read by Ray when it is imported or started. Quiet, no files per trial, relative paths keep their meaning, no usage reports.
SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "OMP_NUM_THREADS": "1",
}
OBJECT_STORE_BYTES = 128 * 2**20  # nothing large travels: runs write their own folders


@contextmanager
def embedded(cpus: int | None, gpus: int | None = None, *, dashboard: bool) -> Iterator[str | None]:
    """A Ray of our own on this machine while inside; yields the dashboard's address, or None without one.

    It listens on loopback only and ends with us, also when we are killed.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    context = ray.init(
        address="local",
        num_cpus=cpus,
        num_gpus=gpus,
        include_dashboard=dashboard,
        dashboard_host="127.0.0.1",
        object_store_memory=OBJECT_STORE_BYTES,
        logging_level=logging.CRITICAL,  # a dead worker is told by the run's failure, once
        log_to_driver=False,
    )
    try:
        yield f"http://{context.dashboard_url}" if dashboard and context.dashboard_url else None
    finally:
        ray.shutdown()


def resources_of(request: Mapping[str, Any], nodes: list[dict[str, float]]) -> dict[str, float]:
    """What one trial asks of Ray: `request` {cpu, gpu, gpu_if_present} against what each node has.

    Raises:
        Refused: no node alone can hold it, now or ever.
    """
    any_gpu = any(node.get("GPU", 0) > 0 for node in nodes)
    gpu = 0.0 if request["gpu_if_present"] and not any_gpu else request["gpu"]
    wanted = {"cpu": request["cpu"], **({"gpu": gpu} if gpu else {})}
    if not any(all(node.get(name.upper(), 0) >= amount for name, amount in wanted.items()) for node in nodes):
        have = "; ".join(", ".join(f"{name} {node.get(name, 0):g}" for name in ("CPU", "GPU")) for node in nodes) or "no node"
        asked = ", ".join(f"{name} {amount:g}" for name, amount in wanted.items())
        remedy = "write smaller `resources`" + (" or add `gpu_if_present: true`" if gpu else "")
        raise Refused(f"resources must fit on one node, but a run asks for {asked} and the nodes have: {have}; {remedy}")
    return wanted


def nodes_now() -> list[dict[str, float]]:
    """The resources of each node that is alive."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def scratch() -> str:
    """A folder for what Tune insists on writing, which nobody reads."""
    return tempfile.mkdtemp(prefix="lal-tune-")
