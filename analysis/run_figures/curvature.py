"""How sharp things are: outputs in the input, the loss in the weights."""

from __future__ import annotations

from scipy.stats import t as student_t

from analysis.one_run import OneRun
from analysis.run_figures.panels import Info, curve, lines, marks

GROUPS = 4  # of sampled rows, whose spread the standard errors of weight Hessian and Fisher traces are
OF_GROUPS = float(student_t.ppf(0.975, GROUPS - 1))


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """Above: sensitivity to inputs; below: the landscape of the loss."""
    true = curve(run, "fisher_trace", 0, "true", "solid", "fisher_trace_se", OF_GROUPS)
    empirical = curve(run, "empirical_fisher_trace", 1, "empirical", "dash", "empirical_fisher_trace_se", OF_GROUPS)
    panels = [
        *lines("Jacobian norm", [curve(run, "jacobian_norm", 0, spread="jacobian_norm_se")], log=True),
        *lines("input Hessian trace", [curve(run, "input_hessian_trace", 1, spread="input_hessian_trace_se")], log=True),
        *lines("gradient norm", [curve(run, "grad_norm", 2)], log=True),
        *lines("weight Hessian trace", [curve(run, "hessian_trace", 3, spread="hessian_trace_se", errors=OF_GROUPS)], log=True),
        *lines("Fisher trace", [true, empirical], log=True),
        *lines("softmax collapse", [curve(run, "collapsed_share", 4)], low=0.0, high=1.0),
    ]
    if not panels:
        return "no curvature was measured"
    caption = (
        "Jacobian and input Hessian: how outputs and loss change with the embedded input. Weight Hessian and Fisher traces: of the loss in the weights. "
        "Shaded: 95 % intervals of what is estimated by random probes on sampled rows; those of the landscape are of "
        f"{GROUPS} groups of rows alone, and so {OF_GROUPS:.2f} standard errors wide either side. "
        "True Fisher: labels drawn from the network; empirical: the labels given. "
        "Collapse: the share of training rows whose softmax has nothing left to learn from in the working precision."
    )
    return (Info("curvature", "Curvature", tuple(panels), caption, 2, 1, {}, marks(run)),)
