"""An advisory claim on a run, so that two drivers do not train it at once. Should it fail: runs are deterministic, and the copies equal."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lal.store import RunFolder

BEAT_S = 5.0
SILENCE_S = 3 * BEAT_S


def started(pid: int) -> str | None:
    """When process `pid` of this machine started, in its own unit; None where it is not running; "" where that cannot be told."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            return stat.read_text().rpartition(")")[2].split()[19]
        except OSError:
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""


def owner_of(folder: RunFolder) -> dict[str, Any] | None:
    """{"host", "pid", "started", "beat"} and, where known, "log" of whoever claims the run, dead or alive; None where nobody does or the claim is damaged."""
    owner = folder.store.get_json(f"{folder.path}/claim.json")
    return owner if owner is not None and {"host", "pid", "started", "beat"} <= owner.keys() else None


def told(owner: Mapping[str, Any]) -> str:
    """Where the owner of a claim is, or was, and where to read what it wrote."""
    log = owner.get("log")
    return f"process {owner['pid']} on {owner['host']}{f', which logged to {log}' if log else ''}"


def log_file() -> str | None:
    """The file that this process writes its errors to, if it is one."""
    with suppress(OSError):
        path = Path("/proc/self/fd/2").resolve()
        return str(path) if path.is_file() else None
    return None


@dataclass
class Claim:
    """This process's claim on one run."""

    folder: RunFolder
    beats: int = 0
    held: bool = False
    _seen: tuple[dict[str, Any] | None, float] = (None, 0.0)
    _last: float = 0.0

    def taken(self) -> bool:
        """Tries to take the claim: True once it is ours; False while another owner is alive."""
        with suppress(OSError):  # where claims cannot be written, nobody can be told: the copies will be equal
            if not self.folder.create("claim.json", self._text()):
                if self._alive(owner_of(self.folder)):
                    return False
                self.folder.put_bytes("claim.json", self._text())
        self.held, self._last = True, time.monotonic()
        return True

    def elsewhere(self) -> bool:
        """Whether another owner has it who, as far as one look can tell, is alive."""
        return not self.held and self._alive(owner_of(self.folder))

    def beat(self) -> None:
        """Shows, every few seconds, that the owner lives. Whoever took it for dead meanwhile has the claim now: the copies will be equal."""
        if self.held and time.monotonic() - self._last >= BEAT_S:
            self.beats, self._last = self.beats + 1, time.monotonic()
            with suppress(OSError):
                self.held = self._mine()
                if self.held:
                    self.folder.put_bytes("claim.json", self._text())

    def release(self) -> None:
        """Gives the claim up; another owner's is left alone."""
        if self.held:
            self.held = False
            with suppress(OSError):  # a claim that stays falls silent, and others take it over
                if self._mine():
                    self.folder.store.remove(f"{self.folder.path}/claim.json")

    def _mine(self) -> bool:
        """Whether no other owner has taken the claim over."""
        owner = owner_of(self.folder)
        return owner is None or {name: owner[name] for name in self._me} == self._me

    @cached_property
    def _me(self) -> dict[str, Any]:
        pid = os.getpid()
        return {"host": socket.gethostname(), "pid": pid, "started": started(pid)}

    def _text(self) -> bytes:
        return json.dumps({**self._me, "beat": self.beats, "log": log_file()}).encode()

    def _alive(self, owner: dict[str, Any] | None) -> bool:
        """On this machine the process is looked up; elsewhere an owner is alive until its heartbeat has been silent for a while."""
        if owner is None or not isinstance(owner["pid"], int):
            return False
        if owner["host"] == socket.gethostname():
            return owner["pid"] != os.getpid() and started(owner["pid"]) == owner["started"]
        if owner != self._seen[0]:
            self._seen = (owner, time.monotonic())
        return time.monotonic() - self._seen[1] < SILENCE_S
