"""What the tests of sessions share: runs, and all that a finished one leaves."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from lal.budget import Budget
from lal.config import run_id
from lal.runs.packing import unpacked
from lal.store import encoded_arrays, kept_name
from tests.lal.small import run_config
from tests.lal.test_metrics import equal
from tests.lal.walk import Walk, WalkMeasure

BUDGET = {"steps": 8, "stop": None, "checkpoint_every_s": 1e-9}  # every row is saved
# a slow metric is also read on the last row, wherever a budget puts that
METRICS = ["accuracy", "gates", "functional_depth", "weight_norm"]
EVERY_2 = {"eval_every": 2, "metrics": METRICS, "every": {"functional_depth": 2}, "snapshot_every": 4, "save_every": 8}
SMALL = {"kind": "gated", "width": 4, "depth": 2, "gate": "gumbel", "norm": "none"}
GUMBEL = run_config(SMALL, {"kind": "adamw", "lr": 0.01, "batch_size": 5}, budget=BUDGET, measure=EVERY_2)
CONFIGS = {
    "gumbel": GUMBEL,
    "routed": run_config(
        "routed", budget=BUDGET, measure={"eval_every": 2, "metrics": ["accuracy", "price", "routing"]}, penalties={"routing": {"kind": "gini", "weight": 0.1}}
    ),
    "walk": Walk(budget=Budget(**BUDGET), measure=WalkMeasure(eval_every=2)),
}
KINDS = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
HARDEST = pytest.mark.parametrize("config", [CONFIGS["gumbel"], CONFIGS["walk"]], ids=["gumbel", "walk"])  # most to save, and another kind


def with_budget(config, **changes):
    return config.model_copy(update={"budget": config.budget.model_copy(update=changes)})


def untimed(rows):
    """The rows without what differs between two equal runs, and without nulls, which are not stored."""
    return [{name: value for name, value in row.items() if name != "seconds" and value is not None} for row in rows]


def results(config, store):
    """All that a finished run left, but its times and what depends on them."""
    folder = store.run(run_id(config))
    checkpoint, best = (whole(folder.get_bytes(name)) for name in ("checkpoint.pt", "best.pt"))
    state = state_of(folder.get_bytes("checkpoint.pt"))
    arrays = {step: encoded_arrays(folder.arrays(step)) for step in folder.snapshots()}
    kept = {step: state_of(folder.get_bytes(kept_name(step))) for step in folder.kept()}
    record = {name: value for name, value in asdict(folder.record()).items() if name not in ("seconds", "history_sha256", "environment")}
    names = sorted(path.name for path in (store.place.root / folder.path).rglob("*") if path.is_file())
    counted = {name: checkpoint[name] for name in ("step", "rows", "trajectory")}
    found = {"history": untimed(folder.history()), "state": state, "best": best, "record": record, "names": names, "checkpoint": counted}
    return found | {"arrays": arrays, "kept": kept}


def state_of(data):
    return {name: value for name, value in whole(data)["state"].items() if name != "seconds"}


def whole(data):
    """What a file holds that must be there and undamaged."""
    values = unpacked(data)
    assert values is not None
    return values


def assert_same(config, store, expected):
    found = results(config, store)
    assert found["history"] == expected["history"]
    assert found["record"] == expected["record"]
    assert found["names"] == expected["names"]
    assert found["arrays"] == expected["arrays"]
    assert equal(found["kept"], expected["kept"])
    assert found["checkpoint"] == expected["checkpoint"]
    assert equal(found["state"], expected["state"])
    assert equal(found["best"], expected["best"])


def stop_after(rows):
    seen = []
    return {"report": seen.append, "stop_asked": lambda: len(seen) >= rows}


DAMAGES = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "zeroed": lambda data: bytes(len(data)),
    "short of one byte": lambda data: data[:-1],
}
