"""Tensors, numbers and text as files that load without running code."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import IO, Any

import torch

from lal.store import intact


def packed(values: dict[str, Any]) -> bytes:
    """`values` as a file that loads without running code."""
    buffer = BytesIO()
    torch.save(values, buffer)
    return buffer.getvalue()


def unpacked(data: bytes | None) -> dict[str, Any] | None:
    """What `packed` wrote; None where there is nothing, or something damaged or foreign."""
    if data is None or not intact(data):  # torch itself does not compare checksums
        return None
    return loaded(BytesIO(data))


def glimpsed(path: Path) -> dict[str, Any] | None:
    """The same without reading tensors, which stay on the disk until they are looked at: it does not see whether they are damaged."""
    return loaded(path, mmap=True)


def loaded(file: Path | IO[bytes], **how: Any) -> dict[str, Any] | None:
    """What torch reads from `file` without running code; None where there is no dictionary."""
    try:
        values = torch.load(file, weights_only=True, map_location="cpu", **how)
    except Exception:  # torch raises half a dozen kinds for a missing or foreign file; whichever it is, the file is of no use
        return None
    return values if isinstance(values, dict) else None
