"""All runs of a manifest as they are stored: what was read before is taken from the shelf, the rest from the runs' folders, a few at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis import shelf
from analysis.frame import Frame
from analysis.history import History, Part, in_memory, written
from analysis.shelf import Line, Shelf
from lal.errors import Refused
from lal.events import Goal, Thresholds
from lal.reading import Reading, reading, verdict_on
from lal.store import Failure, Record, Store, digest

MOST_RUNS, MOST_BYTES = 500, 2**26  # of one file of rows
FEW_RUNS = 250  # a file of fewer is joined with what is new
AT_ONCE = 64  # runs that are in memory beside it

Facts = Callable[[Reading, Any], dict[str, Any]]


@dataclass(frozen=True)
class Found:
    """A `lal.reading.Reading` whose rows are read when they are asked for."""

    state: str
    outcome: str | None
    reason: str | None
    step: int
    record: Record | None
    failure: Failure | None
    unread: tuple[str, ...]
    of: Callable[[], pa.Table | None] = field(repr=False)

    @property
    def rows(self) -> pa.Table | None:
        """As of a Reading."""
        return self.of()


@dataclass
class Gathered:
    """What is known of the distinct readings of a manifest.

    Attributes:
        keys: of the reading behind each of the manifest's runs.
        parts: rows.   lines: readings with rows, by key.   others: those without, by key.   facts: numbers and words of each, by key.
        again: reads the rows of one from the run's folder.
    """

    keys: list[str]
    parts: list[Part]
    lines: dict[str, Line]
    others: dict[str, Reading]
    facts: Frame
    again: Callable[[str], pa.Table | None]

    def history(self, store: Store, keys: Frame) -> Any:
        """Rows of all; `keys`: what tells the manifest's runs apart."""
        self._rows = History(store, self.parts, self.again, keys, [key if key in self.lines else None for key in self.keys])
        return self._rows if len(self._rows) else pd.DataFrame(columns=self._rows.columns)

    @property
    def readings(self) -> list[Reading | Found]:
        """One for each of the manifest's runs."""
        found: dict[str, Reading | Found] = {**self.others, **{key: self._found(line) for key, line in self.lines.items()}}
        return [found[key] for key in self.keys]

    def _found(self, line: Line) -> Found:
        record, failure = shelf.record_of(line)
        return Found(line.state, line.outcome, line.reason, line.step, record, failure, tuple(line.unread), lambda: self._rows.rows_of(line.key))


def key_of(entry: Mapping[str, Any], of: Sequence[Any]) -> str:
    """Of what a reading is made of: the run, what the manifest asks of it, and what all its runs aim at."""
    return digest(json.dumps([entry["run_id"], entry["budget"], entry["eval_every"], *of], sort_keys=True).encode())[:32]


@dataclass(frozen=True)
class Asked:
    """What is asked of runs: a manifest's entries by key, what all aim at, and the scheduler that may have cut them."""

    entries: Mapping[str, Mapping[str, Any]]
    goal: Goal
    fit: Goal | None
    schedule: Any

    def read(self, store: Store, key: str) -> Reading:
        """One reading, from the run's folder."""
        entry = self.entries[key]
        return reading(store.run(entry["run_id"]), entry, self.goal, self.fit, self.schedule)

    def each(self, store: Store, keys: Sequence[str]) -> Iterator[tuple[str, Reading]]:
        """Readings of `keys`, in order, a few at a time."""
        for at in range(0, len(keys), AT_ONCE):
            some = keys[at : at + AT_ONCE]
            yield from zip(some, store.map(lambda key: self.read(store, key), some), strict=True)


def gathered(store: Store, sweep: str, manifest: Mapping[str, Any], goal: Goal, fit: Goal | None, thresholds: Thresholds, facts: Facts) -> Gathered:
    """Every reading that `manifest` asks for; arms that share a run under one budget share its reading. What is new is kept for the next time.

    Args:
        facts: what the runs table says of a reading, given it and its verdict.
    """
    of = [astuple(goal), None if fit is None else astuple(fit), manifest.get("schedule"), shelf.VERSION]
    keys = [key_of(entry, of) for entry in manifest["runs"]]
    asked = Asked(dict(zip(keys, manifest["runs"], strict=True)), goal, fit, manifest.get("schedule"))
    run_ids = {key: entry["run_id"] for key, entry in asked.entries.items()}
    seen, known = store.listed("runs"), shelf.opened(store, sweep)
    stamps = dict(zip(run_ids, seen.map(lambda name: seen.run(name).stamp(), run_ids.values()), strict=True))
    valid = {key: line for key, line in known.lines.items() if line.stamp == stamps.get(key)}
    new = [key for key in run_ids if key not in valid]

    def again(key: str) -> pa.Table | None:
        return asked.read(store, key).rows

    def rows_in(parts: Sequence[Part]) -> Iterator[tuple[str, pa.Table]]:
        return (each for part in parts for each in slices(part, part.read(store, part.columns, again)))

    kept, torn = sorted_out(known, valid, bool(new))
    packer = Packer(store, sweep, run_ids)
    for key, rows in rows_in(torn):
        if key in valid:
            packer.add(valid[key], rows)
    lines, others, told = dict(valid), dict[str, Reading](), dict[str, dict[str, Any]]()
    for key, found in asked.each(seen, new):
        told[key] = judged(found, thresholds, facts)
        if found.rows is None:
            others[key] = found
        else:
            lines[key] = shelf.line_of(key, stamps[key] or "", found, told[key]["phase"], len(found.rows))
            packer.add(lines[key], found.rows)
    parts = [*kept, *packer.finished()]
    same = known.facts if known.thresholds == list(astuple(thresholds)) else None
    if same is None:
        for key, rows in rows_in([part for part in parts if any(key not in told for key in part.keys)]):
            if key not in told:
                told[key] = judged(lines[key].reading(rows), thresholds, facts)
                lines[key] = lines[key].model_copy(update={"phase": told[key]["phase"]})
    whole = joined(same, valid, told)
    if (packer.parts or same is None or len(kept) < len(known.parts)) and all(part.stamp for part in parts):
        with suppress(OSError, Refused):  # the tables are as right without; they are only slower the next time
            shelf.keep(store, sweep, parts, lines, whole, thresholds)
    return Gathered(keys, parts, lines, others, whole, again)


def joined(known: Frame | None, valid: Mapping[str, Line], told: Mapping[str, dict[str, Any]]) -> Frame:
    """Facts of all readings by key: those that were `known`, of readings that are still `valid`, and those `told` now."""
    tables = [] if known is None or not valid else [known.loc[[*valid]]]
    tables += [pd.DataFrame(list(told.values()), index=list(told))] if told else []
    return pd.concat(tables) if len(tables) > 1 else tables[0]


def judged(found: Reading, thresholds: Thresholds, facts: Facts) -> dict[str, Any]:
    """The facts of a reading, with the verdict on its rows."""
    return facts(found, None if found.rows is None else verdict_on(found.rows, found.outcome or "", thresholds))


def sorted_out(known: Shelf, valid: Mapping[str, Line], growing: bool) -> tuple[list[Part], list[Part]]:
    """Files of rows that stay, and those that are written anew: with runs that are others now, and small ones where there is something to join them with."""
    whole = [part for part in known.parts if all(key in valid for key in part.keys)]
    kept = [part for part in whole if not growing or len(part.keys) >= FEW_RUNS or sum(part.counts) * len(part.columns) * 8 >= MOST_BYTES // 2]
    return kept, [part for part in known.parts if part not in kept and any(key in valid for key in part.keys)]


def slices(part: Part, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Rows of each reading, without the columns that it has no value of."""
    first = 0
    for key, count in zip(part.keys, part.counts, strict=True):
        own = rows.slice(first, count)
        first += count
        yield key, own.select([name for name in own.schema.names if name == "step" or own[name].null_count < count])


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
