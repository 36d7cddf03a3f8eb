"""How curved the loss is in the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class WeightHessian(Metric):
    """`hessian_trace`: trace of the Hessian of the mean task loss of the training rows, by all parameters; `hessian_trace_se`: its standard error.

    Of 4 groups of 32 sampled rows (`sample.py`), each with one Rademacher vector v: E v^T H v = tr H (Hutchinson 1990). In float64. The
    standard error is that of the mean over groups, and so holds the choice of rows, too; null for a single group.
    Four groups leave it 3 degrees of freedom: the mean +- 2 of it hold 86 %, +- 3.18 hold 95 %.
    """

    name = "weight_hessian"
    cost = 0.8
    default = False

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("hessian_trace", "hessian_trace_se")

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        from lal.metrics.sample import differentiable, mean_and_error, signs

        parameters, generator, traces = list(probe.sample.network.parameters()), probe.stream(self.name), []
        with differentiable():
            for _, losses in probe.sample.groups():
                slopes = torch.autograd.grad(losses.mean(), parameters, create_graph=True, materialize_grads=True)
                probes = [signs(each.shape, generator, each) for each in parameters]
                curved = torch.autograd.grad(slopes, parameters, probes, materialize_grads=True)
                traces.append(sum(torch.sum(a * b) for a, b in zip(probes, curved, strict=True)))
        trace, error = mean_and_error(torch.stack(traces))
        return {"hessian_trace": trace, "hessian_trace_se": error}
