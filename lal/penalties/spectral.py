"""A charge for rough functions: how little of the answer's variation over (a, b) is of low frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lal.models.model import ModelPart
from lal.penalties.penalty import PenaltyPart
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    from torch import Tensor

    from lal.models.network import Network, Output
    from lal.tasks.task import Data


class Spectral(PenaltyPart):
    """1 - S, in [0, 1]; S the share of the energy of the 2-D DFT of m(a, b) that has max(|k|, |l|) <= cutoff.

    m is the expected class, sum_c c softmax(logits)_c, with its mean removed. Reads the inputs (never the answers) of the
    test set too: it is transductive. A network that has generalised need not be smooth: its key frequencies may be high.
    """

    kind: Literal["spectral"] = "spectral"
    every: Annotated[int, Field(ge=1, le=10**6, description="charged on every k-th step, k times as much, so that λ means the same")] = 1
    cutoff: Annotated[int | None, Field(ge=0, le=2048, description="highest frequency that counts as low; null = p // 4")] = None

    def misfit(self, model: ModelPart, task: TaskPart) -> str | None:
        if self.cutoff is not None and self.cutoff >= task.n_classes // 2:
            return f"cutoff must be below {task.n_classes // 2}, the highest frequency of {task.label} (else nothing is charged), but got {self.cutoff}"
        whole = task.n_operands == 2 and task.n_operations == 1 and task.n_rows == task.n_classes**2
        remedy = "use add, subtract or multiply on two operands, or remove the penalty"
        return None if whole else f"the spectral penalty needs one answer for every pair (a, b), but {task.label} has another table; {remedy}"

    def share(self, step: int) -> float:
        return 0.0 if step % self.every else float(self.every)

    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        logits = network(data.tokens).logits
        p = logits.shape[1]
        return 1 - smoothness(expected_class(logits).view(p, p), p // 4 if self.cutoff is None else self.cutoff)


def expected_class(logits: Tensor) -> Tensor:
    """(B, C) -> (B,), the class number averaged over the softmax."""
    return logits.softmax(1) @ logits.new_tensor(range(logits.shape[1]))


def smoothness(values: Tensor, cutoff: int) -> Tensor:
    """(p, p) real values -> share in [0, 1] of their centred 2-D DFT energy at max(|k|, |l|) <= cutoff.

    A constant has no energy and counts as smooth.
    """
    import torch

    p = values.shape[-1]
    energy = torch.fft.fft2(values - values.mean()).abs().square()
    frequency = torch.minimum(torch.arange(p), p - torch.arange(p)).to(values.device)
    low = torch.maximum(frequency[:, None], frequency[None, :]) <= cutoff
    total = energy.sum()
    return torch.where(total > 0, (energy * low).sum() / total.clamp_min(torch.finfo(values.dtype).tiny), torch.ones_like(total))
