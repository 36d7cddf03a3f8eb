"""How much the answers' probabilities change with the weights: two matrices that go by the name of Fisher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class Fisher(Metric):
    """Mean over training rows of ||g_y||^2, g_y = gradient of log p(y | input) by all parameters:

    `fisher_trace`: y drawn from the network's own p, the trace of the true Fisher information;
    `empirical_fisher_trace`: y the right answer (Kunstner et al. 2019, arXiv 1905.12558, on the difference).
    `fisher_trace_se`, `empirical_fisher_trace_se`: their standard errors, which hold the choice of rows, too; null for a single group.
    Four groups leave it 3 degrees of freedom: the mean +- 2 of it hold 86 %, +- 3.18 hold 95 %.

    Of 4 groups of 32 sampled rows (`sample.py`), in float64, with random vectors in place of single gradients. Empirical: signs s,
    E ||sum_i s_i g_i||^2 = sum_i ||g_i||^2. True: a label drawn from p moves row i by J_i^T u_i, u = onehot(y) - p, of mean 0 and covariance
    diag(p) - p p^T; u = diag(sqrt p) z - p (sqrt p . z) with signs z has the same two moments, and hence the same expectation of
    ||sum_i J_i^T u_i||^2, but does not hang on the rare labels that a confident network almost never draws.
    """

    name = "fisher"
    cost = 0.5
    default = False

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("fisher_trace", "fisher_trace_se", "empirical_fisher_trace", "empirical_fisher_trace_se") if run.loss == "cross_entropy" else ()

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        from lal.metrics.sample import differentiable, mean_and_error, signs

        parameters, generator = list(probe.sample.network.parameters()), probe.stream(self.name)

        def squared_slope(outputs: Tensor, directions: Tensor) -> Tensor:
            slopes = torch.autograd.grad(outputs, parameters, directions, retain_graph=True, materialize_grads=True)
            return sum((each.square().sum() for each in slopes), start=directions.new_zeros(())) / len(outputs)

        true, empirical = [], []
        with differentiable():
            for logits, losses in probe.sample.groups():
                true.append(squared_slope(logits, label_noise(logits.detach(), generator)))
                empirical.append(squared_slope(losses, signs(losses.shape, generator, losses)))
        (trace, error), (of_answers, its_error) = mean_and_error(torch.stack(true)), mean_and_error(torch.stack(empirical))
        return {"fisher_trace": trace, "fisher_trace_se": error, "empirical_fisher_trace": of_answers, "empirical_fisher_trace_se": its_error}


def label_noise(logits: Tensor, generator: Any) -> Tensor:
    """(B, C) logits -> random vectors (B, C) of mean 0 and covariance diag(p) - p p^T, independent from row to row."""
    from lal.metrics.sample import signs

    p = logits.softmax(1)
    spread = p.sqrt() * signs(p.shape, generator, p)
    return spread - p * spread.sum(1, keepdim=True)
