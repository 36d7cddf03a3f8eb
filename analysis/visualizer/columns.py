"""Histories of other programs: which file, which format, and what their columns are called here."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import pandas as pd
import pyarrow as pa

from analysis.frame import Frame
from lal.store.codec import table

MOST_BYTES = 2**28
NAMES = {
    "epoch": "step",
    "learning_rate": "lr",
    "gradient_norm": "grad_norm",
    "hessian_trace": "input_hessian_trace",  # there, of the loss in the input; here `hessian_trace` is of the loss in the weights
    "weight_hessian_trace": "hessian_trace",
    "fisher_trace": "empirical_fisher_trace",
    "adam_ratio_mean": "adam_snr",
    "total_weight_norm": "weight_norm",
}
OTHER_MEANING = ("effective_lr_mean", "effective_lr_max")  # there, the root of Adam's second moment: no learning rate
LAYER = re.compile(r"layer_(\d+)_weight_norm")


def known_rows(folder: Path) -> pa.Table | str:
    """The history in `folder` under the names that columns have here, ascending in step, or why it cannot be read."""
    for name, read in (("history.parquet", _parquet), ("history.csv", _csv), ("history.json", _json)):
        path = folder / name
        if path.is_file() and path.stat().st_size > MOST_BYTES:
            return f"{name} is larger than {MOST_BYTES // 2**20} MiB"
        if path.is_file():
            try:
                return renamed(read(path.read_bytes()))
            except (ValueError, TypeError, KeyError, OverflowError, RecursionError, pa.ArrowException):
                return f"{name} is damaged, or not a table of numbers by step"
    return "it has no history"


def renamed(rows: Frame) -> pa.Table:
    """`rows` with the columns' names of this program; numbers alone, each step once.

    Raises:
        ValueError: there is no column of steps.
    """
    twice = {old for old, new in NAMES.items() if old == "epoch" and new in rows.columns}
    rows = rows.drop(columns=[each for each in (*OTHER_MEANING, *twice) if each in rows.columns])
    rows = rows.rename(columns={name: NAMES.get(str(name)) or LAYER.sub(r"weight_norm/layers.\1.weight", str(name)) for name in rows.columns})
    if "step" not in rows.columns or not rows.columns.is_unique:
        raise ValueError("a history must have one column of steps")
    rows = rows[[name for name in rows.columns if pd.api.types.is_numeric_dtype(rows[name])]]
    rows = rows[rows["step"].notna()].drop_duplicates("step", keep="last").sort_values("step")
    return pa.Table.from_pandas(rows.astype({name: "int64" if name == "step" else "float64" for name in rows.columns}), preserve_index=False)


def _parquet(data: bytes) -> Frame:
    found = table(data)
    if found is None:
        raise ValueError("damaged")
    return found.to_pandas()


def _csv(data: bytes) -> Frame:
    return pd.read_csv(StringIO(data.decode()))


def _json(data: bytes) -> Frame:
    """A list of rows, or lists by column."""
    return pd.DataFrame(json.loads(data))
