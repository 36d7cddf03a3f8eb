"""Routing over the table of pairs: which inputs each head is given, layer by layer, and how much of all it has to do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.figures.theme import percent
from analysis.one_run import OneRun
from analysis.run_figures.head_load import loads
from analysis.run_figures.over_pairs import ends_and_middle, heats, table_of
from analysis.run_figures.panels import Heat, Info, Scale
from analysis.snapshots import Pairs, lacking

MOST_NUMBERS = 1_000_000  # in all heatmaps of routing; beyond, the last snapshot alone
MOST_ABREAST = 6
WEIGHTS = Scale("weight", 0.0, 1.0)


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """A figure a layer: heads side by side, in rows the first, middle and last snapshot; then how much each head is given to do over training."""
    steps = run.snapshots.of("routing")
    if not steps:
        return loads(run) or lacking(run.snapshots, "it kept no routing, so there are no heatmaps of it", "heatmaps of its routing")
    table = table_of(run, steps)
    if isinstance(table, str):
        return loads(run) or f"its routing is not drawn: {table}"
    n_layers, _, n_heads = run.snapshots.arrays(steps[-1])["routing"].shape
    chosen = ends_and_middle(steps)
    if len(chosen) * n_layers * n_heads * len(table.operations) * table.p**2 > MOST_NUMBERS:
        chosen = chosen[-1:]
    return (*(_layer(run, table, chosen, layer) for layer in range(n_layers)), *loads(run))


def _position(run: OneRun) -> str:
    """Where, in a network that routes at every position of its input."""
    return " at the position that the answer is read from" if run.kind == "transformer" else ""


def maps(table: Pairs, weights: NDArray[np.floating], of: str = "", step: int | None = None) -> list[Heat]:
    """A heatmap of each head's `weights` (N, H), all heads of an operation beside one another; titles begin with `of`."""
    words = [" · ".join(filter(None, (of, f"head {head + 1}"))) for head in range(weights.shape[1])]
    by_head = [heats(table, weights[:, head].astype(np.float32), "weight", word, step) for head, word in enumerate(words)]
    return [panel for of_operation in zip(*by_head, strict=True) for panel in of_operation]


def heaviest(weights: NDArray[np.floating]) -> str:
    """The share of inputs that each head is the heaviest for, in words, of `weights` (N, H)."""
    shares = np.bincount(weights.argmax(1), minlength=weights.shape[1]) / len(weights)
    return ", ".join(f"head {head + 1}: {percent(share)}" for head, share in enumerate(shares.tolist()))


def _layer(run: OneRun, table: Pairs, steps: Sequence[int], layer: int) -> Info:
    n_heads, panels = run.snapshots.arrays(steps[-1])["routing"].shape[2], list[Heat]()
    for step in steps:
        panels += maps(table, run.snapshots.arrays(step)["routing"][layer], step=step)
    last = run.snapshots.arrays(steps[-1])["routing"][layer]
    caption = (
        f"The weight of each head on every pair (a, b){_position(run)}: yellow is 1, dark is 0. "
        f"At step {steps[-1]:,}, the share of inputs that each is the heaviest for: {heaviest(last)}."
    )
    scales = {"weight": WEIGHTS}
    return Info(f"routing_layer_{layer + 1}", f"Routing of layer {layer + 1}", tuple(panels), caption, min(n_heads, MOST_ABREAST), 2, scales)
