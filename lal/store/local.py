"""A folder of this machine, or one that it mounts."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import final
from uuid import uuid4

from lal.errors import Refused
from lal.store.place import Place


@final
class Local(Place):
    """A folder of this machine; it need not be there yet. What links within it lead to elsewhere is read, but neither written nor removed."""

    at_once = 1

    def __init__(self, root: str | os.PathLike[str]):
        self.root = Path(root).absolute()
        self.address = str(self.root)

    def inside(self, path: str, *, itself: bool = False) -> Path:
        """Where `path` is: with its folder (or `itself`, a folder) truly below the root.

        Raises:
            Refused: a link on the way leads out: what is there is not ours to change.
        """
        target = self.root / path
        there = os.path.realpath(target if itself else target.parent)
        root = os.path.realpath(self.root)
        if os.path.commonpath([there, root]) != root:
            contract = "what is changed in a results folder must be in it"
            raise Refused(f"{contract}, but a link in {self.root} leads {path} to {there}; replace the link by what it means, or give that as --results")
        return target

    def _in_folder(self, path: str) -> Path:
        """Where `path` is to be written: its folder is there.

        Raises:
            Refused: there can be no such folder: a link that leads nowhere is in the way, or the system makes none there.
        """
        target = self.inside(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileNotFoundError, FileExistsError) as error:
            what = f"results must be where folders can be made, but {error.filename or target.parent} cannot be"
            raise Refused(f"{what} ({error.strerror}); use another --results, or remove the link or file in its way") from error
        return target

    def put(self, path: str, data: bytes) -> None:
        target = self._in_folder(path)
        beside = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        except OSError as error:  # of a full disk the system does not say which
            error.filename = error.filename or str(target)
            raise
        finally:
            beside.unlink(missing_ok=True)

    def create(self, path: str, data: bytes) -> bool:
        """By a hard link, which one of several that try at once gets."""
        target = self._in_folder(path)
        beside = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
        try:
            beside.write_bytes(data)
            os.link(beside, target)
        except FileExistsError:
            return False
        finally:
            beside.unlink(missing_ok=True)
        return True

    def get(self, path: str, at_most: int | None = None) -> bytes | None:
        target = self.root / path
        try:
            return target.read_bytes() if is_stored(target, at_most) else None
        except (FileNotFoundError, NotADirectoryError):
            return None
        except IsADirectoryError:
            return b""  # something is there, and it is no file of ours: damaged, as an empty one is

    def has(self, path: str) -> bool:
        return (self.root / path).is_file()

    def remove(self, path: str) -> None:
        self.inside(path).unlink(missing_ok=True)

    def names(self, path: str) -> list[str]:
        try:
            return sorted(each.name for each in (self.root / path).iterdir() if not each.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def files(self, path: str) -> dict[str, str]:
        found = (each.relative_to(self.root) for each in (self.root / path).rglob("*") if each.is_file())
        return {name: self.stamp(name) or "" for name in sorted(each.as_posix() for each in found if not each.name.startswith("."))}

    def stamp(self, path: str) -> str | None:
        try:
            there = os.stat(f"{self.root}/{path}")  # noqa: PTH116 (a Path costs more than the question)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return f"{there.st_size} {there.st_mtime_ns} {there.st_ctime_ns} {there.st_ino}" if stat.S_ISREG(there.st_mode) else None

    def tidy(self, path: str) -> None:
        for left in self.inside(path, itself=True).rglob(".*.tmp"):
            left.unlink(missing_ok=True)

    def listed(self, path: str) -> Place:
        """Itself: to ask again is as cheap as to remember."""
        return self

    def where(self, path: str) -> str:
        return str(self.root / path)

    def free_bytes(self) -> int | None:
        there = next(each for each in (self.root, *self.root.parents) if each.exists())
        return shutil.disk_usage(there).free


def is_stored(target: Path, at_most: int | None) -> bool:
    """Whether reading `target` comes to an end: pipes and devices may keep a reader for ever. Nor may it be of more than `at_most` bytes."""
    there = target.stat()
    return (stat.S_ISREG(there.st_mode) and (at_most is None or there.st_size <= at_most)) or stat.S_ISDIR(there.st_mode)
