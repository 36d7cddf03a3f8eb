"""A disk that is soon full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Inside, folder `place` is a file system of `size`, such as 256k; the test is skipped where nobody lets us mount one."""
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("only root may mount a small file system; a full disk by monkeypatch is in test_session_damage")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
