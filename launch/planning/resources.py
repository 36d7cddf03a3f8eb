"""What one run asks of machines, held against what they have before anything is started. Imports neither torch nor ray."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lal.environment import usable_cpus
from lal.errors import Refused

SHOWN = 6  # nodes in an error
HIDDEN = ("", "-1", "NoDevFiles")  # values of CUDA_VISIBLE_DEVICES that leave no GPU


@dataclass(frozen=True)
class Node:
    """One machine: how a person knows it, and its resources by Ray's names (CPU, GPU)."""

    name: str
    has: Mapping[str, float]

    def __str__(self) -> str:
        return f"{self.name} (CPU {self.has.get('CPU', 0):g}, GPU {self.has.get('GPU', 0):g})"


def wanted_on(nodes: Sequence[Node], request: Mapping[str, Any]) -> dict[str, float]:
    """What one run asks of Ray: `request` {cpu, gpu, gpu_if_present} on machines such as `nodes`, those that are yet to come included."""
    any_gpu = any(node.has.get("GPU", 0) > 0 for node in nodes)
    gpu = 0.0 if request["gpu_if_present"] and not any_gpu else request["gpu"]
    return {"cpu": request["cpu"], **({"gpu": gpu} if gpu else {})}


def resources_of(request: Mapping[str, Any], nodes: Sequence[Node], device: str = "auto") -> dict[str, float]:
    """What one run asks of Ray, see `wanted_on`, if it can be had, and is of use on `device` (auto, cpu or cuda).

    Raises:
        Refused: no node alone can hold it, now or ever; or `device` and GPUs do not go together.
    """
    wanted = wanted_on(nodes, request)
    refuse_device(device, wanted, request)
    if not any(fits(wanted, node) for node in nodes):
        raise Refused(f"resources must fit on one node, but a run asks for {told(wanted)} and the nodes have: {listed(nodes)}; {remedy(wanted, nodes)}")
    return wanted


def refuse_device(device: str, wanted: Mapping[str, float], request: Mapping[str, Any]) -> None:
    """Refuses a `device` that Ray would not give, or GPUs that would be held for nothing.

    Raises:
        Refused: see above.
    """
    gpu = wanted.get("gpu", 0)
    if device == "cuda" and not gpu:
        lacking = "write resources.gpu=1, or a fraction of one such as resources.gpu=0.25" if not request["gpu"] else "no node has one: leave --device out"
        raise Refused(f"--device cuda needs a GPU for each run, but a run asks for {told(wanted)}; {lacking}")
    if device == "cpu" and gpu:
        off = "resources.gpu=0" + (" resources.gpu_if_present=false" if request["gpu_if_present"] else "")
        raise Refused(f"--device cpu leaves GPUs idle, but each run asks for gpu {gpu:g} and would hold it; write {off}, or leave --device out")


def fits(wanted: Mapping[str, float], node: Node) -> bool:
    """Whether `node`, were it free, holds a run that asks for `wanted`."""
    return all(node.has.get(name.upper(), 0) >= amount for name, amount in wanted.items())


def told(wanted: Mapping[str, float]) -> str:
    """A request in words: cpu 1, gpu 0.25."""
    return ", ".join(f"{name} {amount:g}" for name, amount in wanted.items())


def listed(nodes: Sequence[Node]) -> str:
    """The nodes in words; of many, the first few."""
    more = f" and {len(nodes) - SHOWN} more" if len(nodes) > SHOWN else ""
    return (", ".join(map(str, nodes[:SHOWN])) or "none is there") + more


def remedy(wanted: Mapping[str, float], nodes: Sequence[Node]) -> str:
    """What to write where `wanted` fits nowhere."""
    short = next((name for name, amount in wanted.items() if all(node.has.get(name.upper(), 0) < amount for node in nodes)), None)
    if short is None:
        return "no node has all of it together; write smaller `resources`"
    most = max((node.has.get(short.upper(), 0) for node in nodes), default=0)
    if short == "gpu" and not most:
        return "write `gpu: 0`, add `gpu_if_present: true`, or use machines with GPUs"
    return f"write `resources: {{{short}: {most:g}}}` at most, or use larger machines"


def this_machine(cpus: int | None = None, gpus: int | None = None) -> Node:
    """This machine as a node, with as many cores and GPUs as it has, unless the caller says how many it is to count as."""
    return Node("this machine", {"CPU": cpus or usable_cpus(), "GPU": visible_gpus() if gpus is None else gpus})


def visible_gpus() -> int:
    """GPUs that a process started here would see, found without torch or ray: NVIDIA's driver is asked."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return 0 if chosen.strip() in HIDDEN else len(chosen.split(","))
    listing = Path("/proc/driver/nvidia/gpus")
    if listing.is_dir():
        return len(list(listing.iterdir()))
    program = shutil.which("nvidia-smi")
    try:
        said = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=20, check=True).stdout if program else ""
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in said.splitlines())
