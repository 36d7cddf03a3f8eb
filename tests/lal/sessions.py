"""What the tests of sessions share: runs, all that a finished one leaves, and places that fail or die."""

from __future__ import annotations

import errno
from dataclasses import asdict

import pytest

from lal.budget import Budget
from lal.config import run_id
from lal.errors import Unreachable
from lal.runs.packing import unpacked
from lal.store import Store, encoded_arrays, kept_name
from lal.store.place import Place
from tests.lal.small import composition_config, dqn_config, run_config
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
    "composition": composition_config("rnn-table", budget=BUDGET, measure={"eval_every": 2, "snapshot_every": 4, "save_every": 8}),
    "dqn": dqn_config("actions", budget=BUDGET, measure={"eval_every": 2, "snapshot_every": 4, "save_every": 8}),
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


class Through(Place):
    """Another place, of whose every call `before` is told, by its name; it may raise."""

    def __init__(self, place, before):
        self.place, self.before = place, before
        self.address, self.at_once = place.address, place.at_once

    def _call(self, name, *values):
        self.before(name)
        return getattr(self.place, name)(*values)

    def put(self, path, data):
        self._call("put", path, data)

    def create(self, path, data):
        return self._call("create", path, data)

    def get(self, path, at_most=None):
        return self._call("get", path, at_most)

    def has(self, path):
        return self._call("has", path)

    def remove(self, path):
        self._call("remove", path)

    def names(self, path):
        return self._call("names", path)

    def files(self, path):
        return self._call("files", path)

    def stamp(self, path):
        return self._call("stamp", path)

    def tidy(self, path):
        self._call("tidy", path)

    def listed(self, path):
        return self

    def where(self, path):
        return self.place.where(path)

    def free_bytes(self):
        return self.place.free_bytes()


AWAY = [Unreachable("s3://x cannot be written"), OSError(errno.EIO, "Input/output error"), OSError(errno.ESTALE, "Stale file handle")]


class Fault:
    """Fails a place's next `times` calls with `error`, and counts all calls."""

    def __init__(self, error, times):
        self.error, self.times, self.calls = error, times, 0

    def __call__(self, name):
        self.calls += 1
        if self.times > 0:
            self.times -= 1
            raise self.error


def flaky(store, error, times):
    """Makes the place of `store` fail; returns what decides when."""
    fault = Fault(error, times)
    store.place = Through(store.place, fault)
    return fault


class Killed(BaseException):
    """As kill -9: nothing that runs afterwards reaches the disk."""


def dying(root, dies_before):
    """A results folder that dies before its n-th change of what it holds. (On disk, after a change is before the next one.)"""
    changes = 0

    def before(name):
        nonlocal changes
        if name in ("put", "create", "remove"):
            if changes == dies_before - 1:
                raise Killed
            changes += 1

    store = Store(root)
    store.place = Through(store.place, before)
    return store
