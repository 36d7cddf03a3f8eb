"""One run with every column and array that a report draws, written through the store as a real one would."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np

from lal.budget import Budget
from lal.config import dump, parse, run_id
from lal.store import Record, Store
from tests.analysis.synthetic import WHERE, Truth, rows_of

LAYERS, HEADS, UNITS = 2, 3, 8
SERIES = {
    "loss": ("restricted_loss", "excluded_loss"),
    "share": ("diagonal_energy", "logit_smoothness", "spectral_smoothness", "embedding_gini", "neuron_ipr", "collapsed_share"),
    "size": ("jacobian_norm", "grad_norm", "fisher_trace", "empirical_fisher_trace", "adam_snr", "effective_lr", "update_decay_ratio"),
    "norm": ("weight_norm", "logit_scale", "representation_norm", "role_norm/embedding", "role_norm/weight", "weight_norm/embedding.weight"),
    "tensor": ("weight_norm/blocks.0.attention.out.weight", "weight_norm/blocks.0.attention.out.bias", "weight_norm/blocks.1.attention.out.weight"),
}


def measured(step: int, seed: int = 0) -> dict[str, Any]:
    """Values of every metric at `step`, of the right sign and size."""
    rng = np.random.default_rng([seed, step])
    late = 1 / (1 + np.exp(-(step - 600) / 120))
    row: dict[str, Any] = dict.fromkeys(SERIES["loss"], 3 * (1 - late) + 0.01)
    row |= {name: float(late * (0.9 - 0.1 * index)) for index, name in enumerate(SERIES["share"])}
    row |= {name: float(10 ** (2 - 3 * late - 0.5 * index) * rng.lognormal(0, 0.1)) for index, name in enumerate(SERIES["size"])}
    row |= {name: float(10 + index - 5 * late) for index, name in enumerate((*SERIES["norm"], *SERIES["tensor"]))}
    row |= {
        "hessian_trace": float(500 * (1 - late) - 20),
        "hessian_trace_se": 15.0,
        "input_hessian_trace": float(5 - late),
        "input_hessian_trace_se": 0.3,
        "jacobian_norm_se": 0.1,
    }
    row |= {"effective_depth_sd": float(0.4 * late), "layers_present": LAYERS, "key_frequencies": [2, 5], "n_key_frequencies": 2}
    return row


def arrays_of(step: int, p: int, operations: int = 1, operands: int = 2) -> dict[str, np.ndarray]:
    """All arrays of one snapshot, over the whole table of `operands` residues mod p for each of `operations`."""
    grid = np.stack(np.meshgrid(*[np.arange(p)] * operands, indexing="ij"), -1).reshape(-1, operands)
    tokens = grid if operations == 1 else np.concatenate([np.column_stack([grid, np.full(len(grid), each)]) for each in range(operations)])
    n, rng = len(tokens), np.random.default_rng(step)
    heads = np.stack([np.cos(2 * np.pi * tokens[:, :2].sum(1) * (head + 1) / p + head) * (1 + step / 400) for head in range(HEADS)], 1)
    routing = np.exp(heads) / np.exp(heads).sum(1, keepdims=True)
    spectrum = rng.random(p // 2) ** (1 + step / 100)
    logits = np.fft.fft2(np.cos(2 * np.pi * np.add.outer(np.arange(p), np.arange(p)) * 2 / p) + 0.1 * rng.standard_normal((p, p)))
    energy = np.abs(logits) ** 2
    energy[0, 0] = 0
    return {
        "tokens": tokens.astype(np.int16),
        "routing": np.stack([routing] * LAYERS).astype(np.float16),
        "gates": np.sort(rng.random((LAYERS, UNITS)), axis=1).astype(np.float32),
        "input_gates": np.stack([1 / (1 + np.exp(-tokens[:, 0] / p * 4 + 2)), np.full(n, 0.9)]).astype(np.float16),
        "embedding_spectrum": (spectrum / spectrum.sum()).astype(np.float32),
        "logit_spectrum": (energy / energy.sum()).astype(np.float32),
        "correct": rng.random(n) < 0.9,
    }


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of an npz file."""
    sink = BytesIO()
    np.savez_compressed(sink, **arrays)  # type: ignore[arg-type]
    return sink.getvalue()


def written(
    store: Store, config: Mapping[str, Any] | None = None, *, truth: Truth | None = None, snapshots: tuple[int, ...] = (0, 500, 1000, 1500), **shape: int
) -> str:
    """Writes a finished run of 1,500 steps, and its arrays at `snapshots`; returns its id."""
    run = parse(
        {
            "task": {"p": 11},
            "model": {"kind": "gated", "depth": LAYERS, "width": UNITS},
            "budget": {"steps": 1500},
            "measure": {"eval_every": 25},
            **(config or {}),
        }
    )
    name, values = run_id(run), dump(run)
    rows = [row | measured(row["step"]) | {"gate_values": row.get("gate_values", [1.0])[:LAYERS]} for row in rows_of(truth or Truth(), 0, 1500)]
    folder = store.run(name)
    folder.put_config(values)
    for step in snapshots:
        folder.put_bytes(f"arrays/step-{step:09d}.npz", packed(arrays_of(step, run.task.p, **shape)))
    size = folder.join(rows)
    trajectory = {key: value for key, value in values.items() if key not in ("measure", "budget")}
    budget = Budget.model_validate(values["budget"]).model_dump(mode="json")
    folder.finish(Record(name, "budget", "budget of 1,500 steps used", 1500, 6.0, trajectory, values["measure"], budget, size, WHERE))
    return name
