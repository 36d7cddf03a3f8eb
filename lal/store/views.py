"""Places seen through something: a listing, or patience."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Any, TypeVar, final

from lal.errors import Unreachable
from lal.store.place import Index, Place

T = TypeVar("T")
# What networks and the file systems on them answer while they are away. A full disk (ENOSPC, EDQUOT) is not among them: it does not heal by itself.
AWAY = {
    *(errno.EIO, errno.ESTALE, errno.EREMOTEIO, errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNRESET, errno.ECONNABORTED, errno.ECONNREFUSED),
    *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.ESHUTDOWN),
}
UNREACHABLE = "its results could not be reached"  # reason of a failure that is nobody's fault, and worth another try later
PATIENCE_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
LISTEN_S = 0.25


def is_away(error: BaseException) -> bool:
    """Whether storage did not answer, rather than refused."""
    return isinstance(error, Unreachable) or (isinstance(error, OSError) and error.errno in AWAY)


@final
class Listed(Place):
    """A place whose files below one folder are known: those that are not there are not asked for. For who alone writes there, or only reads."""

    def __init__(self, place: Place, path: str):
        self._place, self._path, self._stamps = place, path.strip("/"), place.files(path)
        self._index = Index(list(self._stamps))
        self.address, self.at_once = place.address, place.at_once

    def _absent(self, path: str) -> bool:
        return self._knows(path) and path not in self._index

    def _knows(self, path: str) -> bool:
        return not self._path or path.startswith(f"{self._path}/")

    def put(self, path: str, data: bytes) -> None:
        self._place.put(path, data)
        self._wrote(path)

    def create(self, path: str, data: bytes) -> bool:
        created = self._place.create(path, data)
        self._wrote(path)
        return created

    def _wrote(self, path: str) -> None:
        self._index.add(path)
        self._stamps.pop(path, None)

    def get(self, path: str, at_most: int | None = None) -> bytes | None:
        return None if self._absent(path) else self._place.get(path, at_most)

    def has(self, path: str) -> bool:
        return path in self._index if self._knows(path) else self._place.has(path)

    def remove(self, path: str) -> None:
        if not self._absent(path):
            self._place.remove(path)
            self._index.discard(path)

    def names(self, path: str) -> list[str]:
        return self._index.names(path) if self._knows(f"{path}/") else self._place.names(path)

    def files(self, path: str) -> dict[str, str]:
        if not self._knows(f"{path}/"):
            return self._place.files(path)
        return {each: self.stamp(each) or "" for each in self._index.below(path)}

    def stamp(self, path: str) -> str | None:
        return None if self._absent(path) else self._stamps.get(path) or self._place.stamp(path)

    def tidy(self, path: str) -> None:
        self._place.tidy(path)

    def listed(self, path: str) -> Place:
        return self if self._knows(f"{path}/") else self._place.listed(path)

    def where(self, path: str) -> str:
        return self._place.where(path)

    def free_bytes(self) -> int | None:
        return self._place.free_bytes()


@final
class Patient(Place):
    """A place that is asked again, with pauses, while it is away. What refuses is not asked twice."""

    def __init__(self, place: Place, give_up: Callable[[], bool], patience_s: float):
        self._place, self._give_up, self._patience_s = place, give_up, patience_s
        self.address, self.at_once = place.address, place.at_once

    def _insist(self, call: Callable[..., T], *values: Any) -> T:
        pause, since = FIRST_PAUSE_S, time.monotonic()
        while True:
            try:
                return call(*values)
            except OSError as error:
                left = self._patience_s - (time.monotonic() - since)
                if not is_away(error) or left <= 0 or not self._wait(min(pause, left)):
                    raise
                pause = min(2 * pause, LONGEST_PAUSE_S)

    def _wait(self, seconds: float) -> bool:
        """Waits; False where nobody wants to wait any longer."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._give_up():
                return False
            time.sleep(min(left, LISTEN_S))
        return True

    def put(self, path: str, data: bytes) -> None:
        self._insist(self._place.put, path, data)

    def create(self, path: str, data: bytes) -> bool:
        return self._insist(self._place.create, path, data)

    def get(self, path: str, at_most: int | None = None) -> bytes | None:
        return self._insist(self._place.get, path, at_most)

    def has(self, path: str) -> bool:
        return self._insist(self._place.has, path)

    def remove(self, path: str) -> None:
        self._insist(self._place.remove, path)

    def names(self, path: str) -> list[str]:
        return self._insist(self._place.names, path)

    def files(self, path: str) -> dict[str, str]:
        return self._insist(self._place.files, path)

    def stamp(self, path: str) -> str | None:
        return self._insist(self._place.stamp, path)

    def tidy(self, path: str) -> None:
        self._insist(self._place.tidy, path)

    def listed(self, path: str) -> Place:
        return Patient(self._insist(self._place.listed, path), self._give_up, self._patience_s)

    def where(self, path: str) -> str:
        return self._place.where(path)

    def free_bytes(self) -> int | None:
        return self._place.free_bytes()
