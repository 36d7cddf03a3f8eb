"""The results folder and the one way to write in it: a file is whole or absent."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from typing import Any, TypeVar

from lal.errors import Refused
from lal.store.address import place_at
from lal.store.folder import RunFolder
from lal.store.manifest import NAME, trouble
from lal.store.place import Place
from lal.store.records import Failure, refuse_newer
from lal.store.views import PATIENCE_S, Patient

T = TypeVar("T")
R = TypeVar("R")
MAX_JSON, MAX_MANIFEST = 2**24, 2**28  # bytes: of facts of a run, and of a list of as many runs as a sweep may have; parsed they take ten times as much
MAX_DEPTH = 64  # of JSON: who walks it does so by recursion
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # as half of a character, which no file can hold; of two halves together JSON makes one
DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])([.@].*)?", re.IGNORECASE)


def checked_name(name: str, what: str) -> str:
    """`name`, if it can name a file or folder that stays where it belongs, wherever results are copied to.

    Raises:
        Refused: it is empty, too long, holds anything but letters, digits and . _ - (no separators), or is a device's on Windows.
    """
    if not NAME.fullmatch(name):
        contract = "letters, digits, '.', '_' and '-', start with a letter or digit, and have at most 100 characters"
        raise Refused(f"{what} must be {contract}, but got {name!r}; rename it")
    if DEVICE.fullmatch(name) or name.endswith("."):
        raise Refused(f"{what} must be a name that every system lets a folder have, but got {name!r}; rename it")
    return name


def is_deep(value: Any) -> bool:
    """Whether JSON is nested beyond MAX_DEPTH; found level by level, without recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level if isinstance(each, dict | list) for inner in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return False
    return True


def is_text(value: Any) -> bool:
    """Whether all text in a JSON value can be written."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


class Store:
    """A results folder.

    Attributes:
        place: where its files are.
    """

    def __init__(self, root: str | os.PathLike[str]):
        """`root` is a path or a URI: see `lal.store.address`."""
        self.place = place_at(root)

    def __reduce__(self) -> tuple[type[Store], tuple[str]]:
        """Another process opens the place for itself: connections, listings and patience stay here."""
        return Store, (self.address,)

    @property
    def address(self) -> str:
        """What means this folder to `Store` and `--results`: an absolute path, or a URI."""
        return self.place.address

    def where(self, path: str = "") -> str:
        """How people name `path`: its absolute path, or its URI without options."""
        return self.place.where(path)

    def free_bytes(self) -> int | None:
        """Bytes that may still be written, or None where nobody can tell."""
        return self.place.free_bytes()

    def listed(self, path: str) -> Store:
        """This folder, for who alone writes below `path` or only reads there: on an object store it is listed once, and what is absent is not asked for."""
        return self._at(self.place.listed(path))

    def patient(self, give_up: Callable[[], bool] = lambda: False, patience_s: float = PATIENCE_S) -> Store:
        """This folder, for who would rather wait than lose work: while it does not answer it is asked again, for up to `patience_s`, unless `give_up` says so.

        Then the last error is raised. A full disk is not waited for: it does not heal by itself.
        """
        return self._at(Patient(self.place, give_up, patience_s))

    def _at(self, place: Place) -> Store:
        other = copy(self)
        other.place = place
        return other

    def failures(self, run_ids: Iterable[str]) -> dict[str, Failure]:
        """The failures that are noted of these runs, by run id."""
        seen, names = self.listed("runs"), list(dict.fromkeys(run_ids))
        found = zip(names, seen.map(lambda name: seen.run(name).failure(), names), strict=True)
        return {name: failure for name, failure in found if failure is not None}

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """`function` of each of `items`, in order: side by side where reading is mostly waiting."""
        if self.place.at_once == 1:
            return [function(each) for each in items]
        with ThreadPoolExecutor(self.place.at_once) as pool:
            return list(pool.map(function, items))

    def put(self, path: str, data: bytes) -> None:
        """Writes `path` whole: a kill, a crash or a full disk leaves the old file or none, never a part."""
        self.place.put(path, data)

    def create(self, path: str, data: bytes) -> bool:
        """Writes `path` whole if nothing is there; says whether it did. On an object store two that try at once may both do."""
        return self.place.create(path, data)

    def get(self, path: str) -> bytes | None:
        """The bytes at `path`, or None where there is no such file."""
        return self.place.get(path)

    def has(self, path: str) -> bool:
        """Whether there is a file at `path`."""
        return self.place.has(path)

    def stamp(self, path: str) -> str | None:
        """What is another once the file at `path` was written anew, without reading it; None where there is no such file: see `lal.store.place`."""
        return self.place.stamp(path)

    def tidy(self, path: str) -> None:
        """Removes what killed writes left beside the files of folder `path`. Only for who writes there alone."""
        self.place.tidy(path)

    def remove(self, path: str) -> None:
        """Removes one file, if it is there."""
        self.place.remove(path)

    def names(self, path: str) -> list[str]:
        """Names in folder `path`, sorted, temporary files left out; empty where there is no folder."""
        return self.place.names(path)

    def put_json(self, path: str, value: Any) -> None:
        """Writes `value` as JSON, readable and in a fixed order of keys as given."""
        self.put(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())

    def get_json(self, path: str, at_most: int = MAX_JSON) -> dict[str, Any] | None:
        """The object at `path`; None where there is no file, or what is there is not a whole JSON object of `at_most` bytes."""
        data = self.place.get(path, at_most)
        try:
            value = None if data is None else json.loads(data)
        except (ValueError, RecursionError):
            return None
        if data is not None and SURROGATE.search(data) and not is_text(value):
            return None
        deep = data is not None and data.count(b"{") + data.count(b"[") > MAX_DEPTH and is_deep(value)
        return value if isinstance(value, dict) and not deep else None

    def run(self, run_id: str) -> RunFolder:
        """The folder of one run."""
        return RunFolder(self, f"runs/{checked_name(run_id, 'run id')}")

    def sweep(self, name: str) -> str:
        """The path of one sweep's folder."""
        return f"sweeps/{checked_name(name, 'sweep name')}"

    def manifest(self, name: str) -> dict[str, Any]:
        """The manifest of sweep `name`.

        Raises:
            Refused: there is none, or it is damaged.
        """
        path = f"{self.sweep(name)}/manifest.json"
        manifest = self.get_json(path, MAX_MANIFEST)
        if manifest is None or not isinstance(manifest.get("runs"), list):
            state = "is damaged" if self.has(path) else "is not there"
            have = ", ".join(self.names("sweeps")) or "none yet"
            remedy = "run `lal sweep` again: it is written anew and no finished run is repeated"
            raise Refused(f"a sweep must have a manifest, but {self.where(path)} {state} (sweeps here: {have}); {remedy}")
        refuse_newer(manifest, path)
        wrong = trouble(manifest)
        if wrong is not None:
            raise Refused(f"a manifest must say what a sweep has, but {self.where(path)} is damaged ({wrong}); run `lal sweep` again: it is written anew")
        return manifest
