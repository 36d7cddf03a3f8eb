"""Where files are: what every kind of place offers. Paths are relative to its root, with forward slashes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final


class Place(ABC):
    """A folder of files, each whole or absent.

    Attributes:
        address: what `--results` may say to mean this place, from anywhere on this machine.
        at_once: calls that gain from being made side by side.
    """

    address: str
    at_once: int

    @abstractmethod
    def put(self, path: str, data: bytes) -> None:
        """Writes `path` whole: a kill, a crash or a full disk leaves the old file or none, never a part."""

    @abstractmethod
    def create(self, path: str, data: bytes) -> bool:
        """Writes `path` whole if nothing is there; says whether it did."""

    @abstractmethod
    def get(self, path: str, at_most: int | None = None) -> bytes | None:
        """The bytes at `path`, or None where there is no such file, or one of more than `at_most` bytes, which is not read."""

    @abstractmethod
    def has(self, path: str) -> bool:
        """Whether there is a file at `path`."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Removes one file, if it is there."""

    @abstractmethod
    def names(self, path: str) -> list[str]:
        """Names in folder `path`, sorted, those with a leading dot left out; empty where there is no folder."""

    @abstractmethod
    def files(self, path: str) -> dict[str, str]:
        """Paths of all files below folder `path`, at any depth, sorted, those with a leading dot left out; and the stamp of each."""

    @abstractmethod
    def stamp(self, path: str) -> str | None:
        """What is another once the file at `path` was written anew, found without reading it; None where there is no such file.

        In a folder of a machine it is another in a copy, too: nobody can foretell it. On an object store it is size and time, to the second.
        """

    @abstractmethod
    def tidy(self, path: str) -> None:
        """Removes what killed writes left beside the files of folder `path`. Only for who writes there alone."""

    @abstractmethod
    def listed(self, path: str) -> Place:
        """This place, listed once below `path` where every question costs a round trip: what others write there later is not seen."""

    @abstractmethod
    def where(self, path: str) -> str:
        """How people and other programs name `path`."""

    @abstractmethod
    def free_bytes(self) -> int | None:
        """Bytes that may still be written, or None where nobody can tell."""


@final
class Index:
    """Paths, by the folder that they are in."""

    def __init__(self, paths: list[str]):
        self._children: dict[str, set[str]] = {}
        self._paths = set[str]()
        for path in paths:
            self.add(path)

    def __contains__(self, path: str) -> bool:
        return path in self._paths

    def add(self, path: str) -> None:
        """Takes a file."""
        self._paths.add(path)
        while path:
            path, _, name = path.rpartition("/")
            if name in (names := self._children.setdefault(path, set())):
                return
            names.add(name)

    def discard(self, path: str) -> None:
        """Forgets a file, and the folders that were there for it alone."""
        self._paths.discard(path)
        while path and not self._children.get(path):
            self._children.pop(path, None)
            path, _, name = path.rpartition("/")
            self._children.get(path, set()).discard(name)

    def names(self, path: str) -> list[str]:
        """Names in folder `path`, sorted."""
        return sorted(self._children.get(path.strip("/"), ()))

    def below(self, path: str) -> list[str]:
        """Paths of all files below folder `path`, sorted."""
        head = f"{path.strip('/')}/" if path.strip("/") else ""
        return sorted(each for each in self._paths if each.startswith(head))
