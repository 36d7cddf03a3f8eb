"""Where a value of a run was written: the line in the YAML, or the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from launch.parsing.merging import segments
from launch.parsing.overrides import Overrides
from launch.parsing.reading import Document

if TYPE_CHECKING:
    from launch.parsing.expansion import Cell

COMMAND_LINE = "command line"
Keys = tuple[Any, ...]


@dataclass(frozen=True)
class Origins:
    """The layers that the runs of one cell are made of."""

    document: Document
    profile: str | None
    overrides: Overrides
    cell: Cell

    def place(self, path: Keys) -> str:
        """Where the innermost written part of `path` of a run stands: of several layers, the one that wins."""
        best, where = -1, self.document.places[()]
        for prefix, written in self._layers():
            depth, found = self._reach(prefix, written, path)
            if depth > best:
                best, where = depth, found
        return where

    def of_cell(self) -> str:
        """Where the last of what sets this cell apart is written."""
        paths = list(self.cell.set_here())
        return self.place(segments(paths[-1])) if paths else self.of_sweep(("arms", self.cell.arm))

    def of_sweep(self, path: Keys) -> str:
        """Where `path` of the sweep itself stands."""
        return self.document.place(next((each for each in (("profiles", self.profile, *path), path) if each in self.document.places), path))

    def _layers(self) -> Iterator[tuple[Keys, Keys | None]]:
        """(where a layer sits in a run, where it is written; None: on the command line), strongest first."""
        for path in (*self.overrides.fixed, *self.overrides.axes):
            yield segments(path), None
        for path, (index, _) in self.cell.axes.items():
            written = self._first("axes", path)
            if path not in self.overrides.axes and path not in self.overrides.fixed and written:
                yield segments(path), (*written, index) if (*written, index) in self.document.places else written
        points = self._first("points")
        if self.cell.point and points:
            key = next(key for key in (self.cell.point.name, self.cell.point.index) if key is not None)
            for path in self.cell.point.values:
                yield segments(path), (*points, key, path)
        for home in self._homes():
            if (*home, "base") in self.document.places:
                yield (), (*home, "base")

    def _homes(self) -> tuple[Keys, ...]:
        arm = ("arms", self.cell.arm)
        return (*([("profiles", self.profile, *arm), arm, ("profiles", self.profile)] if self.profile else [arm]), ())

    def _first(self, *keys: str) -> Keys | None:
        return next((found for home in self._homes() if (found := (*home, *keys)) in self.document.places), None)

    def _reach(self, prefix: Keys, written: Keys | None, path: Keys) -> tuple[int, str]:
        """How many keys of `path` the layer has, and where the last of them stands."""
        if path[: len(prefix)] != prefix:
            return (len(path), self._told(written)) if prefix[: len(path)] == path else (-1, "")
        depth = len(prefix)
        if written is None:
            return max(depth, len(path)), COMMAND_LINE
        while depth < len(path) and (*written, path[depth]) in self.document.places:
            written = (*written, path[depth])
            depth += 1
        return depth, self._told(written)

    def _told(self, written: Keys | None) -> str:
        return COMMAND_LINE if written is None else self.document.place(written)
