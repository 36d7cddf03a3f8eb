"""How much each head is given to do over training: its weight, averaged over all inputs, layer by layer."""

from __future__ import annotations

import numpy as np

from analysis.one_run import OneRun
from analysis.run_figures.panels import Curve, Info, Lines, marks


def loads(run: OneRun) -> tuple[Info, ...]:
    """A panel a layer, a curve a head; none where it was not measured, or cannot be told apart by layer."""
    if not run.has("head_utilization"):
        return ()
    n_heads = heads_of(run)
    rows = run.rows[run.rows["head_utilization"].notna() & (run.rows["step"] > 0)]
    values = np.array(rows["head_utilization"].tolist(), float)
    if not n_heads or not len(values) or values.shape[1] % n_heads:
        return ()
    steps, load = rows["step"].to_numpy(float), values.reshape(len(values), -1, n_heads)
    panels = tuple(
        Lines(
            f"load of heads, layer {layer + 1}",
            tuple(Curve(f"head {head + 1}", steps, load[:, layer, head], head) for head in range(n_heads)),
            low=0.0,
            high=1.0,
        )
        for layer in range(load.shape[1])
    )
    caption = (
        f"The weight of each head, averaged over all inputs: those of a layer add up to 1, and each has 1/{n_heads} where all are used alike. "
        "Which inputs take which head stands in the heatmaps."
    )
    return (Info("head_load", "Load of heads", panels, caption, min(2, len(panels)), marks=marks(run)),)


def heads_of(run: OneRun) -> int:
    """Heads a layer of the run's routers; 0 where its model says none."""
    model = run.config.get("model", {})
    return int((model.get("feed_forward") or {}).get("heads") or model.get("heads") or 0)
