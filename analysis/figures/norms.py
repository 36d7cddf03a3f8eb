"""Weight norms over training, in all and by role, with the scale of logits and of the last representation."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures import measures
from analysis.figures.series import Info, table
from analysis.figures.series_drawing import draw

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Weight norms over training"
ROLES = {
    "embedding": "norm of embeddings",
    "weight": "norm of matrices",
}  # the others are in the tables


def prepare(tables: Tables) -> Info | str:
    """All weights, the largest roles, logits, representation, and the rows whose softmax has collapsed."""
    rows = [
        ("weight norm", {"weight_norm": "solid"}),
        *((label, {f"role_norm/{role}": "solid"}) for role, label in ROLES.items()),
        ("logit scale", {"logit_scale": "solid"}),
        ("representation norm", {"representation_norm": "solid"}),
        ("collapsed rows", {"collapsed_share": "solid"}),
    ]
    caption = "Euclidean norms."
    if tables.has("collapsed_share"):
        caption += " Collapsed rows: the share of training rows whose softmax has nothing left to learn from in the working precision."
    return measures.prepare(tables, rows, caption, "no run measured weight norms")
