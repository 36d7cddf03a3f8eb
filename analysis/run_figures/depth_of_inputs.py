"""How many layers each input uses, where gates look at the input: early exit, if there is any, over the table of pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.depth_bound import told
from analysis.one_run import OneRun
from analysis.run_figures.over_pairs import ends_and_middle, heats, table_of
from analysis.run_figures.panels import Bars, Heat, Info, Panel, Scale, curve, lines, marks, span
from analysis.snapshots import Pairs, lacking

BINS = 24


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """Depth over (a, b) at the first, middle and last snapshot, how it is spread, and each layer's gate at the last."""
    steps = run.snapshots.of("input_gates")
    if not steps:
        return lacking(run.snapshots, "its gates do not look at the input, so every input has the same depth", "maps of the depth of inputs")
    table = table_of(run, steps)
    gates = run.snapshots.arrays(steps[-1])["input_gates"].astype(np.float32)
    depth, panels = gates.sum(0), list[Panel]()
    if isinstance(table, Pairs):
        for step in ends_and_middle(steps):
            panels += heats(table, run.snapshots.arrays(step)["input_gates"].astype(np.float32).sum(0), "depth", "depth", step)
        for layer, values in enumerate(gates if len(table.operations) == 1 else ()):
            panels += heats(table, values, "gate", f"gate of layer {layer + 1}")
    panels.append(_spread(depth))
    panels += lines("depth over training", [curve(run, "effective_depth", 0), curve(run, "functional_depth", 1)], low=0.0)
    right = [curve(run, "effective_depth_right", 0, "answered right"), curve(run, "effective_depth_wrong", 1, "answered wrong")]
    panels += lines("depth of test pairs", right, low=0.0)
    panels += lines("spread of depth over inputs", [curve(run, "effective_depth_sd", 2)], low=0.0)
    scales = {"depth": Scale("sum of gates", *span([panel.values for panel in panels if isinstance(panel, Heat) and panel.scale == "depth"]))}
    scales["gate"] = Scale("gate", 0.0, 1.0)
    caption = (
        "The sum of gates of each input: how many layers it uses. "
        f"At step {steps[-1]:,}, from {depth.min():.2f} to {depth.max():.2f}, mean {depth.mean():.2f}. "
        f"{_right_and_wrong(depth, run.snapshots.arrays(steps[-1]).get('correct'))}"
        + (f"It is not drawn over pairs: {table}." if isinstance(table, str) else "")
    ).strip() + told(run.rows)
    kept = {name: scale for name, scale in scales.items() if any(isinstance(panel, Heat) and panel.scale == name for panel in panels)}
    return (Info("depth_of_inputs", "Depth by input", tuple(panels), caption, 3, 2, kept, marks(run)),)


def _spread(depth: NDArray[np.float32]) -> Bars:
    """Shares of inputs by depth."""
    counts, edges = np.histogram(depth, BINS)
    return Bars("inputs by depth", (edges[:-1] + edges[1:]) / 2, counts / len(depth), "sum of gates", "share of inputs")


def _right_and_wrong(depth: NDArray[np.float32], correct: NDArray[np.bool_] | None) -> str:
    if correct is None or correct.all() or not correct.any():
        return ""
    return f"Inputs answered right use {depth[correct].mean():.2f} layers, those answered wrong {depth[~correct].mean():.2f}. "
