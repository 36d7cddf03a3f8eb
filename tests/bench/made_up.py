"""A made-up sweep of many runs, each of 300 rows and 60 columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lal.store import Record, Store, digest, encoded
from tests.analysis.synthetic import BUDGET, WEIGHT, Folder, Truth, rows_of
from tests.analysis.synthetic_run import measured

N_DEPTHS, N_SEEDS, N_KINDS = 10, 10, 10
EXTRA = 12  # columns beyond those of a real run, up to 60


def history(kind: int) -> bytes:
    """300 rows of 60 columns."""
    rows = [
        row | measured(row["step"], kind) | {f"weight_norm/blocks.{index}.out.weight": 10.0 / (1 + index) for index in range(2, 2 + EXTRA)}
        for row in rows_of(Truth(grok=500 + 100 * kind, gates=0.4 * kind), kind, 2990, 10)
    ]
    return encoded(rows)


def many(root: Path, n_weights: int) -> tuple[str, list[bytes]]:
    """A sweep of 2 arms x `n_weights` x 10 depths x 10 seeds; returns its name and the few histories that its runs share."""
    folder = Folder(Store(root), name="many", axes=(WEIGHT, "model.depth"), every=10)
    for arm in folder.arms:
        for weight in np.geomspace(1e-4, 1, n_weights).tolist():
            for depth in range(1, N_DEPTHS + 1):
                for seed in range(N_SEEDS):
                    folder.add(arm, {WEIGHT: weight, "model.depth": depth}, seed, Truth(missing=True))
    data = [history(kind) for kind in range(N_KINDS)]
    for index, entry in enumerate(folder.runs):
        finish(root, entry, data[index % N_KINDS])
    return folder.write(), data


def finish(root: Path, entry: Mapping[str, Any], data: bytes) -> None:
    """Writes what a finished run leaves, straight to disk: to write is not what is measured."""
    place = root / "runs" / entry["run_id"]
    place.mkdir(parents=True)
    (place / "history.parquet").write_bytes(data)
    record = Record(entry["run_id"], "budget", "budget used", 2990, 12.0, {}, {"eval_every": 10}, BUDGET, digest(data), {})
    (place / "record.json").write_text(json.dumps(asdict(record)))
