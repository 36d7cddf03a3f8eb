"""Curvature over training: of outputs in the input, of the loss in the weights."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures import measures
from analysis.figures.series import Info, table
from analysis.figures.series_drawing import draw

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Curvature over training"
FISHER = {"fisher_trace": "solid: labels drawn from the network", "empirical_fisher_trace": "dotted: the labels given"}
ESTIMATES = ("jacobian_norm", "input_hessian_trace")
OF_GROUPS = {"hessian_trace": "the weight Hessian’s trace", **dict.fromkeys(FISHER, "Fisher traces")}


def prepare(tables: Tables) -> Info | str:
    """Sensitivity to inputs first, then the landscape of the loss."""
    rows = [
        ("Jacobian norm", {"jacobian_norm": "solid"}),
        ("input Hessian trace", {"input_hessian_trace": "solid"}),
        ("gradient norm", {"grad_norm": "solid"}),
        ("weight Hessian trace", {"hessian_trace": "solid"}),
        ("Fisher trace", {"fisher_trace": "solid", "empirical_fisher_trace": "dot"}),
    ]
    return measures.prepare(tables, rows, _caption(tables), "no run measured curvature", [label for label, _ in rows])


def _caption(tables: Tables) -> str:
    """How to read what is drawn, and no more."""
    fisher = [told for name, told in FISHER.items() if tables.has(name)]
    few = list(dict.fromkeys(told for name, told in OF_GROUPS.items() if tables.has(f"{name}_se")))
    told = [f"Fisher trace, {'; '.join(fisher)}."] if fisher else []
    if few or any(tables.has(f"{name}_se") for name in ESTIMATES):
        of_groups = f"; those of {' and '.join(few)} are of 4 groups of rows alone" if few else ""
        told.append(f"Standard errors of estimates are in the tables{of_groups}.")
    return " ".join(told)
