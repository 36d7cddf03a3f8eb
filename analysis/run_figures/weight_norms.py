"""Norms of weights by role and by tensor, how large logits are, and the last representation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.figures.theme import safe
from analysis.one_run import OneRun
from analysis.run_figures.panels import Array, Curve, Info, Lines, curve, lines, marks

TENSOR, ROLE = "weight_norm/", "role_norm/"
LEAVES = {"weight", "bias", "logits"}
MOST_CURVES = 12


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """Roles first, then scales, then a panel for each group of tensors."""
    roles = [name for name in run.rows.columns if str(name).startswith(ROLE)]
    tensors = [name for name in run.rows.columns if str(name).startswith(TENSOR)]
    if not run.has("weight_norm") and not tensors:
        return "its weight norms were not measured"
    by_role = [curve(run, name, order, safe(name.removeprefix(ROLE))) for order, name in enumerate(roles)]
    panels = [
        *lines("all weights", [curve(run, "weight_norm", 0)], low=0.0),
        *lines("by role", by_role, log=True),
        *lines("logit scale", [curve(run, "logit_scale", 1)], low=0.0),
        *lines("representation norm", [curve(run, "representation_norm", 2)], low=0.0),
    ]
    steps, measured = run.rows["step"].to_numpy(float), {name: run.rows[name].to_numpy(float) for name in tensors}  # once: there may be hundreds
    panels += [panel for title, members in grouped(tensors).items() if (panel := _panel(steps, measured, title, members)).curves]
    if not panels:
        return "its weight norms were measured before training alone"
    caption = "Euclidean norms over training. A group of tensors is that of one part of the network, with its biases."
    return (Info("weight_norms", "Weight norms", tuple(panels), caption, 2, 1, {}, marks(run)),)


def grouped(columns: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Columns of tensors by panel and by curve: `blocks.0.attention.out.weight` is curve "attention out" of panel "blocks 1"; `norms.0.bias`
    with `norms.0.weight` is curve "1" of panel "norms"; parts without a number share a panel."""
    found: dict[str, dict[str, list[str]]] = {}
    for column in columns:
        parts = column.removeprefix(TENSOR).split(".")
        parts = parts[:-1] if parts[-1] in LEAVES and len(parts) > 1 else parts
        number = next((index for index, part in enumerate(parts) if part.isdigit()), None)
        if number is None:
            panel, name = "embedding, readout and others", " ".join(parts)
        else:
            layer, rest = str(int(parts[number]) + 1), [str(int(part) + 1) if part.isdigit() else part.removesuffix("_bias") for part in parts[number + 1 :]]
            stem = " ".join(parts[:number])
            panel, name = (f"{stem} {layer}", " ".join(rest)) if rest else (stem, layer)
        found.setdefault(safe(panel.replace("_", " ")), {}).setdefault(safe(name.replace("_", " ")), []).append(column)
    return found


def _panel(steps: Array, measured: Mapping[str, Array], title: str, members: Mapping[str, Sequence[str]]) -> Lines:
    """One panel; a curve is the norm of all its tensors together."""
    curves = []
    for order, (name, columns) in enumerate(list(members.items())[:MOST_CURVES]):
        norm = np.sqrt(sum(measured[column] ** 2 for column in columns))
        known = ~np.isnan(norm) & (steps > 0)
        curves.append(Curve(name, steps[known], norm[known], order))
    return Lines(title, tuple(each for each in curves if len(each.steps)), graded=len(curves) > MOST_CURVES // 2, low=0.0)
