"""How open each layer is over training; of gates on units, every unit of a layer, sorted."""

from __future__ import annotations

from math import log

import numpy as np

from analysis.depth_bound import told
from analysis.figures.gates import present
from analysis.frame import Frame
from analysis.one_run import OneRun
from analysis.run_figures.panels import Bars, Heat, Info, Lines, Scale, curve, lines, marks

MOST_STEPS = 400


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """Layer by step, depths over steps, and units where gates are on units."""
    if not run.has("gate_values"):
        return "it has no gates, so there is no gate evolution"
    by_layer = layers(run.rows)
    panels = [
        by_layer,
        *lines(
            "depth", [curve(run, name, order) for order, name in enumerate(("effective_depth", "functional_depth", "open_gates", "layers_present"))], low=0.0
        ),
        *lines("how undecided gates are (entropy)", [curve(run, "gate_entropy")], low=0.0, high=log(2)),
        *_units(run),
    ]
    caption = (
        "Yellow: a gate is open (1); dark: closed (0); of gates on units or on inputs the mean over them. "
        "Functional depth: the fewest layers that keep test accuracy within one point when all others are removed; "
        f"the sum of gates alone can be evaded by smaller gates and larger weights.{told(run.rows)}"
        + (" Blank: layers that it had not grown yet." if np.isnan(by_layer.values).any() else "")
        + (" Units: each layer's gates on single units, sorted by their last values." if any(panel.title.startswith("units") for panel in panels) else "")
    )
    return (
        Info(
            "gates",
            "Gates",
            tuple(panels),
            caption,
            2,
            1,
            {"gate": Scale("gate", 0.0, 1.0)},
            marks(run) if any(isinstance(each, Lines) for each in panels) else (),
        ),
    )


def layers(rows: Frame, title: str = "gates of layers") -> Heat:
    """Each layer's gate over the steps of those of `rows` that have one."""
    rows = rows[rows["gate_values"].notna()]
    rows = rows.iloc[:: -(-len(rows) // MOST_STEPS)]
    values = present(rows).astype(np.float32).T
    return Heat(title, values, rows["step"].to_numpy(float), np.arange(1.0, len(values) + 1), "step", "layer", "gate", height=210)


def _units(run: OneRun) -> list[Heat | Bars]:
    """For each layer its units over snapshots; where there is one snapshot alone, as bars."""
    last = run.snapshots.last("gates")
    if last is None or last.shape[1] == 1:
        return []
    steps = [step for step in run.snapshots.of("gates") if run.snapshots.arrays(step)["gates"].shape == last.shape]
    every = np.stack([run.snapshots.arrays(step)["gates"] for step in steps]).astype(np.float32)  # (K, L, G)
    panels: list[Heat | Bars] = []
    ranks = np.arange(1.0, last.shape[1] + 1)
    for layer, gates in enumerate(last):
        order = np.argsort(-gates, kind="stable")
        title = f"units of layer {layer + 1}"
        if len(steps) == 1:
            panels.append(Bars(f"{title}, step {steps[0]:,}", ranks, gates[order].astype(float), "rank of the unit", "gate", height=180))
        else:
            panels.append(Heat(title, every[:, layer, order].T, np.asarray(steps, float), ranks, "step", "rank of the unit", "gate", height=180))
    return panels
