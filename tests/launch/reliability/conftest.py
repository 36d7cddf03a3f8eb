"""Sweeps that nobody disturbed: each trained once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lal.runs.session import attempt
from lal.store import Store
from launch.sweep import load, manifest
from tests.launch.cli import written
from tests.launch.reliability.disturbed import Undisturbed


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """From a sweep to its results, trained in this process."""
    known: dict[str, Path] = {}

    def trained(sweep: dict[str, Any]) -> Path:
        name = json.dumps(sweep)
        if name not in known:
            folder = tmp_path_factory.mktemp("undisturbed")
            known[name], file = folder / "results", str(folder / written(folder, sweep))
            store = Store(known[name])
            for config in load(file, None, ["budget.checkpoint_every_s=60"]).configs().values():
                attempt(config, store)
            whole = load(file)
            store.put_json(f"{store.sweep(whole.folder)}/manifest.json", manifest(whole))
        return known[name]

    return trained
