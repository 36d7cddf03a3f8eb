"""Curvature over training: of outputs in the input, of the loss in the weights."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures import measures
from analysis.figures.series import Info, draw, table

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Curvature over training"


def prepare(tables: Tables) -> Info | str:
    """Sensitivity to inputs first, then the landscape of the loss."""
    rows = [
        ("Jacobian norm", {"jacobian_norm": "solid"}),
        ("input Hessian trace", {"input_hessian_trace": "solid"}),
        ("gradient norm", {"grad_norm": "solid"}),
        ("weight Hessian trace", {"hessian_trace": "solid"}),
        ("Fisher trace", {"fisher_trace": "solid", "empirical_fisher_trace": "dot"}),
    ]
    caption = (
        "Fisher trace, solid: labels drawn from the network; dotted: the labels given. Standard errors of estimates are in the tables; "
        "those of weight Hessian and Fisher traces are of 4 groups of rows alone."
    )
    return measures.prepare(tables, rows, caption, "no run measured curvature", [label for label, _ in rows])
