"""What a worker makes of its share of a machine before it trains: threads, the device, and how much of a GPU's memory it may use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def settle(job: Mapping[str, Any]) -> str:
    """Makes this process keep to what `job` says: {"threads": n, "share": {"cpu", "gpu"}, "device": auto | cpu | cuda, ...}. Returns torch's device.

    A worker is used again for other trials, so that nothing is left as the last one had it.
    """
    os.environ.update(dict.fromkeys(THREADS, str(job["threads"])))  # for libraries that are not loaded yet, and processes that runs start
    import torch

    torch.set_num_threads(job["threads"])
    gpu = job["share"].get("gpu", 0)
    device = chosen_device(job["device"], gpu, torch.cuda)
    if device == "cuda":
        cap_memory(gpu, torch.cuda)
    return device


def chosen_device(wanted: str, gpu: float, cuda: Any) -> str:
    """`auto` is the GPU where Ray gave one to this trial and torch, by `cuda` (its module), can use it; else the CPU."""
    if wanted != "auto":
        return wanted
    return "cuda" if gpu > 0 and cuda.is_available() else "cpu"


def cap_memory(gpu: float, cuda: Any) -> None:
    """Keeps torch, by `cuda` (its module), to the fraction `gpu` of the device: Ray shares out devices, but not their memory.

    Ray shows a worker only the devices that it was given, so that the current one is the right one. Over the cap torch raises OutOfMemoryError. What
    CUDA itself takes for a process, some hundreds of MiB, is not under it.
    """
    device = cuda.current_device()
    cuda.set_per_process_memory_fraction(min(1.0, gpu), device)
    cuda.reset_peak_memory_stats(device)
