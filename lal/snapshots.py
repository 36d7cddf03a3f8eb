"""Snapshots: what a network looks like at one step, as arrays that pictures are made of. Torch is imported inside functions.

tokens              (N, T) int16    every input of the task
correct             (N,) bool       whether it is answered rightly
routing             (L, N, H) float16   weights over heads, at the position that is read
gates               (L, G) float32  where gates belong to layers or units        input_gates  (L, N) float16  where they belong to inputs
embedding_spectrum  (p // 2,) float32   share of the embedding's energy at each frequency 1 .. p // 2, along the operands, mean removed
logit_spectrum      (p, p) float32  share of the logits' two-dimensional DFT energy over (a, b) at each pair of frequencies, mean removed

Arrays with a row for each input are left out of tasks with more than ROWS_UP_TO rows; the logit spectrum of tasks that are not one whole table
of pairs, or of more than P_UP_TO residues: it needs p^3 logits in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    by_row, table = has_rows(run.task), has_table(run.task)
    outputs = passed(run, network, data.tokens if by_row or table else data.tokens[:1], logits=table)
    logits = outputs.pop("logits", None)
    arrays = {"embedding_spectrum": embedding_spectrum(run.task, network, data)}
    if logits is not None:
        arrays["logit_spectrum"] = logit_spectrum(logits, run.task.n_tokens)
    if by_row:
        arrays |= row_arrays(outputs, data)
    if "gates" in outputs:
        arrays["gates"] = outputs["gates"]
    return {name: array.cpu().numpy() for name, array in arrays.items()}


def has_rows(task: TaskPart) -> bool:
    """Whether snapshots hold arrays with a row for each input."""
    return task.n_rows <= ROWS_UP_TO


def has_table(task: TaskPart) -> bool:
    """Whether the task is one whole table of pairs of residues, and small enough for the spectrum of its logits."""
    return task.n_operands == 2 and task.n_rows == task.n_tokens**2 and task.n_tokens <= P_UP_TO


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


def embedding_spectrum(task: TaskPart, network: Network, data: Data) -> Tensor:
    """(p // 2,) shares: the embedded input as one operand runs through the residues and the others rest at 0, summed over operands.

    Of sums and of concatenations of embeddings this is the spectrum of their tables, whatever the others rest at.
    """
    import torch

    p, energy = task.n_tokens, 0.0
    for operand in range(task.n_operands):
        tokens = data.tokens.new_zeros(p, data.tokens.shape[1])
        tokens[:, operand] = torch.arange(p, device=tokens.device)
        waves = torch.fft.rfft(network.embed(tokens).flatten(1).double(), dim=0)
        energy = energy + waves.abs().square().sum(1)[1:]
    return shares(energy)  # type: ignore[arg-type]


def logit_spectrum(logits: Tensor, p: int) -> Tensor:
    """(p, p) shares from (p * p, C) logits whose rows are in the order of (a, b)."""
    import torch

    table = (logits - logits.mean(0)).view(p, p, -1)
    half = sum(torch.fft.rfft2(part.permute(2, 0, 1).contiguous()).abs().square().double().sum(0) for part in table.split(CLASSES_AT_ONCE, 2))
    assert isinstance(half, torch.Tensor)
    back = (-torch.arange(p)) % p  # of real numbers, the energy at (-k, -l) is that at (k, l)
    full = torch.cat([half, half[back][:, 1 : p - p // 2].flip(1)], 1)
    full[0, 0] = 0  # the mean, but for rounding
    return shares(full)


def shares(energy: Tensor) -> Tensor:
    """Energies as shares of their sum, float32; NaN where there is none."""
    return (energy / energy.sum()).float()


def size(run: Supervised) -> int:
    """Bytes of one snapshot on disk, about."""
    task, layers = run.task, run.model.n_layers
    weights = 2 * layers * (getattr(getattr(run.model, "feed_forward", run.model), "heads", 0) * run.model.has_routing + run.model.gates_by_input)
    by_row = task.n_rows * (weights + 0.25) if has_rows(task) else 0
    spectra = 4 * (task.n_tokens**2 * has_table(task) + task.n_tokens // 2)
    units = run.model.width if getattr(run.model, "scope", "layer") == "neuron" else 1  # type: ignore[attr-defined]
    gates = 4 * layers * units if run.model.has_gates and not run.model.gates_by_input else 0
    return 1_000 + round(PACKED * (by_row + spectra + gates))
