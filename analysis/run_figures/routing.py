"""Routing over the table of pairs: how much each head is given to do, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.figures.theme import percent
from analysis.one_run import OneRun
from analysis.run_figures.over_pairs import ends_and_middle, heats, table_of
from analysis.run_figures.panels import Heat, Info, Scale
from analysis.snapshots import Pairs

MOST_NUMBERS = 1_000_000  # in all heatmaps of routing; beyond, the last snapshot alone
MOST_ABREAST = 6


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """A figure a layer: heads side by side, in rows the first, middle and last snapshot."""
    steps = run.snapshots.of("routing")
    if not steps:
        return "it kept no routing, so there are no heatmaps of it"
    table = table_of(run, steps)
    if isinstance(table, str):
        return f"its routing is not drawn: {table}"
    n_layers, _, n_heads = run.snapshots.arrays(steps[-1])["routing"].shape
    chosen = ends_and_middle(steps)
    if len(chosen) * n_layers * n_heads * len(table.operations) * table.p**2 > MOST_NUMBERS:
        chosen = chosen[-1:]
    return tuple(_layer(run, table, chosen, layer) for layer in range(n_layers))


def _position(run: OneRun) -> str:
    """Where, in a network that routes at every position of its input."""
    return " at the position that the answer is read from" if run.kind == "transformer" else ""


def _layer(run: OneRun, table: Pairs, steps: Sequence[int], layer: int) -> Info:
    n_heads, panels = run.snapshots.arrays(steps[-1])["routing"].shape[2], list[Heat]()
    for step in steps:
        weights = run.snapshots.arrays(step)["routing"][layer].astype(np.float32)
        by_head = [heats(table, weights[:, head], "weight", f"head {head + 1}", step) for head in range(n_heads)]
        panels += [panel for of_operation in zip(*by_head, strict=True) for panel in of_operation]
    last = run.snapshots.arrays(steps[-1])["routing"][layer]
    heaviest = np.bincount(last.argmax(1), minlength=n_heads) / len(last)
    shares = ", ".join(f"head {head + 1}: {percent(share)}" for head, share in enumerate(heaviest.tolist()))
    caption = (
        f"The weight of each head on every pair (a, b){_position(run)}: yellow is 1, dark is 0. "
        f"At step {steps[-1]:,}, the share of inputs that each is the heaviest for: {shares}."
    )
    scales = {"weight": Scale("weight", 0.0, 1.0)}
    return Info(f"routing_layer_{layer + 1}", f"Routing of layer {layer + 1}", tuple(panels), caption, min(n_heads, MOST_ABREAST), 2, scales)
