"""Which drivers are at one study, so that none takes the points of another that lives. Advisory: should it fail, two train the same runs, and the claims
on these keep them apart."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal
from uuid import uuid4

import optuna

from lal.claim import started

PREFIX = "lal.driver."  # of the attribute by which a driver shows in its study that it lives; None once it has left
BEAT_S = 10.0
SILENCE_S = 6 * BEAT_S  # databases may be slow

Life = Literal["alive", "gone", "unsure"]


class Drivers:
    """This driver, and the others of a study. On this machine the process is looked up; elsewhere one lives as long as its heart beats."""

    def __init__(self, study: optuna.Study):
        self.study, self.name = study, uuid4().hex
        self._beats, self._left = 0, threading.Event()
        self._heard: dict[str, tuple[Any, float]] = {}  # by driver: its last beat, and when that was first seen
        self._living: set[str] = set()  # drivers whose beats were seen to go on
        self._beat()
        self._thread = threading.Thread(target=self._go_on, name="search heartbeat", daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        pid = os.getpid()
        me = {"host": socket.gethostname(), "pid": pid, "started": started(pid), "beat": self._beats}
        self.study.set_user_attr(f"{PREFIX}{self.name}", me)

    def _go_on(self) -> None:
        while not self._left.wait(BEAT_S):
            self._beats += 1
            with suppress(Exception):  # whatever a database says: the next beat may come through
                self._beat()

    def leave(self) -> None:
        """Says goodbye: what this driver has left open is anyone's."""
        self._left.set()
        self._thread.join()
        with suppress(Exception):  # then it falls silent
            self.study.set_user_attr(f"{PREFIX}{self.name}", None)

    def now(self) -> dict[str, Mapping[str, Any]]:
        """The drivers, by name, that have not left."""
        found = self.study.user_attrs.items()
        return {key.removeprefix(PREFIX): owner for key, owner in found if key.startswith(PREFIX) and owner is not None}

    def alone(self) -> bool:
        """Whether no other driver may be at this study."""
        return all(name == self.name or self.life(name, owner) == "gone" for name, owner in self.now().items())

    def life(self, name: str, owner: Mapping[str, Any] | None) -> Life:
        """Whether the driver of this name, which showed itself as `owner`, lives; unsure until it was listened to for long enough."""
        if owner is not None and owner["host"] == socket.gethostname():
            return "alive" if started(owner["pid"]) == owner["started"] else "gone"
        beat = None if owner is None else owner["beat"]
        last, since = self._heard.setdefault(name, (beat, time.monotonic()))
        if beat != last:
            self._heard[name] = (beat, time.monotonic())
            self._living.add(name)
        elif time.monotonic() - since >= SILENCE_S:
            return "gone"
        return "alive" if name in self._living else "unsure"
