"""Rows of all runs of a sweep, kept in a few files of many runs each, of which only the columns that are asked for are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis.frame import Frame
from lal.store import Store, is_uri
from lal.store.codec import is_plain

Again = Callable[[str], pa.Table | None]  # rows of a reading, from the folder of its run


@dataclass(frozen=True)
class Part:
    """Rows of some readings, one after another.

    Attributes:
        path: of the file, in the store.   stamp: of the file when it was written; empty where it could not be, and `table` holds the rows.
        keys, counts: which readings, and how many rows of each.
        columns: measured, in order.   there: those of them that have a value other than NaN.
    """

    path: str
    stamp: str
    keys: tuple[str, ...]
    counts: tuple[int, ...]
    columns: tuple[str, ...]
    there: tuple[str, ...]
    table: pa.Table | None = None

    def read(self, store: Store, wanted: Iterable[str], again: Again) -> pa.Table:
        """Those of the columns `wanted` that it has; from the runs' own folders where the file is gone or damaged."""
        names = [name for name in wanted if name in self.columns]
        if self.table is not None:
            return self.table.select(names)
        found = self._stored(store, names)
        return self.renewed(again).table.select(names) if found is None else found  # type: ignore[union-attr]

    def _stored(self, store: Store, names: Sequence[str]) -> pa.Table | None:
        try:
            with pq.ParquetFile(source(store, self.path), page_checksum_verification=True) as file:
                if file.metadata.num_rows != sum(self.counts) or not all(is_plain(file.schema_arrow.field(name).type) for name in names):
                    return None
                if not names:
                    return pa.table({"": pa.nulls(sum(self.counts))}).select([])
                found = file.read(columns=list(names), use_threads=False).select(names).replace_schema_metadata(None)
                found.validate(full=True)
        except (pa.ArrowException, OSError, KeyError):
            return None
        return found

    def renewed(self, again: Again) -> Part:
        """The same readings, read from their folders."""
        tables = [again(key) for key in self.keys]
        empty = pa.table({name: pa.array([], pa.float64()) for name in self.columns})
        return in_memory(self.path, self.keys, [empty if each is None else each for each in tables])


def source(store: Store, path: str) -> Any:
    """What pyarrow reads a file of `store` from: of a folder of this machine only what is asked for.

    Raises:
        OSError: there is no such file.
    """
    if not is_uri(store.address):
        return pa.OSFile(store.where(path))
    data = store.get(path)
    if data is None:
        raise FileNotFoundError(path)
    return pa.BufferReader(data)


def in_memory(path: str, keys: Sequence[str], tables: Sequence[pa.Table]) -> Part:
    """A part that is not written yet."""
    alike = all(each.schema.equals(tables[0].schema) for each in tables)  # as runs of one sweep mostly are; to make them so costs more than all the rest
    whole = pa.concat_tables(tables, promote_options="none" if alike else "permissive").combine_chunks()
    there = [name for name in whole.column_names if pc.any(pc.invert(pc.is_null(whole[name], nan_is_null=True))).as_py()]  # type: ignore[attr-defined]
    return Part(path, "", tuple(keys), tuple(map(len, tables)), tuple(whole.column_names), tuple(there), whole)


def written(store: Store, part: Part, run_ids: Sequence[str]) -> Part:
    """`part` as a file, with a column of run ids.

    Raises:
        OSError, Refused: it cannot be written.
    """
    assert part.table is not None
    own = [name for name in part.columns if name != "run_id"]
    names = pa.array(np.repeat(np.array(run_ids, object), part.counts), pa.string())
    table = pa.table({"run_id": names, **{name: part.table[name] for name in own}})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True, use_dictionary=["run_id"], store_schema=False)  # type: ignore[arg-type]
    store.put(part.path, sink.getvalue().to_pybytes())
    return replace(part, stamp=store.stamp(part.path) or "", columns=tuple(own), table=None)


@final
class History:
    """One row an evaluation of a run that counts: `run_id`, `cell`, `arm`, `name`, axis paths, `seed`, `step`, and measured columns.

    To its readers a table, of which `history["test_acc"]` and `history[["step", "test_acc"]]` read no other column, and everything else all of them.
    """

    def __init__(self, store: Store, parts: Sequence[Part], again: Again, keys: Frame, of: Sequence[str | None]):
        """`keys`: key columns of every row of the runs table; `of`: the reading behind each, None where it has no rows."""
        self._store, self._parts, self._again = store, tuple(parts), again
        starts = accumulate((count for part in parts for count in part.counts), initial=0)
        self._first = dict(zip((key for part in parts for key in part.keys), starts, strict=False))
        self._count = dict(zip((key for part in parts for key in part.keys), (count for part in parts for count in part.counts), strict=True))
        self._keys, self._of = keys, tuple(of)
        self._last: tuple[str, pa.Table] | None = None

    @cached_property
    def _counts(self) -> np.ndarray:
        return np.array([self._count.get(key, 0) if key else 0 for key in self._of], int)

    @cached_property
    def _rows(self) -> np.ndarray | None:
        """Where each row is in all parts together; None where they are in order."""
        firsts = np.array([self._first.get(key, 0) if key else 0 for key in self._of], int)
        before = np.cumsum(self._counts) - self._counts
        places = np.arange(self._counts.sum()) + np.repeat(firsts - before, self._counts)
        return None if len(places) == sum(self._count.values()) and np.array_equal(places, np.arange(len(places))) else places

    @cached_property
    def columns(self) -> list[str]:
        """Names of all columns."""
        measured = dict.fromkeys(name for part in self._parts for name in part.columns)
        return list(dict.fromkeys([*self._keys.columns, "step", *measured]))

    @property
    def empty(self) -> bool:
        """Whether there is no row."""
        return len(self) == 0

    def has(self, column: str) -> bool:
        """Whether any row has a value of measured `column` other than NaN."""
        return any(column in part.there for part in self._parts)

    def __len__(self) -> int:
        return int(self._counts.sum())

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._read([key])[key]
        if isinstance(key, list) and all(isinstance(name, str) for name in key):
            return self._read(key)
        return self.whole[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.whole, name)

    @cached_property
    def whole(self) -> Frame:
        """All columns."""
        return self._read(self.columns)

    def _read(self, names: Sequence[str]) -> Frame:
        lacking = [name for name in names if name not in self.columns]
        if lacking:
            raise KeyError(lacking[0])
        table = self._measured([name for name in names if name not in self._keys.columns])
        columns = {name: self._key(name) if name in self._keys.columns else table[name].to_pandas() for name in names}
        return pd.DataFrame(columns, copy=False)

    def _measured(self, names: Sequence[str]) -> pa.Table:
        table = pa.concat_tables([each.read(self._store, names, self._again) for each in self._parts], promote_options="permissive")
        return table if self._rows is None else table.combine_chunks().take(pa.array(self._rows))

    def evaluations(self, names: Sequence[str]) -> tuple[pa.Table, np.ndarray]:
        """Measured columns with their nulls, and how many rows each run that has rows has of them, in the order of the runs table."""
        return self._measured(names), self._counts[[key is not None for key in self._of]]

    def _key(self, name: str) -> Any:
        return self._keys[name].take(np.repeat(np.arange(len(self._of)), self._counts)).reset_index(drop=True)

    def rows_of(self, key: str) -> pa.Table:
        """All measured columns of one reading. Those that no row of it has are left out; the part it is in is kept for the next."""
        part = next(each for each in self._parts if key in each.keys)
        if self._last is None or self._last[0] != part.path:
            self._last = part.path, part.read(self._store, part.columns, self._again)
        first = sum(part.counts[: part.keys.index(key)])
        rows = self._last[1].slice(first, self._count[key])
        return rows.select([name for name in rows.schema.names if rows[name].null_count < len(rows) or name == "step"])
