"""How sharp things are: outputs in the input, the loss in the weights."""

from __future__ import annotations

from analysis.one_run import OneRun
from analysis.run_figures.panels import Info, curve, lines, marks


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """Above: sensitivity to inputs; below: the landscape of the loss."""
    true = curve(run, "fisher_trace", 0, "true", spread="fisher_trace_se")
    empirical = curve(run, "empirical_fisher_trace", 1, "empirical", "dash", "empirical_fisher_trace_se")
    panels = [
        *lines("Jacobian norm", [curve(run, "jacobian_norm", 0)], log=True),
        *lines("input Hessian trace", [curve(run, "input_hessian_trace", 1, spread="input_hessian_trace_se")], log=True),
        *lines("gradient norm", [curve(run, "grad_norm", 2)], log=True),
        *lines("weight Hessian trace", [curve(run, "hessian_trace", 3, spread="hessian_trace_se")], log=True),
        *lines("Fisher trace", [true, empirical], log=True),
        *lines("softmax collapse", [curve(run, "collapsed_share", 4)], low=0.0, high=1.0),
    ]
    if not panels:
        return "no curvature was measured"
    caption = (
        "Jacobian and input Hessian: how outputs and loss change with the embedded input. Weight Hessian and Fisher traces: of the loss in the weights. "
        "Shaded: two standard errors of an estimate by random probes. True Fisher: labels drawn from the network; empirical: the labels given. "
        "Collapse: the share of training rows whose softmax has nothing left to learn from in the working precision."
    )
    return (Info("curvature", "Curvature", tuple(panels), caption, 2, 1, {}, marks(run)),)
