"""Where and why a run ran: recorded, never part of its identity. Imports no torch."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("lal", "torch", "ray", "pyarrow")
COMMIT_VARIABLE = "LAL_COMMIT"  # of code that was sent here, without its clone
DIRTY = "+dirty"


@cache
def commit() -> tuple[str | None, bool | None]:
    """(commit, dirty) of the clone this code runs from, or was sent from; (None, None) where there is none."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        sent = os.environ.get(COMMIT_VARIABLE)
        return (sent.removesuffix(DIRTY), sent.endswith(DIRTY)) if sent else (None, None)
    try:
        head = _git(root, "rev-parse", "HEAD").strip()
        return head, bool(_git(root, "status", "--porcelain").strip())
    except (OSError, subprocess.SubprocessError):
        return None, None


def commit_text(head: str, dirty: bool | None) -> str:
    """A commit for COMMIT_VARIABLE, before the code is sent without its clone."""
    return head + (DIRTY if dirty else "")


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=10, check=True).stdout


@cache
def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def environment(device: str, threads: int, share: Mapping[str, float] | None = None) -> dict[str, Any]:
    """The facts that a record keeps; `share` of a machine, {cpu, gpu}, where one was given."""
    head, dirty = commit()
    where = {"host": socket.gethostname(), "machine": platform.machine(), "device": device, "threads": threads}
    return {"commit": head, "dirty": dirty, "versions": versions(), **where, **({"share": dict(share)} if share else {})}


def usable_cpus() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
