"""Tensors, numbers and text as files that load without running code."""

from __future__ import annotations

from io import BytesIO
from typing import IO, Any
from zipfile import ZipFile

import torch

from lal.store import intact, is_bounded


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


def glimpsed(data: bytes | None) -> dict[str, Any] | None:
    """The same without the checksums, which cost more than the reading: it does not see whether tensors are damaged."""
    try:
        with ZipFile(BytesIO(data or b"")) as archive:
            bounded = is_bounded(archive, len(data or b""))
    except Exception:  # as in `intact`
        return None
    return loaded(BytesIO(data or b"")) if bounded else None


def loaded(file: IO[bytes]) -> dict[str, Any] | None:
    """What torch reads from `file` without running code; None where there is no dictionary."""
    try:
        values = torch.load(file, weights_only=True, map_location="cpu")
    except Exception:  # torch raises half a dozen kinds for a missing or foreign file; whichever it is, the file is of no use
        return None
    return values if isinstance(values, dict) else None
