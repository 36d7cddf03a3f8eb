"""Ctrl-C and SIGTERM end a local sweep the same way: at once, with what runs have saved."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible(*, raises: bool = True) -> Iterator[list[int]]:
    """Inside, SIGINT and SIGTERM raise KeyboardInterrupt in the main thread, unless not `raises`; the list holds those that came.

    To be entered after Ray has started: Ray installs a SIGTERM handler of its own.
    """
    came: list[int] = []

    def interrupt(signum: int, frame: object) -> None:
        came.append(signum)
        if raises:
            raise KeyboardInterrupt

    before = {signum: signal.signal(signum, interrupt) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
