"""What figures of single measures over training share: a row of panels for each measure that was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.collect import Tables
from analysis.figures import series
from analysis.figures.series import Info

Rows = Sequence[tuple[str, Mapping[str, str]]]


def prepare(tables: Tables, rows: Rows, caption: str, absent: str, log_values: Sequence[str] = (), far_from_0: Sequence[str] = ()) -> Info | str:
    """Curves of those of `rows` (label, {column: dash}) that any run has measured; `absent` where none has."""
    there = [(label, {column: dash for column, dash in columns.items() if tables.has(column)}) for label, columns in rows]
    there = [(label, columns) for label, columns in there if columns]
    if not there:
        return absent
    return series.prepare(tables, there, f"{caption} {series.READING}".strip(), log_values=log_values, far_from_0=far_from_0)
