"""Runs that were not read before: their folders -> readings, what the runs table says of them, and their rows in a few files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from analysis import shelf
from analysis.history import Part
from analysis.packing import Packer
from analysis.run_row import facts_of
from analysis.shelf import Line
from lal.events import Goal, Thresholds
from lal.reading import Reading, reading, verdict_on
from lal.store import Store

AT_ONCE = 64  # runs that are in memory beside the file they are packed into
Rows = tuple[Line, pa.Table]


@dataclass(frozen=True)
class Asked:
    """What is asked of the runs of `sweep`: a manifest's entries by key, what all aim at, the scheduler that may have cut them, what verdicts are by."""

    sweep: str
    entries: Mapping[str, Mapping[str, Any]]
    goal: Goal
    fit: Goal | None
    schedule: Any
    thresholds: Thresholds

    def stamps(self, store: Store) -> dict[str, str | None]:
        """Of each run's folder, by key: another one once something was written there."""
        seen = store.listed("runs")
        return dict(zip(self.entries, seen.map(lambda entry: seen.run(entry["run_id"]).stamp(), self.entries.values()), strict=True))

    def read(self, store: Store, key: str) -> Reading:
        """One reading, from the run's folder."""
        entry = self.entries[key]
        return reading(store.run(entry["run_id"]), entry, self.goal, self.fit, self.schedule)

    def each(self, store: Store, keys: Sequence[str]) -> Iterator[tuple[str, Reading]]:
        """Readings of `keys`, in order, a few at a time."""
        for at in range(0, len(keys), AT_ONCE):
            some = keys[at : at + AT_ONCE]
            yield from zip(some, store.map(lambda key: self.read(store, key), some), strict=True)

    @cached_property
    def _facts(self) -> Any:
        return facts_of(self.thresholds)

    def judged(self, found: Reading) -> dict[str, Any]:
        """What the runs table says of a reading, with the verdict on its rows."""
        return self._facts(found, None if found.rows is None else verdict_on(found.rows, found.outcome or "", self.thresholds))

    def only(self, keys: Iterable[str]) -> Asked:
        """The same of fewer runs."""
        return Asked(self.sweep, {key: self.entries[key] for key in keys}, self.goal, self.fit, self.schedule, self.thresholds)


@dataclass
class Read:
    """What was read.

    Attributes:
        lines: readings with rows, by key.   others: those without, by key.   told: what the runs table says of each, by key.   parts: rows.
    """

    lines: dict[str, Line] = field(default_factory=dict)
    others: dict[str, Reading] = field(default_factory=dict)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def with_(self, more: Read) -> Read:
        """Both, this first."""
        return Read({**self.lines, **more.lines}, {**self.others, **more.others}, {**self.told, **more.told}, [*self.parts, *more.parts])


def read_new(store: Store, asked: Asked, stamps: Mapping[str, str | None], before: Iterable[Rows] = ()) -> Read:
    """Readings of the runs that `stamps` has, in order; rows of those `before` go into files with theirs."""
    seen, read = store.listed("runs"), Read()
    packer = Packer(store, asked.sweep, {key: entry["run_id"] for key, entry in asked.entries.items()})
    for line, rows in before:
        packer.add(line, rows)
    for key, found in asked.each(seen, [*stamps]):
        read.told[key] = asked.judged(found)
        if found.rows is None:
            read.others[key] = found
        else:
            read.lines[key] = shelf.line_of(key, stamps[key] or "", found, read.told[key]["phase"], len(found.rows))
            packer.add(read.lines[key], found.rows)
    read.parts = packer.finished()
    return read
