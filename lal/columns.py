"""What a column of a history may hold: one number a row, unless it is of those that hold a list of numbers. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

LISTS = frozenset({"gate_values", "head_utilization", "key_frequencies", "mode_error", "mode_power"})  # of layers, heads, frequencies, modes


def is_measured(name: str, kind: pa.DataType) -> bool:
    """Whether column `name` may be of this type; one without a value may be of any."""
    import pyarrow.types as of

    is_list = of.is_list(kind) or of.is_large_list(kind)
    number = kind.value_type if is_list else kind
    return of.is_null(kind) or (is_list == (name in LISTS) and (of.is_signed_integer(number) or of.is_floating(number) or of.is_null(number)))
