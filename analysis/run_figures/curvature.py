"""How sharp things are: outputs in the input, the loss in the weights."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.stats import t as student_t

from analysis.one_run import OneRun
from analysis.run_figures.panels import Info, Lines, curve, lines, marks

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
    return (Info("curvature", "Curvature", tuple(panels), _caption(panels), 2, 1, {}, marks(run)),)


def _caption(panels: Sequence[Lines]) -> str:
    """How to read what is drawn, and no more."""
    titles = {each.title for each in panels}
    of_inputs, of_weights = titles & {"Jacobian norm", "input Hessian trace"}, titles & {"weight Hessian trace", "Fisher trace"}
    shaded = any(each.spread is not None for panel in panels for each in panel.curves)
    of_groups = f"those of the landscape are of {GROUPS} groups of rows alone, and so {OF_GROUPS:.2f} standard errors wide either side"
    told = [
        "Jacobian and input Hessian: how outputs and loss change with the embedded input." if of_inputs else "",
        "Gradient: of the loss in the weights." if not of_weights and "gradient norm" in titles else "",
        "Weight Hessian and Fisher traces: of the loss in the weights." if of_weights else "",
        f"Shaded: 95 % intervals of what is estimated by random probes on sampled rows{f'; {of_groups}' if of_weights else ''}." if shaded else "",
        "True Fisher: labels drawn from the network; empirical: the labels given." if "Fisher trace" in titles else "",
        "Collapse: the share of training rows whose softmax has nothing left to learn from in the working precision." if "softmax collapse" in titles else "",
    ]
    return " ".join(filter(None, told))
