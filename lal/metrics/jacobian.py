"""How much the logits change with the embedded input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class JacobianNorm(Metric):
    """`jacobian_norm`: root of the mean over training rows of ||J||_F^2, J = d logits / d embedded input.

    Of 256 sampled rows (`sample.py`), each with one Rademacher vector v over classes: E ||J^T v||^2 = ||J||_F^2. In float64.
    """

    name = "jacobian"
    cost = 0.3
    default = False

    def applies(self, run: Supervised) -> bool:
        return True

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("jacobian_norm",)

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        from lal.metrics.sample import differentiable, signs

        x = probe.sample.embedded()
        with differentiable():
            logits = probe.sample.network.run(x).logits
            (slope,) = torch.autograd.grad(logits, x, signs(logits.shape, probe.stream(self.name), logits))
        return {"jacobian_norm": slope.flatten(1).square().sum(1).mean().sqrt().item()}
