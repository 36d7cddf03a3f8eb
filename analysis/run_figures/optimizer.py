"""What Adam's moments say: how sure its steps are, how large, and how they stand against the decay."""

from __future__ import annotations

from analysis.one_run import OneRun
from analysis.run_figures.panels import Info, curve, lines, marks


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """Signal to noise, effective learning rate, update over decay, and the learning rate itself."""
    measured = [
        *lines("signal to noise", [curve(run, "adam_snr", 0)], log=True),
        *lines("effective learning rate", [curve(run, "effective_lr", 1, "mean"), curve(run, "effective_lr_median", 3, "median", "dash")], log=True),
        *lines("update / decay", [curve(run, "update_decay_ratio", 2)], log=True),
    ]
    if not measured:
        return "the optimizer's state was not measured"
    panels = [*measured, *lines("learning rate", [curve(run, "lr", 3)], low=0.0)]
    caption = (
        "Signal to noise: mean of |m̂| / (√v̂ + ε) over parameters, with Adam's bias-corrected moments. Effective learning rate: lr / (√v̂ + ε). "
        "Update / decay: the norm of Adam's step over that of the weight decay's; 1 where they balance."
    )
    return (Info("optimizer", "Optimizer state", tuple(panels), caption, 2, 1, {}, marks(run)),)
