"""How curved the loss is in the embedded input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class InputHessian(Metric):
    """`input_hessian_trace`: mean over training rows of the trace of d^2 loss / d embedded input^2; `input_hessian_trace_se`: its standard error.

    Of 256 sampled rows (`sample.py`), each with one Rademacher vector v: E v^T H v = tr H (Hutchinson 1990). In float64. The standard error
    is that of the mean over rows, and so holds the choice of rows, too; null for a single row.
    """

    name = "input_hessian"
    cost = 0.4
    default = False

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("input_hessian_trace", "input_hessian_trace_se")

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        from lal.losses import losses_of_rows
        from lal.metrics.sample import differentiable, mean_and_error, signs

        sample, x = probe.sample, probe.sample.embedded()
        with differentiable():
            losses = losses_of_rows(sample.loss, sample.network.run(x).logits, sample.targets)
            (slope,) = torch.autograd.grad(losses.sum(), x, create_graph=True)  # rows do not touch: each one's Hessian stands by itself
            probes = signs(x.shape, probe.stream(self.name), x)
            (curved,) = torch.autograd.grad(slope, x, probes)
        trace, error = mean_and_error((probes * curved).flatten(1).sum(1))
        return {"input_hessian_trace": trace, "input_hessian_trace_se": error}
