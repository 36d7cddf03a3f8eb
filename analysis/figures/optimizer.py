"""Adam's moments over training."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures import measures
from analysis.figures.series import Info, table
from analysis.figures.series_drawing import draw

__all__ = ["TITLE", "draw", "prepare", "table"]
TITLE = "Optimizer state over training"


def prepare(tables: Tables) -> Info | str:
    """Signal to noise, effective learning rate, update over decay."""
    rows = [
        ("signal to noise", {"adam_snr": "solid"}),
        ("effective learning rate", {"effective_lr_median": "solid", "effective_lr": "dot"}),
        ("update / decay", {"update_decay_ratio": "solid"}),
    ]
    caption = (
        "Signal to noise: mean of |m̂| / (√v̂ + ε) over parameters. Effective learning rate: lr / (√v̂ + ε), solid the median, dotted the mean. "
        "Update / decay: the norm of Adam's step over that of the weight decay's; 1 where they balance."
    )
    return measures.prepare(tables, rows, caption, "no run measured the optimizer's state", [label for label, _ in rows])
