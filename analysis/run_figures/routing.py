"""Routing over the table of pairs: how much each head is given to do, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.figures.theme import percent
from analysis.one_run import OneRun
from analysis.run_figures.panels import Heat, Info, Scale
from analysis.snapshots import Pairs, pairs

MOST_NUMBERS = 1_000_000  # in all heatmaps of routing; beyond, the last snapshot alone
MOST_ABREAST = 6


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """A figure a layer: heads side by side, in rows the first, middle and last snapshot."""
    steps = run.snapshots.of("routing")
    if not steps:
        return "it kept no routing, so there are no heatmaps of it"
    table = pairs(run.config, run.snapshots.arrays(steps[-1]).get("tokens"))
    if isinstance(table, str):
        return f"its routing is not drawn: {table}"
    n_layers, _, n_heads = run.snapshots.arrays(steps[-1])["routing"].shape
    chosen = ends_and_middle(steps)
    if len(chosen) * n_layers * n_heads * len(table.operations) * table.p**2 > MOST_NUMBERS:
        chosen = chosen[-1:]
    return tuple(_layer(run, table, chosen, layer) for layer in range(n_layers))


def ends_and_middle(steps: Sequence[int]) -> list[int]:
    """The first, the middle (by logarithm, as learning goes, and of those after 0) and the last of ascending `steps`, as far as they differ."""
    later = [step for step in steps if step > 0]
    if not later:
        return list(steps)
    middle = np.log(later[0] * later[-1]) / 2
    return sorted({steps[0], min(later, key=lambda step: (abs(np.log(step) - middle), step)), steps[-1]})


def _layer(run: OneRun, table: Pairs, steps: Sequence[int], layer: int) -> Info:
    axis, panels = np.arange(table.p, dtype=float), []
    n_heads = run.snapshots.arrays(steps[-1])["routing"].shape[2]
    for step in steps:
        weights = run.snapshots.arrays(step)["routing"][layer].astype(np.float32)
        grids = [table.grids(weights[:, head]) for head in range(n_heads)]
        for operation in range(len(table.operations)):
            for head in range(n_heads):
                name, grid = grids[head][operation]
                title = " · ".join(filter(None, (f"head {head + 1}", name, f"step {step:,}")))
                panels.append(Heat(title, grid, axis, axis, "b", "a", "weight", square=True))
    last = run.snapshots.arrays(steps[-1])["routing"][layer]
    heaviest = np.bincount(last.argmax(1), minlength=n_heads) / len(last)
    shares = ", ".join(f"head {head + 1}: {percent(share)}" for head, share in enumerate(heaviest.tolist()))
    caption = (
        "The weight of each head on every pair (a, b): yellow is 1, dark is 0. "
        f"At step {steps[-1]:,}, the share of inputs that each is the heaviest for: {shares}."
    )
    scales = {"weight": Scale("weight", 0.0, 1.0)}
    return Info(f"routing_layer_{layer + 1}", f"Routing of layer {layer + 1}", tuple(panels), caption, min(n_heads, MOST_ABREAST), 2, scales)
