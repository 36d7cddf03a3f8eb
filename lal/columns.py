"""What values a measured column can have, as far as its name tells, and of which type. Imports no torch."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

LISTS = frozenset({"gate_values", "head_utilization", "key_frequencies", "mode_error", "mode_power", "step_loss"})  # of layers, heads, modes, places
SHARES = {"routing_entropy_norm", "diagonal_energy", "logit_smoothness", "spectral_smoothness", "embedding_gini", "neuron_ipr"}
REDUCTIONS = {"reduction", "train_reduction"}  # 1 - loss / first level: less than 0 where the loss is above that level
AT_LEAST_0 = ("_depth", "_entropy", "_gates", "_loss", "_norm", "_heads", "_present")


def bounds(column: str) -> tuple[float, float]:
    """The least and largest value that `column` can have (infinite where there is none), whenever it is read (`<column>@<when>`)."""
    name = column.split("@")[0]
    if name in SHARES or name.endswith(("_acc", "_share")):
        return 0.0, 1.0
    if name in REDUCTIONS:
        return -inf, 1.0
    return (0.0, inf) if name.endswith(AT_LEAST_0) else (-inf, inf)


def can_have(column: str, value: float) -> bool:
    """Whether `column` can have the finite number `value`."""
    low, high = bounds(column)
    return isfinite(value) and low <= value <= high


def range_word(column: str) -> str:
    """What `column` can have, in words."""
    low, high = bounds(column)
    if isfinite(low):
        return f"from {low:g} to {high:g}" if isfinite(high) else f"{low:g} or more"
    return f"{high:g} or less" if isfinite(high) else "a number"


def is_measured(column: str, kind: pa.DataType) -> bool:
    """Whether `column` may be of this type: a number a row, or of LISTS, a list of them; one without a value may be of any."""
    import pyarrow.types as of

    is_list = of.is_list(kind) or of.is_large_list(kind)
    number = kind.value_type if is_list else kind
    return of.is_null(kind) or (is_list == (column in LISTS) and (of.is_signed_integer(number) or of.is_floating(number) or of.is_null(number)))
