"""The results folder and the one way to write in it: a file is whole or absent."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

from lal.errors import Refused
from lal.store.folder import RunFolder
from lal.store.records import refuse_newer

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(@[A-Za-z0-9][A-Za-z0-9._-]{0,49})?")


def checked_name(name: str, what: str) -> str:
    """`name`, if it can name a file or folder that stays where it belongs.

    Raises:
        Refused: it is empty, too long, or holds anything but letters, digits and . _ - (no separators).
    """
    if not NAME.fullmatch(name):
        contract = "letters, digits, '.', '_' and '-', start with a letter or digit, and have at most 100 characters"
        raise Refused(f"{what} must be {contract}, but got {name!r}; rename it")
    return name


class Store:
    """A results folder."""

    def __init__(self, root: str | os.PathLike[str]):
        if "://" in str(root):
            raise Refused(f"results must be a folder on this machine, but got {str(root)!r}; write a path")
        self.root = Path(root).absolute()

    def put(self, path: str, data: bytes) -> None:
        """Writes `path` whole: a kill, a crash or a full disk leaves the old file or none, never a part."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    def create(self, path: str, data: bytes) -> bool:
        """Writes `path` whole if nothing is there; says whether it did."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
        try:
            beside.write_bytes(data)
            os.link(beside, target)
        except FileExistsError:
            return False
        finally:
            beside.unlink(missing_ok=True)
        return True

    def get(self, path: str) -> bytes | None:
        """The bytes at `path`, or None where there is no such file."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def has(self, path: str) -> bool:
        """Whether there is a file at `path`."""
        return (self.root / path).is_file()

    def tidy(self, path: str) -> None:
        """Removes what killed writes left beside the files of folder `path`. Only for who writes there alone."""
        for left in (self.root / path).rglob(".*.tmp"):
            left.unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        """Removes one file, if it is there."""
        (self.root / path).unlink(missing_ok=True)

    def names(self, path: str) -> list[str]:
        """Names in folder `path`, sorted, temporary files left out; empty where there is no folder."""
        try:
            return sorted(each.name for each in (self.root / path).iterdir() if not each.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def put_json(self, path: str, value: Any) -> None:
        """Writes `value` as JSON, readable and in a fixed order of keys as given."""
        self.put(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())

    def get_json(self, path: str) -> dict[str, Any] | None:
        """The object at `path`; None where there is no file, or what is there is not a whole JSON object."""
        data = self.get(path)
        try:
            value = None if data is None else json.loads(data)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

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
        manifest = self.get_json(path)
        if manifest is None or not isinstance(manifest.get("runs"), list):
            state = "is damaged" if self.get(path) is not None else "is not there"
            have = ", ".join(self.names("sweeps")) or "none yet"
            remedy = "run `lal sweep` again: it is written anew and no finished run is repeated"
            raise Refused(f"a sweep must have a manifest, but {self.root / path} {state} (sweeps here: {have}); {remedy}")
        refuse_newer(manifest, path)
        return manifest
