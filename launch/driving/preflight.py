"""Before the first run starts on a cluster: can it ever be placed, is there room now, do all nodes see the results?"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from lal.errors import Refused
from lal.store import Store
from launch.cluster import Reach
from launch.planning.resources import Node, resources_of, told

NODE_S = 60.0  # that a node may take to start a worker and read one small file
SHOWN = 5


class NoRoom(Exception):
    """What is asked for fits, but was not free in time."""


def room_on(reach: Reach, request: Mapping[str, Any], device: str) -> tuple[list[Node], list[Node]]:
    """The nodes of the cluster that is there, and those that it may still start.

    Raises:
        Refused: there is none, or no node of it can ever hold `request`, or it makes no sense on `device`.
    """
    from launch.cluster import connected

    with connected(reach):
        now, to_come = nodes_now(), nodes_to_come()
        resources_of(request, [*now, *to_come], device)
        return now, to_come


def nodes_now() -> list[Node]:
    """The nodes that are alive."""
    return [Node(each["NodeName"], each["Resources"]) for each in alive()]


def alive() -> list[dict[str, Any]]:
    """The nodes that are alive, as Ray describes them."""
    import ray

    return [each for each in ray.nodes() if each["Alive"]]


def nodes_to_come() -> list[Node]:
    """One node of each kind that the cluster's autoscaler may still start; none where there is no autoscaler."""
    from ray._private.state import state

    config = state.get_cluster_config()
    groups = config.node_group_configs if config is not None else ()
    return [Node(f"{each.name}, to be started", dict(each.resources)) for each in groups if each.max_count != 0]


def wait_for_room(wanted: Mapping[str, float], timeout_s: float) -> None:
    """Waits until a run could start: something that asks for the same, and does nothing, is placed. An autoscaler sees it as demand.

    Raises:
        NoRoom: it was not placed within `timeout_s`.
    """
    import ray

    task = ray.remote(nothing).options(num_cpus=wanted["cpu"], num_gpus=wanted.get("gpu", 0), max_retries=-1).remote()
    ready, _ = ray.wait([task], timeout=timeout_s)
    if not ready:
        ray.cancel(task, force=True)
        raise NoRoom(f"no node had {told(wanted)} free within {timeout_s:g} s; other work holds it, or new nodes are slow: wait longer with --pending-timeout")
    ray.get(task)


def nothing() -> None:
    """What a run is before it does anything."""


def refuse_unusable_gpu(wanted: Mapping[str, float]) -> None:
    """Asks torch on a node, with the GPU that a run would get, whether it can use it: before every run fails with the answer.

    Raises:
        Refused: it cannot.
    """
    import ray

    task = ray.remote(gpu_trouble).options(num_cpus=wanted["cpu"], num_gpus=wanted["gpu"], max_retries=-1).remote()
    trouble = said(task)
    if trouble:
        raise Refused(f"--device cuda needs a torch that can use the GPU that Ray gives, but {trouble}; install torch with CUDA there, or leave --device out")


def gpu_trouble() -> str | None:
    """Run on a node: None where torch can use a GPU, else why not in words."""
    import torch

    if torch.cuda.is_available():
        return None
    built = f"built for CUDA {torch.version.cuda}, but finds no GPU" if torch.version.cuda else "built without CUDA"
    return f"torch {torch.__version__} on {socket.gethostname()} is {built}"


@contextmanager
def shared(store: Store) -> Iterator[str]:
    """Inside, the results folder holds a token; yields its name. Nodes that are there have been seen to read it; those
    that come later are to look for it themselves.

    Raises:
        Refused: a node does not see it: what runs there wrote would be lost.
    """
    name = f".shared-{uuid4().hex}"
    store.put(name, name.encode())
    try:
        refuse_unshared(store, name)
        yield name
    finally:
        store.remove(name)


def refuse_unshared(store: Store, name: str) -> None:
    """Reads the token on every node that is alive: a tiny task pinned to each.

    Raises:
        Refused: a node does not see it, or does not answer.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = alive()
    read, tasks = ray.remote(sees), {}
    for each in nodes:
        pinned = read.options(num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(each["NodeID"], soft=False))
        tasks[pinned.remote(store.address, name)] = each
    ready, late = ray.wait(list(tasks), num_returns=len(tasks), timeout=NODE_S)
    troubles = {tasks[task]["NodeName"]: trouble for task in ready if (trouble := said(task))}
    troubles |= {tasks[task]["NodeName"]: f"no answer in {NODE_S:g} s" for task in late}
    if troubles:
        shown = "; ".join(f"{node}: {trouble}" for node, trouble in list(troubles.items())[:SHOWN])
        remedy = "use a folder that all nodes mount at this path, or an object store that all nodes have access to, such as s3://BUCKET/FOLDER"
        raise Refused(f"--results must be one place for all {len(nodes)} nodes of the cluster, but {store.where()} is not ({shown}); {remedy}")


def said(task: Any) -> str | None:
    """What a node that read the token has to complain of."""
    import ray
    from ray.exceptions import RayError

    try:
        return ray.get(task)
    except RayError as error:  # it left meanwhile, or cannot run our code: either way, nothing may be trained there
        return (str(error).strip() or type(error).__name__).splitlines()[-1]


def sees(results: str, name: str) -> str | None:
    """Run on a node: None where the token is there, else the trouble in words."""
    try:
        return None if Store(results).get(name) == name.encode() else "what the driver writes is not there"
    except (OSError, Refused) as error:
        return str(error)
