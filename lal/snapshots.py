"""Snapshots: what a network looks like at one step, as arrays that pictures are made of. Torch is imported inside functions.

tokens              (N, T) int16    every input of the task
correct             (N,) bool       whether it is answered rightly
routing             (L, N, H) float16   weights over heads, at the position that is read
gates               (L, G) float32  where gates belong to layers or units        input_gates  (L, N) float16  where they belong to inputs
embedding_spectrum  (n // 2,) float32   share of the embedding's energy at each frequency 1 .. n // 2, along the operands, mean removed
logit_spectrum      (n, n) float32  share of the logits' two-dimensional DFT energy at each pair of frequencies, less their mean over classes and pairs

Frequencies are those of the metric `fourier`: of the cyclic group of a single operation on pairs (`lal/metrics/cyclic.py`: n = p residues, the
second reversed for subtract; n = p - 1 discrete logarithms for multiply and divide), so that the answer is on the diagonal; of plain residues otherwise.

Arrays with a row for each input are left out of tasks with more than ROWS_UP_TO rows; the logit spectrum of tasks that are not a single operation on
pairs, or of more than P_UP_TO residues: it needs p^3 logits in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lal.metrics.cyclic import cyclic, has_cyclic_table

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lal.models.network import Network, Output
    from lal.runs.supervised import Supervised
    from lal.tasks.task import Data, TaskPart

ROWS_UP_TO = 131_072
P_UP_TO = 256
CLASSES_AT_ONCE = 16  # bounds the complex numbers of a transform
ROW_DIMS = {"answers": 0, "logits": 0, "routing": 1, "input_gates": 1}  # of what has a row for each input: which dimension that is
PACKED = 0.85  # of the bytes of weights and spectra are left by compression


def snapshot(run: Supervised, network: Network, data: Data) -> dict[str, np.ndarray]:
    """The arrays of `network` that apply, after one pass over all rows of the task. Use inside `looking`."""
    by_row, table = has_rows(run.task), has_table(run)
    outputs = passed(run, network, data.tokens if by_row or table else data.tokens[:1], logits=table)
    arrays = {"embedding_spectrum": embedding_spectrum(run, network, data)}
    if table:
        arrays["logit_spectrum"] = logit_spectrum(outputs["logits"], cyclic(run.task, data).rows)  # type: ignore[arg-type]
    if by_row:
        arrays |= row_arrays(outputs, data)
    if "gates" in outputs:
        arrays["gates"] = outputs["gates"]
    return {name: array.cpu().numpy() for name, array in arrays.items()}


def has_rows(task: TaskPart) -> bool:
    """Whether snapshots hold arrays with a row for each input."""
    return task.n_rows <= ROWS_UP_TO


def has_table(run: Supervised) -> bool:
    """Whether the task is a single operation on pairs, of few enough residues for the spectrum of its logits."""
    return has_cyclic_table(run) and run.task.n_tokens <= P_UP_TO


def passed(run: Supervised, network: Network, tokens: Tensor, *, logits: bool) -> dict[str, Tensor]:
    """What is kept of one pass: answers, routing and gates as they apply, and the logits if asked for."""
    import torch

    from lal.metrics.probe import CHUNK_ROWS

    parts = [kept_of(run, network(chunk), logits=logits) for chunk in tokens.split(CHUNK_ROWS)]
    joined = {name: torch.cat([part[name] for part in parts], dim) for name, dim in ROW_DIMS.items() if name in parts[0]}
    return joined | {name: array for name, array in parts[0].items() if name not in ROW_DIMS}


def kept_of(run: Supervised, output: Output, *, logits: bool) -> dict[str, Tensor]:
    """The same of one chunk. Routing (L, B, H) is that at the position which is read last."""
    import torch

    kept = {"answers": output.logits.argmax(1), **({"logits": output.logits} if logits else {})}
    if output.routing is not None:
        kept["routing"] = torch.stack([weights[-1] for weights in output.routing]).half()
    if output.gates is not None:
        kept |= {"input_gates": output.gates.half()} if run.model.gates_by_input else {"gates": output.gates.float()}
    return kept


def row_arrays(outputs: dict[str, Tensor], data: Data) -> dict[str, Tensor]:
    """The arrays with a row for each input."""
    import torch

    weights = {name: outputs[name] for name in ("routing", "input_gates") if name in outputs}
    return {"tokens": data.tokens.to(torch.int16), "correct": outputs["answers"] == data.targets, **weights}


def embedding_spectrum(run: Supervised, network: Network, data: Data) -> Tensor:
    """(n // 2,) shares: the embedded input as one operand runs through its values and the others rest, summed over operands.

    Of sums and of concatenations of embeddings this is the spectrum of their tables, wherever the others rest.
    """
    from lal.metrics.fourier import embedding_energies
    from lal.metrics.probe import Probe

    if has_cyclic_table(run):
        return shares(embedding_energies(Probe(run, network, data), cyclic(run.task, data)).sum(1))  # type: ignore[arg-type]
    return shares(sum(operand_energies(network, data, operand, run.task.n_tokens) for operand in range(run.task.n_operands)))  # type: ignore[arg-type]


def operand_energies(network: Network, data: Data, operand: int, p: int) -> Tensor:
    """(p // 2,) energy at each frequency as `operand` runs through the residues and the other columns of an input are 0."""
    import torch

    from lal.metrics.fourier import energies_of

    tokens = data.tokens.new_zeros(p, data.tokens.shape[1])
    tokens[:, operand] = torch.arange(p, device=tokens.device)
    return energies_of(torch.fft.rfft(network.embed(tokens).flatten(1).double(), dim=0), p).sum(1)


def logit_spectrum(logits: Tensor, rows: Tensor) -> Tensor:
    """(n, n) shares from logits (N, C), of whose rows `rows` (n, n) make the table."""
    import torch

    n = len(rows)
    table = logits[rows.flatten()]
    table -= table.mean(1, keepdim=True)
    table -= table.mean(0)
    table = table.view(n, n, -1)
    parts = (torch.fft.rfft2(part.permute(2, 0, 1).contiguous()) for part in table.split(CLASSES_AT_ONCE, 2))
    half = torch.stack([part.abs().square().double().sum(0) for part in parts]).sum(0)
    back = (-torch.arange(n, device=half.device)) % n  # of real numbers, the energy at (-k, -l) is that at (k, l)
    full = torch.cat([half, half[back][:, 1 : n - n // 2].flip(1)], 1)
    full[0, 0] = 0  # the mean, but for rounding
    return shares(full)


def shares(energy: Tensor) -> Tensor:
    """Energies as shares of their sum, float32; NaN where there is none."""
    return (energy / energy.sum()).float()


def size(run: Supervised) -> int:
    """Bytes of one snapshot on disk, about."""
    task, layers = run.task, run.model.n_layers
    of_inputs = run.model.gates_per_layer if run.model.gates_by_input else 0
    weights = 2 * layers * (run.model.routing_heads + of_inputs)
    by_row = task.n_rows * (weights + 0.25) if has_rows(task) else 0
    spectra = 4 * (task.n_tokens**2 * has_table(run) + task.n_tokens // 2)
    gates = 4 * layers * (run.model.gates_per_layer - of_inputs)
    return 1_000 + round(PACKED * (by_row + spectra + gates))
