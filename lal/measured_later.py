"""Values that were measured after training, on kept checkpoints: merged into a run's history by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from lal.columns import is_measured
from lal.store import RunFolder


def merged(table: pa.Table, folder: RunFolder) -> tuple[pa.Table, tuple[str, ...]]:
    """`table` with the columns of every metric that was measured later, and the names of those whose file is damaged.

    A value of the history itself stays: what is measured later is the same, bit for bit. Steps that the history does not have are passed over.
    """
    unread = []
    for metric in folder.measured_names():
        rows = folder.measured(metric)
        if rows is None or not all("step" in row for row in rows):
            unread.append(metric)
            continue
        try:
            table = with_all(table, rows)
        except (pa.ArrowException, TypeError):
            unread.append(metric)
    return table, tuple(unread)


def with_all(table: pa.Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """`table` with every column of `rows`: see `filled`."""
    for column in dict.fromkeys(name for row in rows for name in row if name != "step"):
        table = filled(table, column, {row["step"]: row.get(column) for row in rows})
    return table


def filled(table: pa.Table, column: str, by_step: Mapping[int, Any]) -> pa.Table:
    """`table` whose `column`, added if it is new, has the values of `by_step` where it has none.

    Raises:
        ArrowException, TypeError: they are of a type that no such column has.
    """
    there = column in table.column_names
    own = table[column].to_pylist() if there else [None] * len(table)
    values = [by_step.get(step) if value is None else value for step, value in zip(table["step"].to_pylist(), own, strict=True)]
    typed = there and not pa.types.is_null(table[column].type)
    new = pa.array(values, table[column].type if typed else None)
    if not is_measured(column, new.type):
        raise TypeError(f"{column} of type {new.type}")
    return table.set_column(table.column_names.index(column), column, new) if there else table.append_column(column, new)
