"""Rows of many readings -> a few files."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from analysis import shelf
from analysis.history import Part, in_memory, written
from analysis.shelf import Line
from lal.errors import Refused
from lal.store import Store

MOST_RUNS, MOST_BYTES = 500, 2**26  # of one file of rows


class Packer:
    """Puts rows of many readings into few files; those that cannot be written stay in memory."""

    def __init__(self, store: Store, sweep: str, run_ids: Mapping[str, str]):
        self._store, self._sweep, self._run_ids = store, sweep, run_ids
        self._lines, self._tables, self._bytes = list[Line](), list[pa.Table](), 0
        self.parts, self.can_write = list[Part](), True

    def add(self, line: Line, rows: pa.Table) -> None:
        """Takes the rows of a reading."""
        self._lines.append(line)
        self._tables.append(rows)
        self._bytes += rows.num_rows * rows.num_columns * 8
        if len(self._lines) >= MOST_RUNS or self._bytes >= MOST_BYTES:
            self._write()

    def finished(self) -> list[Part]:
        """All files, with what was left."""
        if self._lines:
            self._write()
        return self.parts

    def _write(self) -> None:
        part = in_memory(shelf.path_of(self._store, self._sweep, self._lines), [line.key for line in self._lines], self._tables)
        if self.can_write:
            try:
                part = written(self._store, part, [self._run_ids[line.key] for line in self._lines])
            except (OSError, Refused):
                self.can_write = False
        self.parts.append(part)
        self._lines, self._tables, self._bytes = [], [], 0
