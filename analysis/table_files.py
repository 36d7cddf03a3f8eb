"""Tables as files: parquet for programs, CSV that spreadsheets show as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.collect import Tables
from analysis.frame import Frame
from analysis.once import once
from lal.events import Thresholds
from lal.store import Store, digest

ROWS_PER_GROUP = 250  # of a table's file
JUDGED_BY = "lal.verdicts"  # in a file's metadata: reports may judge by other thresholds than the sweep, and a sweep be extended after them


QUOTE, FORMULA = "'", ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for text, and for the beginning of a formula


def write(store: Store, folder: str, tables: Tables) -> None:
    """Writes `tables/runs` and `cells` as parquet and CSV; rows of the history are in `tables/history` since they were collected."""
    into, by = f"{store.sweep(folder)}/tables", {JUDGED_BY: note_of(tables.manifest, tables.thresholds)}
    for name in ("runs", "cells"):
        store.put(f"{into}/{name}.parquet", parquet(getattr(tables, name), by))
    for name in ("runs", "cells"):
        store.put(f"{into}/{name}.csv", csv_of(tables, name))


@once
def csv_of(tables: Tables, name: str) -> bytes:
    """The table called so as CSV."""
    return csv(getattr(tables, name))


def parquet(table: Frame, notes: Mapping[str, str] | None = None) -> bytes:
    """`table` as parquet with `notes` in its metadata, in groups of rows so small that who reads it can tell that its texts stay small, too: see
    `lal.store.codec.inflated`."""
    found, sink = pa.Table.from_pandas(table, preserve_index=False), BytesIO()
    found = found.replace_schema_metadata({**(found.schema.metadata or {}), **(notes or {})})
    pq.write_table(found, sink, compression="zstd", row_group_size=ROWS_PER_GROUP)
    return sink.getvalue()


def note_in(data: bytes) -> str | None:
    """What a parquet file that `write` wrote says that its verdicts are on and by; None where it says nothing, or is damaged."""
    try:
        return ((pq.read_schema(pa.BufferReader(data)).metadata or {}).get(JUDGED_BY.encode()) or b"").decode() or None
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return None


def note_of(manifest: Mapping[str, Any], thresholds: Thresholds) -> str:
    """What verdicts are on and by, in short."""
    return digest(json.dumps([asdict(thresholds), manifest["runs"], manifest.get("schedule")], sort_keys=True).encode())


def csv(table: Frame) -> bytes:
    """`table` as CSV for spreadsheets: numbers at full precision; text that one would read as a formula gets a leading quote, names of columns too."""
    texts = {name: column.map(no_formula) for name, column in table.items() if not pd.api.types.is_numeric_dtype(column.dtype)}
    safe = table.assign(**texts).rename(columns=no_formula)
    return safe.to_csv(index=False, lineterminator="\n").encode()


def no_formula(value: Any) -> Any:
    """A cell that a spreadsheet shows and does not compute; a carriage return, which would begin a row in some, is a new line within the cell."""
    if not isinstance(value, str):
        return value
    return f"{QUOTE * value.startswith(FORMULA)}{value}".replace("\r", "\n")
