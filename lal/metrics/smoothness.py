"""How much of what the network computes is of low frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class Smoothness(Metric):
    """Shares, in [0, 1], of the energy of 2-D DFTs over all pairs (a, b) at max(|k|, |l|) <= p // 4, means removed; 1 for what does not vary:

    `spectral_smoothness`: of the expected class, sum_c c p_c, p = softmax(logits); it depends on how the classes are numbered;
    `logit_smoothness`: of all logits together, less their mean over classes; it does not.
    For tasks that answer every pair (a, b) once. A network that has generalised need not be smooth: its key frequencies may be high.
    """

    name = "smoothness"
    period = 5
    cost = 0.5

    def columns(self, run: Supervised) -> tuple[str, ...]:
        task = run.task
        of_pairs = task.n_operands == 2 and task.n_operations == 1 and task.n_rows == task.n_tokens**2
        return ("spectral_smoothness", "logit_smoothness") if of_pairs else ()

    def values(self, probe: Probe) -> dict[str, Any]:
        from lal.penalties.spectral import smoothness

        expected, share = whole_table(probe)
        return {"spectral_smoothness": smoothness(expected, len(expected) // 4).item(), "logit_smoothness": share}


def whole_table(probe: Probe) -> tuple[Tensor, float]:
    """(p, p) expected class, and the low-frequency share of the logits, in one go through blocks of whole a.

    Projecting on the low waves, first along b, then along a, is a fifth of the work of the whole DFT; Parseval gives the total. Besides the
    logits, (2 cutoff + 1)^2 C numbers are held: 16 MiB at p=251.
    """
    import torch

    from lal.metrics.probe import CHUNK_ROWS
    from lal.penalties.spectral import expected_class

    p, n_classes, data = probe.run.task.n_tokens, probe.run.task.n_classes, probe.data
    dtype, device = probe.rows.loss.dtype, data.tokens.device
    waves = low_waves(p, p // 4).to(device=device, dtype=dtype)
    low = torch.zeros(len(waves), len(waves) * n_classes, dtype=dtype, device=device)
    reference = probe.logits(slice(0, 1))  # leaves of the mean, which is taken off in the end, little to cancel
    expected, energy, n = [], 0.0, max(1, CHUNK_ROWS // p)
    for start in range(0, p, n):
        logits = probe.logits(slice(start * p, (start + n) * p))
        expected.append(expected_class(logits))
        centred = logits - reference
        centred -= centred.mean(1, keepdim=True)
        energy += torch.linalg.vector_norm(centred).item() ** 2
        low.addmm_(waves[:, start : start + n], torch.matmul(waves, centred.view(-1, p, n_classes)).flatten(1))
    by_class = low.view(len(waves) ** 2, n_classes).double().square().sum(1)
    constant, varying = by_class[0].item(), by_class[1:].sum().item()
    total = energy - constant
    return torch.cat(expected).view(p, p), min(1.0, varying / total) if total > 0 else 1.0


def low_waves(p: int, cutoff: int) -> Tensor:
    """(2 cutoff + 1, p) orthonormal rows: the constant first, then cos and sin of 2 pi k a / p, k = 1 .. cutoff < p/2. In float64."""
    import torch

    angles = 2 * torch.pi / p * torch.arange(1, cutoff + 1, dtype=torch.float64)[:, None] * torch.arange(p)
    return torch.cat([torch.full((1, p), p**-0.5, dtype=torch.float64), (2 / p) ** 0.5 * angles.cos(), (2 / p) ** 0.5 * angles.sin()])
