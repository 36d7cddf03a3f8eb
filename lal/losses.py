"""The task losses."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def task_loss(name: str, logits: Tensor, targets: Tensor) -> Tensor:
    """Scalar: the mean over rows. logits (B, C), targets (B,) class numbers."""
    if name == "cross_entropy":
        return functional.cross_entropy(logits, targets)
    return losses_of_rows(name, logits, targets).mean()


def losses_of_rows(name: str, logits: Tensor, targets: Tensor) -> Tensor:
    """(B,): cross_entropy in nats, or mse against the one-hot target averaged over the C classes (Gromov 2023, arXiv 2301.02679)."""
    if name == "cross_entropy":
        return functional.cross_entropy(logits, targets, reduction="none")
    right = logits.gather(1, targets[:, None]).squeeze(1)
    return (logits.square().sum(1) - 2 * right + 1) / logits.shape[1]
