"""What rows become when they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lal.columns import LISTS, is_measured
from lal.store import encoded, history_table


def refused(rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Columns of these rows that a reader takes for no run's; and of LISTS, those without a list."""
    table = history_table(encoded([{"step": step, **row} for step, row in enumerate(rows)]))
    assert table is not None
    known = {name for name, kind in zip(table.schema.names, table.schema.types, strict=True) if is_measured(name, kind)}
    return {*table.schema.names} - known | {name for row in rows for name in LISTS & {*row} if not isinstance(row[name], list)}
