"""Which waves the network computes with (Nanda et al. 2023, arXiv 2301.05217)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lal.metrics.cyclic import Cyclic, cyclic, has_cyclic_table
from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised

KEY_SHARE = 0.9  # of the diagonal energy, that the key frequencies hold together


class Fourier(Metric):
    """Waves over the group Z_n in whose coordinates the answer is i + j (`cyclic.py`: plain residues, b reversed for subtract, discrete logarithms
    for multiply and divide), for frequencies k = 1 .. n/2. One operation on pairs alone.

    Of the embedding, u_k the norm over its units and both operands of the wave of frequency k:
    `embedding_gini`: Gini coefficient of u, in [0, 1 - 1/n_frequencies]; 0 = all alike;
    `neuron_ipr`: sum_k (u_k / ||u||)^4 of each single unit of the embedded input (for one_hot inputs the first layer's neurons), mean over units and
    operands (Gromov 2023, arXiv 2301.02679), in [1/n_frequencies, 1]; 1 = one frequency each.

    Of the logits, less their mean over classes and over pairs:
    `diagonal_energy`: share of their 2-D DFT energy on (k, k), in [0, 1]: on functions of i + j; chance is 1/(n + 1);
    `key_frequencies`: the fewest frequencies that together hold 90 % of it, ascending; `n_key_frequencies`: how many they are;
    `restricted_loss`: mean task loss over all pairs of the logits' mean and their waves cos, sin of 2 pi k (i + j) / n at key frequencies alone;
    `excluded_loss`: mean task loss over **training** pairs of the logits without these waves; null if none is in the group.
    The key frequencies are chosen anew at every measurement, not those of the end of the run (as Nanda et al. do), so a curve of either loss may move
    because the set does: see `n_key_frequencies`. Early on they are many, and a small restricted loss says little.
    Logits that do not depend on the input have no key frequencies, and null for diagonal energy.
    """

    name = "fourier"
    period = 5
    cost = 0.4

    def columns(self, run: Supervised) -> tuple[str, ...]:
        of_embedding, of_logits = (
            ("embedding_gini", "neuron_ipr"),
            ("key_frequencies", "n_key_frequencies", "restricted_loss", "excluded_loss", "diagonal_energy"),
        )
        return of_embedding + of_logits if has_cyclic_table(run) else ()

    def values(self, probe: Probe) -> dict[str, Any]:
        from lal.losses import losses_of_rows

        group = cyclic(probe.run.task, probe.data)
        energies = embedding_energies(probe, group)
        sums, total = diagonal_sums(probe, group)
        diagonal = Diagonal.of(sums)
        return {
            "embedding_gini": gini(energies.sum(1).sqrt()),
            "neuron_ipr": inverse_participation(energies),
            "key_frequencies": diagonal.keys.tolist(),
            "n_key_frequencies": len(diagonal.keys),
            "restricted_loss": losses_of_rows(probe.run.loss, diagonal.waves(constant=True), group.answers).mean().item(),
            "excluded_loss": excluded_loss(probe, group, diagonal.waves(constant=False)),
            "diagonal_energy": diagonal.energies.sum().item() / total if total > 0 else None,
        }


class Diagonal(NamedTuple):
    """What the logits are as a function of i + j.

    Attributes:
        n: order of the group.
        spectrum: (n // 2 + 1, C) complex, the DFT of the mean logits at each sum.
        energies: (n // 2,) energy on (k, k) and (-k, -k) in the 2-D DFT of the logits less their mean over classes, over n^2, k = 1 .. n // 2.
        keys: the key frequencies, ascending.
    """

    n: int
    spectrum: Tensor
    energies: Tensor
    keys: Tensor

    @classmethod
    def of(cls, sums: Tensor) -> Diagonal:
        """From the sums of logits (n, C) over the n pairs of each i + j."""
        import torch

        n = len(sums)
        spectrum = torch.fft.rfft(sums / n, dim=0)
        energies = energies_of(spectrum - spectrum.mean(1, keepdim=True), n).sum(1)
        order = energies.argsort(descending=True, stable=True)
        held = energies[order].cumsum(0)
        n_keys = int((held < KEY_SHARE * held[-1]).sum()) + int(held[-1] > 0)
        return cls(n, spectrum, energies, order[:n_keys].sort().values + 1)

    def waves(self, *, constant: bool) -> Tensor:
        """(n, C), for each i + j the part of the logits at key frequencies, with or without their mean."""
        import torch

        kept = torch.zeros_like(self.spectrum)
        kept[self.keys] = self.spectrum[self.keys]
        if constant:
            kept[0] = self.spectrum[0]
        return torch.fft.irfft(kept, n=self.n, dim=0)


def energies_of(spectrum: Tensor, n: int) -> Tensor:
    """(n // 2 + 1, ...) half of the DFT of n real values -> (n // 2, ...) |X_k|^2 + |X_-k|^2, k = 1 .. n // 2; k = n/2 is its own mirror and counts once."""
    energies = 2 * spectrum[1:].abs().square()
    if n % 2 == 0:
        energies[-1] /= 2
    return energies


def embedding_energies(probe: Probe, group: Cyclic) -> Tensor:
    """(n // 2, 2 D') energy at each frequency of each unit of the embedded input, as a function of i and as one of j, the other operand held."""
    import torch

    operands = [probe.network.embed(probe.data.tokens[rows]).flatten(1).double() for rows in (group.rows[:, 0], group.rows[0])]
    varying = torch.cat([each - each[:1] for each in operands], 1)  # units that the operand does not reach are exactly 0
    return energies_of(torch.fft.rfft(varying, dim=0), len(varying))


def gini(values: Tensor) -> float:
    """Gini coefficient of non-negative values (F,), in [0, 1 - 1/F]: 0 where all are alike (or 0), highest where one has everything."""
    from lal.penalties.routing import gini as gini_of_shares

    total = values.sum()
    return gini_of_shares(values / total).item() if total > 0 else 0.0


def inverse_participation(energies: Tensor) -> float | None:
    """Mean over units of sum_k e_k^2 / (sum_k e_k)^2 of their energies (F, units); of units that vary; null if none does."""
    varying = energies[:, energies.sum(0) > 0]
    return (varying.square().sum(0) / varying.sum(0).square()).mean().item() if varying.shape[1] else None


def diagonal_sums(probe: Probe, group: Cyclic) -> tuple[Tensor, float]:
    """(n, C) sum of the logits over the pairs of each i + j, and the energy of all logits in the group, less their mean over classes and over pairs."""
    import torch

    from lal.metrics.probe import CHUNK_ROWS

    n = len(group.rows)
    sums = torch.zeros(n + 1, probe.run.task.n_classes, dtype=torch.float64, device=group.rows.device)  # the last is of rows outside the group
    squares = torch.zeros(n + 1, 1, dtype=torch.float64, device=group.rows.device)
    for start in range(0, len(group.sums), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        logits, of_rows = probe.logits(rows).double(), group.sums[rows] % (n + 1)
        centred = torch.linalg.vector_norm(logits, dim=1, keepdim=True).square() - logits.sum(1, keepdim=True).square() / logits.shape[1]
        sums.index_add_(0, of_rows, logits)
        squares.index_add_(0, of_rows, centred)
    sums = sums[:n]
    constant = (sums - sums.mean(1, keepdim=True)).sum(0).square().sum() / n**2
    energy, total = squares[:n].sum().item(), squares[:n].sum().item() - constant.item()
    return sums, total if total > 1e-12 * energy else 0.0  # less is rounding


def excluded_loss(probe: Probe, group: Cyclic, waves: Tensor) -> float | None:
    """Mean task loss of the training rows in the group, less `waves` (n, C) of their i + j."""
    from lal.losses import losses_of_rows
    from lal.metrics.probe import CHUNK_ROWS

    data = probe.data
    train, waves = data.train[group.sums[data.train] >= 0], waves.to(probe.rows.loss.dtype)
    losses = (losses_of_rows(probe.run.loss, probe.logits(rows) - waves[group.sums[rows]], data.targets[rows]).sum().item() for rows in train.split(CHUNK_ROWS))
    return sum(losses) / len(train) if len(train) else None
