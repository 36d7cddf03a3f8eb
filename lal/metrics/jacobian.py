"""How much the logits change with the embedded input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class JacobianNorm(Metric):
    """`jacobian_norm`: root of the mean over training rows of ||J||_F^2, J = d logits / d embedded input; `jacobian_norm_se`: its standard error.

    Of 256 sampled rows (`sample.py`), each with one Rademacher vector v over classes: E ||J^T v||^2 = ||J||_F^2. In float64. The standard error is
    that of the mean m over rows, and so holds the choice of rows, too, divided by 2 sqrt(m), the slope of the root (delta method); null for a single
    row, or where m is 0.
    """

    name = "jacobian"
    cost = 0.3
    default = False

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("jacobian_norm", "jacobian_norm_se")

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        from lal.metrics.sample import differentiable, mean_and_error, signs

        x = probe.sample.embedded()
        with differentiable():
            logits = probe.sample.network.run(x).logits
            (slope,) = torch.autograd.grad(logits, x, signs(logits.shape, probe.stream(self.name), logits))
        mean, error = mean_and_error(slope.flatten(1).square().sum(1))
        norm = mean**0.5
        return {"jacobian_norm": norm, "jacobian_norm_se": error / (2 * norm) if error is not None and norm else None}
