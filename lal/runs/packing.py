"""Tensors, numbers and text as files that load without running code."""

from __future__ import annotations

from io import BytesIO
from typing import Any

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
    try:
        values = torch.load(BytesIO(data), weights_only=True, map_location="cpu")
    except Exception:  # torch raises half a dozen kinds for a foreign file; whichever it is, the file is of no use
        return None
    return values if isinstance(values, dict) else None
