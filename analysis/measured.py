"""Values that were measured after training, on kept checkpoints: merged into a run's history by step."""

from __future__ import annotations

from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from lal.store import RunFolder


def merged(table: pa.Table, folder: RunFolder) -> tuple[pa.Table, tuple[str, ...]]:
    """`table` with the columns of every `measured/<metric>.parquet` of `folder`, and the names of those that cannot be read.

    A value of the history itself stays: what is measured later is the same, bit for bit. Steps that the history does not have are passed over.
    """
    unread = []
    for name in folder.store.names(f"{folder.path}/measured"):
        try:
            later = pq.read_table(pa.BufferReader(folder.get_bytes(f"measured/{name}") or b""))
            steps = later["step"].to_pylist()
        except (pa.ArrowException, OSError, KeyError):
            unread.append(PurePosixPath(name).stem)
            continue
        for column in (each for each in later.column_names if each != "step"):
            table = filled(table, column, dict(zip(steps, later[column].to_pylist(), strict=True)), later[column].type)
    return table, tuple(unread)


def filled(table: pa.Table, column: str, by_step: dict[int, object], kind: pa.DataType) -> pa.Table:
    """`table` whose `column`, of type `kind` if it is new, has the values of `by_step` where it has none."""
    there = column in table.column_names
    own = table[column].to_pylist() if there else [None] * len(table)
    values = [by_step.get(step) if value is None else value for step, value in zip(table["step"].to_pylist(), own, strict=True)]
    array = pa.array(values, table[column].type if there else kind)
    return table.set_column(table.column_names.index(column), column, array) if there else table.append_column(column, array)
