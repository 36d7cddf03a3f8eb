"""What Adam's moments say of the last update."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

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
    cost = 0.1

    def columns(self, run: Supervised) -> tuple[str, ...]:
        if run.optim.kind not in ("adam", "adamw"):
            return ()
        own = ("update_decay_ratio",) if run.optim.kind == "adamw" else ()
        return ("adam_snr", "effective_lr", "effective_lr_median", *own)

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        names = self.columns(probe.run)
        moments = [] if probe.optimizer is None else list(stepped(probe.optimizer))
        if not moments:
            return dict.fromkeys(names)
        n = sum(each.direction.numel() for each in moments)
        moved = sum((each.lr_scale * torch.linalg.vector_norm(each.direction).item()) ** 2 for each in moments)
        taken = sum((each.lr_scale * each.weight_decay * torch.linalg.vector_norm(each.parameter).item()) ** 2 for each in moments)
        found = {
            "adam_snr": sum(torch.linalg.vector_norm(each.direction, 1).item() for each in moments) / n,
            "effective_lr": sum(each.rate.sum().item() for each in moments) / n,
            "effective_lr_median": torch.cat([each.rate.flatten() for each in moments]).median().item(),
            "update_decay_ratio": (moved / taken) ** 0.5 if taken else None,
        }
        return {name: found[name] for name in names}


class Moments(NamedTuple):
    """Of one parameter: m^ / (sqrt(v^) + eps) and lr / (sqrt(v^) + eps), both of its shape, and the settings of its group."""

    parameter: Tensor
    direction: Tensor
    rate: Tensor
    lr_scale: float
    weight_decay: float


def stepped(optimizer: Optimizer) -> Iterator[Moments]:
    """The moments of each parameter that has been stepped."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state.get(parameter)
            if not state:
                continue
            first, second = (1 - beta ** float(state["step"]) for beta in group["betas"])
            root = (state["exp_avg_sq"] / second).sqrt_().add_(group["eps"])
            direction = (state["exp_avg"] / first).div_(root)
            yield Moments(parameter.detach(), direction, group["lr"] / root, group["lr_scale"], group["weight_decay"])
