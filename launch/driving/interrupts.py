"""Ctrl-C and SIGTERM end a local sweep the same way: at once, with what runs have saved."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LEAVE_S = 1.0  # that the main thread may take to notice a signal, and to sum up


@contextmanager
def interruptible(*, raises: bool = True) -> Iterator[list[int]]:
    """Inside, SIGINT and SIGTERM raise KeyboardInterrupt in the main thread, unless not `raises`; the list holds those that came."""
    came: list[int] = []

    def interrupt(signum: int, frame: object) -> None:
        came.append(signum)
        if raises:
            raise KeyboardInterrupt

    before = {signum: signal.signal(signum, interrupt) for signum in SIGNALS}
    try:
        yield came
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def leaving_in_time(last_words: Callable[[], None], within_s: float = LEAVE_S) -> Iterator[None]:
    """Inside, SIGINT or SIGTERM ends this process after `last_words`: at once, or, where another handles it, `within_s` later unless we are outside by then.

    Python handles signals between two steps of its own, of which one in native code may last for seconds; and what a handler
    raises during a callback from there is lost. A thread is told of signals at once.
    """
    ears, mouth = socket.socketpair()
    mouth.setblocking(False)
    outside = threading.Event()

    def listen() -> None:
        while heard := ears.recv(1):
            if heard[0] in SIGNALS and not outside.wait(within_s):
                last_words()
                leave(128 + heard[0])

    thread = threading.Thread(target=listen, name="leaving in time", daemon=True)
    before = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    thread.start()
    try:
        with interruptible() as came:
            try:
                yield
            except KeyboardInterrupt:
                last_words()
                leave(128 + came[0])
    finally:
        outside.set()
        signal.set_wakeup_fd(before)
        mouth.close()
        thread.join()
        ears.close()


def leave(code: int) -> NoReturn:
    """Ends this process and what it started, now that all is said. Python's own way would wait for Ray, which takes seconds."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    if "ray" in sys.modules:
        end_children()
    os._exit(code)


def end_children() -> None:
    """Ends the processes of a Ray of our own. The kernel ends most of them with us; some would look for the others for a minute."""
    import psutil  # Ray brings it along

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()
