"""What Adam's moments say of the last update."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class AdamState(Metric):
    """Of the first and second moments m^ and v^, bias-corrected (Kingma and Ba 2015, arXiv 1412.6980), over all numbers that are trained:

    `adam_snr`: mean of |m^| / (sqrt(v^) + eps), signal to noise: 1 for gradients that do not change, near 0 where their mean is 0;
    `effective_lr`: mean of lr / (sqrt(v^) + eps), lr that of the last update and the parameter's role. A few idle units, whose v^ is near 0,
    make it large; `effective_lr_median` does not heed them;
    `update_decay_ratio`: ||lr m^ / (sqrt(v^) + eps)|| / ||lr wd w||, what the gradient moved to what decay took off, w as it is now. With
    one lr for all roles, lr cancels. AdamW alone has it: `adam`'s decay is a part of m^. Null where nothing decays.

    All are null before the first step.
    """

    name = "adam"

    def applies(self, run: Supervised) -> bool:
        return run.optim.kind in ("adam", "adamw")

    def columns(self, run: Supervised) -> tuple[str, ...]:
        own = ("update_decay_ratio",) if run.optim.kind == "adamw" else ()
        return ("adam_snr", "effective_lr", "effective_lr_median", *own)

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        names = self.columns(probe.run)
        parts = list(moments(probe.optimizer)) if probe.optimizer is not None else []
        if not parts:
            return dict.fromkeys(names)
        direction, rate, moved, decayed = (torch.cat(each) for each in zip(*parts, strict=True))
        taken = torch.linalg.vector_norm(decayed).item()
        found = {
            "adam_snr": direction.abs().mean().item(),
            "effective_lr": rate.mean().item(),
            "effective_lr_median": rate.median().item(),
            "update_decay_ratio": torch.linalg.vector_norm(moved).item() / taken if taken else None,
        }
        return {name: found[name] for name in names}


def moments(optimizer: Optimizer) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """For each parameter that has been stepped, flat and in float64: m^ / (sqrt(v^) + eps), lr / (sqrt(v^) + eps), and, but for the lr that
    all roles share, the update and the decay."""
    for group in optimizer.param_groups:
        (beta1, beta2), eps, factor = group["betas"], group["eps"], group["lr_scale"]
        for parameter in group["params"]:
            state = optimizer.state.get(parameter)
            if not state:
                continue
            step = float(state["step"])
            m = state["exp_avg"].flatten().double() / (1 - beta1**step)
            root = (state["exp_avg_sq"].flatten().double() / (1 - beta2**step)).sqrt() + eps
            direction = m / root
            yield direction, group["lr"] / root, factor * direction, factor * group["weight_decay"] * parameter.detach().flatten().double()
