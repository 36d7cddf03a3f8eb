"""The head of a cluster that is there: while it does not answer nothing gets on, and Ray says so in its own words, or never."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lal.errors import Refused
from launch.cluster import found, refuse_unanswered

LOOK_EVERY_S = 5.0
GIVE_UP_S = 40.0  # a head that is only busy answers within; Ray's own patience is 60 s, and ends this process without a word of ours


@contextmanager
def watched(address: str, lost: Callable[[str], None], give_up_s: float = GIVE_UP_S) -> Iterator[None]:
    """Inside, `lost` is called, from a thread, once the head of the cluster at `address` has not answered for `give_up_s`; with what is wrong."""
    where, over = found(address), threading.Event()

    def look() -> None:
        heard = time.monotonic()
        while not over.wait(LOOK_EVERY_S):
            wrong = trouble(where)
            if wrong is None:
                heard = time.monotonic()
            elif time.monotonic() - heard >= give_up_s and not over.is_set():
                lost(f"the head of the cluster at {where} has not answered for {time.monotonic() - heard:.0f} s")
                return

    thread = threading.Thread(target=look, name="watching the head", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def trouble(where: str) -> str | None:
    """Why the head at `where` does not answer; None where it does."""
    try:
        refuse_unanswered(where)
    except Refused as error:
        return str(error)
    return None
