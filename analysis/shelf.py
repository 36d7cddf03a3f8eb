"""What was read of a sweep's runs before, kept beside its tables, so that only what is new is read again.

    tables/history/<digest>.parquet   rows of many runs each        tables/readings.json, readings.parquet   what was made of them

Nothing here is more than a copy: it may be removed at any time, and what is damaged, of another version, or older than the runs' own files is read anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from io import BytesIO
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from analysis.frame import Frame
from analysis.history import Part
from lal.events import Thresholds
from lal.reading import Reading
from lal.store import Failure, Record, Store, digest, parsed
from lal.store.codec import table

VERSION = 2  # another one where readings, or what is made of them, have come to mean something else
TEXTS = ("state", "outcome", "reason", "phase")  # of the facts of a run, what is no number


class Shape(BaseModel):
    """What is stored may have been edited, or be a stranger's."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Line(Shape):
    """One reading: see `lal.reading.Reading`, and the phase of its verdict."""

    key: str
    stamp: str
    state: Literal["done", "outgrown"]
    outcome: str
    reason: str
    phase: str
    step: int = Field(ge=0)
    unread: list[str]
    record: dict[str, Any]
    failure: dict[str, Any] | None
    n_rows: int = Field(ge=0)

    def reading(self, rows: pa.Table) -> Reading:
        """What verdicts and facts are made of, with its `rows`."""
        return Reading(self.state, self.outcome, self.reason, self.step, rows=rows)


class PartLine(Shape):
    """One file of rows."""

    name: str = Field(pattern=r"\A[0-9a-f]{16}\z")
    stamp: str = Field(min_length=1)
    columns: list[str]
    there: list[str]
    readings: list[Line]


class Index(Shape):
    """All of it."""

    version: Literal[2]
    thresholds: list[Any]
    facts_sha256: str
    parts: list[PartLine]


@dataclass(frozen=True)
class Shelf:
    """What was read before.

    Attributes:
        parts: files of rows that are as they were written.   lines: the readings in them, by key.
        facts: numbers of each reading by key, under `thresholds`; None where there are none that can be trusted.
    """

    parts: tuple[Part, ...] = ()
    lines: Mapping[str, Line] = field(default_factory=dict)
    facts: Frame | None = None
    thresholds: list[Any] | None = None


def folder_of(store: Store, sweep: str) -> str:
    """Where a sweep's tables are."""
    return f"{store.sweep(sweep)}/tables"


def opened(store: Store, sweep: str) -> Shelf:
    """What is kept of `sweep`, as far as it is whole."""
    into = folder_of(store, sweep)
    data = store.get(f"{into}/readings.json")
    try:
        index = None if data is None else TypeAdapter(Index).validate_json(data)
    except ValidationError:
        index = None
    if index is None:
        return Shelf()
    seen = store.listed(f"{into}/history")
    whole = [each for each in index.parts if seen.stamp(f"{into}/history/{each.name}.parquet") == each.stamp]
    lines = {line.key: line for part in whole for line in part.readings}
    parts = tuple(part_of(f"{into}/history/{each.name}.parquet", each) for each in whole)
    return Shelf(parts, lines, facts(store.get(f"{into}/readings.parquet"), index), index.thresholds)


def part_of(path: str, told: PartLine) -> Part:
    """A file of rows as it is told."""
    keys, counts = zip(*((line.key, line.n_rows) for line in told.readings), strict=True) if told.readings else ((), ())
    return Part(path, told.stamp, keys, counts, tuple(told.columns), tuple(told.there))


def facts(data: bytes | None, index: Index) -> Frame | None:
    """The facts of all readings of `index`; None where the file is another."""
    keys = [line.key for part in index.parts for line in part.readings]
    found = table(data) if data is not None and digest(data) == index.facts_sha256 else None
    if found is None or len(found) != len(keys) or len({*keys}) != len(keys):
        return None
    texts = {name: [getattr(line, name) for part in index.parts for line in part.readings] for name in TEXTS}
    return found.to_pandas().set_index(pd.Index(keys)).assign(**texts)


def keep(store: Store, sweep: str, parts: Sequence[Part], lines: Mapping[str, Line], found: Frame, thresholds: Thresholds) -> None:
    """Notes what was read. Files of rows that it does not name are removed: they are of runs as they were before.

    Raises:
        OSError, Refused: nothing can be written there.
    """
    into = folder_of(store, sweep)
    keys = [key for part in parts for key in part.keys]
    numbers = found.loc[keys].drop(columns=list(TEXTS))
    sink = BytesIO()
    pq.write_table(pa.Table.from_pandas(numbers, preserve_index=False), sink, compression="zstd", write_page_checksum=True)
    told = [part_line(each, lines) for each in parts]
    index = {"version": VERSION, "thresholds": list(astuple(thresholds)), "facts_sha256": digest(sink.getvalue()), "parts": told}
    store.put(f"{into}/readings.parquet", sink.getvalue())
    store.put(f"{into}/readings.json", json.dumps(index).encode())
    kept = {f"{each['name']}.parquet" for each in told}
    for name in store.names(f"{into}/history"):
        if name not in kept:
            store.remove(f"{into}/history/{name}")


def part_line(part: Part, lines: Mapping[str, Line]) -> dict[str, Any]:
    """How a file of rows is noted."""
    readings = [lines[key].model_dump() for key in part.keys]
    name = part.path.rpartition("/")[2].removesuffix(".parquet")
    return {"name": name, "stamp": part.stamp, "columns": part.columns, "there": part.there, "readings": readings}


def line_of(key: str, stamp: str, found: Reading, phase: str, n_rows: int) -> Line:
    """How a reading with rows is noted."""
    assert found.record is not None
    failure = None if found.failure is None else dict(vars(found.failure))
    return Line.model_construct(
        key=key,
        stamp=stamp,
        state=found.state,
        outcome=found.outcome or "",
        reason=found.reason or "",
        phase=phase,
        step=found.step,
        unread=list(found.unread),
        record=dict(vars(found.record)),
        failure=failure,
        n_rows=n_rows,
    )


def record_of(line: Line) -> tuple[Record | None, Failure | None]:
    """The record and the failure of a reading, as they were when it was read."""
    return parsed(Record, line.record, line.key), parsed(Failure, line.failure, line.key)


def path_of(store: Store, sweep: str, lines: Iterable[Line]) -> str:
    """Where the rows of these readings are written: another name for whatever is different."""
    return f"{folder_of(store, sweep)}/history/{digest(' '.join(f'{line.key} {line.stamp}' for line in lines).encode())[:16]}.parquet"
