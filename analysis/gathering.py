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
from analysis.history import History, Part
from analysis.new_runs import Asked
from analysis.packing import MOST_BYTES
from analysis.shelf import Line, Shelf
from analysis.side_by_side import read_side_by_side
from lal.errors import Refused
from lal.events import Goal, Thresholds
from lal.reading import Reading
from lal.store import Failure, Record, Store, digest

FEW_RUNS = 250  # a file of fewer is joined with what is new


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


def gathered(store: Store, sweep: str, manifest: Mapping[str, Any], goal: Goal, fit: Goal | None, thresholds: Thresholds) -> Gathered:
    """Every reading that `manifest` asks for; arms that share a run under one budget share its reading. What is new is kept for the next time."""
    of = [astuple(goal), None if fit is None else astuple(fit), manifest.get("schedule"), shelf.VERSION]
    keys = [key_of(entry, of) for entry in manifest["runs"]]
    asked = Asked(sweep, dict(zip(keys, manifest["runs"], strict=True)), goal, fit, manifest.get("schedule"), thresholds)
    stamps = asked.stamps(store)
    known = shelf.opened(store, sweep)
    valid = {key: line for key, line in known.lines.items() if line.stamp == stamps.get(key)}
    new = {key: stamp for key, stamp in stamps.items() if key not in valid}

    def again(key: str) -> pa.Table | None:
        return asked.read(store, key).rows

    def rows_in(parts: Sequence[Part]) -> Iterator[tuple[str, pa.Table]]:
        return (each for part in parts for each in slices(part, part.read(store, part.columns, again)))

    kept, torn = sorted_out(known, valid, bool(new))
    read = read_side_by_side(store, asked, new, ((valid[key], rows) for key, rows in rows_in(torn) if key in valid))
    lines, told = {**valid, **read.lines}, dict(read.told)
    parts = [*kept, *read.parts]
    same = known.facts if known.thresholds == list(astuple(thresholds)) else None
    if same is None:
        for key, rows in rows_in([part for part in parts if any(key not in told for key in part.keys)]):
            if key not in told:
                told[key] = asked.judged(lines[key].reading(rows))
                lines[key] = lines[key].model_copy(update={"phase": told[key]["phase"]})
    whole = joined(same, valid, told)
    if (read.parts or same is None or len(kept) < len(known.parts)) and all(part.stamp for part in parts):
        with suppress(OSError, Refused):  # the tables are as right without; they are only slower the next time
            shelf.keep(store, sweep, parts, lines, whole, thresholds)
    return Gathered(keys, parts, lines, read.others, whole, again)


def joined(known: Frame | None, valid: Mapping[str, Line], told: Mapping[str, dict[str, Any]]) -> Frame:
    """Facts of all readings by key: those that were `known`, of readings that are still `valid`, and those `told` now."""
    tables = [] if known is None or not valid else [known.loc[[*valid]]]
    tables += [pd.DataFrame(list(told.values()), index=list(told))] if told else []
    return pd.concat(tables) if len(tables) > 1 else tables[0]


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
