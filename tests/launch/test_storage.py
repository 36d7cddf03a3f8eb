"""What a run is said to store is about what it stores, snapshots and kept checkpoints included."""

from __future__ import annotations

from typing import Any

import pytest

from lal.config import parse, run_id
from lal.runs.session import attempt
from lal.store import Store
from launch.planning.machine import storage


@pytest.mark.parametrize("kept", [{}, {"snapshot_every": 5}, {"save_every": 5}, {"snapshot_every": 5, "save_every": 10}])
@pytest.mark.parametrize("model", ["gated", "routed"])
def test_estimated_storage_is_about_what_is_there(model: str, kept: dict[str, int], store: Store) -> None:
    measure: dict[str, Any] = {"eval_every": 5, "metrics": ["accuracy"], **kept}
    config = parse({"task": {"p": 31}, "model": {"kind": model, "width": 32}, "measure": measure, "budget": {"steps": 20, "stop": None}})
    attempt(config, store)
    folder = store.place.root / store.run(run_id(config)).path
    written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert 0.7 < storage(config, 20) / written < 1.5
