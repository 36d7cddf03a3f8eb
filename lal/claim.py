"""An advisory claim on a run, so that two drivers do not train it at once. Should it fail: runs are deterministic, and the copies equal."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

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


@dataclass
class Claim:
    """This process's claim on one run."""

    folder: RunFolder
    beats: int = 0
    held: bool = False
    _seen: tuple[str, float] = field(default=("", 0.0))
    _last: float = 0.0

    def taken(self) -> bool:
        """Tries to take the claim: True once it is ours; False while another owner is alive."""
        if not self.folder.create("claim.json", self._text()):
            theirs = (self.folder.get_bytes("claim.json") or b"").decode(errors="replace")
            if self._alive(theirs):
                return False
            self.folder.put_bytes("claim.json", self._text())
        self.held = True
        return True

    def beat(self) -> None:
        """Shows, every few seconds, that the owner lives."""
        if time.monotonic() - self._last >= BEAT_S:
            self.beats, self._last = self.beats + 1, time.monotonic()
            self.folder.put_bytes("claim.json", self._text())

    def release(self) -> None:
        """Gives the claim up; another owner's is left alone."""
        if self.held:
            self.folder.store.remove(f"{self.folder.path}/claim.json")
            self.held = False

    def _text(self) -> bytes:
        pid = os.getpid()
        return json.dumps({"host": socket.gethostname(), "pid": pid, "started": started(pid), "beat": self.beats}).encode()

    def _alive(self, text: str) -> bool:
        """On this machine the process is looked up; elsewhere an owner is alive until its heartbeat has been silent for a while."""
        try:
            owner = json.loads(text)
            if owner["host"] == socket.gethostname():
                return owner["pid"] != os.getpid() and started(int(owner["pid"])) == owner["started"]
        except (ValueError, KeyError, TypeError):
            return False
        if text != self._seen[0]:
            self._seen = (text, time.monotonic())
        return time.monotonic() - self._seen[1] < SILENCE_S
