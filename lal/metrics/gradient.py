"""How steep the loss is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class GradientNorm(Metric):
    """`grad_norm`: Euclidean norm of the gradient of the mean task loss over all training rows by all parameters.

    Exact, in evaluation mode, before clipping; without penalties and weight decay.
    """

    name = "gradient"
    cost = 1.0
    default = False

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("grad_norm",)

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        from lal.losses import losses_of_rows
        from lal.metrics.probe import CHUNK_ROWS

        data, parameters = probe.data, list(probe.network.parameters())
        total = [torch.zeros_like(each) for each in parameters]
        for rows in data.train.split(CHUNK_ROWS):
            with torch.enable_grad():
                loss = losses_of_rows(probe.run.loss, probe.network(data.tokens[rows]).logits, data.targets[rows]).sum() / len(data.train)
                slopes = torch.autograd.grad(loss, parameters, materialize_grads=True)
            total = [each + slope for each, slope in zip(total, slopes, strict=True)]
        return {"grad_norm": torch.stack([torch.linalg.vector_norm(each) for each in total]).norm().item()}
