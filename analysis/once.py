"""What is made of a sweep's tables once, however many figures and findings ask for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from analysis.collect import Tables

Made = TypeVar("Made")


def once(make: Callable[..., Made]) -> Callable[..., Made]:
    """`make`, a function of tables and of what can be hashed, which keeps its answers with these tables. What it returns is not to be changed.

    Of several threads that ask, one makes what the others wait for.
    """

    @wraps(make)
    def kept(tables: Tables, *given: Any, **named: Any) -> Made:
        lock, known = vars(tables).setdefault(f"made by {make.__module__}.{make.__qualname__}", (RLock(), {}))
        key = (given, tuple(sorted(named.items())))
        with lock:
            if key not in known:
                known[key] = make(tables, *given, **named)
            return known[key]

    return kept
