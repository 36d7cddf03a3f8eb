"""What tells the runs of a manifest apart: cells, arms, axes, seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.frame import Frame


def run_keys(manifest: Mapping[str, Any]) -> Frame:
    """What tells each of the manifest's runs from others."""
    entries = manifest["runs"]
    own = {"cell": cell_numbers(entries), "arm": [entry["arm"] for entry in entries], "name": [entry["name"] for entry in entries]}
    own |= axis_values(manifest) | {"seed": [entry["seed"] for entry in entries], "run_id": [entry["run_id"] for entry in entries]}
    return pd.DataFrame(own)


def axis_values(manifest: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Values of each axis over the manifest's runs, of one type a column: numbers, or text; None where an arm has no such path."""
    return {path: of_one_type([entry["point"].get(path) for entry in manifest["runs"]]) for path in manifest["axes"]}


def of_one_type(values: Sequence[Any]) -> list[Any]:
    """`values` as numbers if all that are there are numbers, else as text."""
    there = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in there):
        return list(values)
    return [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]


def cell_numbers(entries: Sequence[Mapping[str, Any]]) -> list[int]:
    """For each run the number of its cell: an arm and a point, counted in order of appearance."""
    keys = [json.dumps([entry["arm"], entry["name"], entry["point"]], sort_keys=True) for entry in entries]
    number = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    return [number[key] for key in keys]
