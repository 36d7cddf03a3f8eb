"""Nested values by dotted path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def lookup(values: Mapping[str, Any], path: str) -> Any:
    """The value at dotted `path`, or None where the way ends early."""
    for key in path.split("."):
        values = values.get(key) if isinstance(values, Mapping) else None  # type: ignore[assignment]
    return values


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Dotted paths and leaves of nested `values`."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{path}.")
        else:
            yield path, value
