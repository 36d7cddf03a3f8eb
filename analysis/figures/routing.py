"""Routing over training: how decisive routers are, and how many heads are used."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures import series
from analysis.figures.series import Info, table
from analysis.figures.series_drawing import draw

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Routing over training"
OPERATIONS = "Heads by operation: how much the choice of a head tells of the operation that is asked for, in nats; 0 is nothing. "


def prepare(tables: Tables) -> Info | str:
    """Normalised routing entropy, effective heads, and test accuracy, above one another."""
    if not tables.has("routing_entropy_norm"):
        return "no run has routers, so there is no routing to follow"
    rows: list[tuple[str, dict[str, str]]] = [("routing entropy / log n", {"routing_entropy_norm": "solid"})]
    rows += [("effective heads", {"effective_heads": "solid"})] if tables.has("effective_heads") else []
    by_operation = tables.has("operation_specialisation")
    rows += [("heads by operation", {"operation_specialisation": "solid"})] if by_operation else []
    hard = {"hard_acc": "dot"} if tables.has("hard_acc") else {}
    rows += [("test accuracy", {tables.thresholds.goal_column: "solid", **hard})]
    caption = (
        "Routing entropy: 0 when every input takes one head, 1 when all heads share alike. Effective heads: how many are used over all inputs. "
        f"{OPERATIONS if by_operation else ''}"
        "Dotted accuracy: when each input takes its heaviest head alone. "
        f"{series.READING}"
    )
    return series.prepare(tables, rows, caption)
