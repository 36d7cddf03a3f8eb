"""How much memory this process has needed. Imports torch only where a GPU is asked about."""

from __future__ import annotations

import resource
import sys

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes


def peak_mib(device: str) -> int:
    """The most that was held at once, in MiB: of the GPU by torch since `reset_peak_memory_stats`, caches included, or of main memory by the whole process."""
    if device == "cpu":
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT / 2**20)
    import torch

    return round(torch.cuda.max_memory_reserved(device) / 2**20)
