"""Settings for the tests of what is trained."""

from __future__ import annotations

import os
from math import inf

import pytest

pytest.register_assert_rewrite("tests.lal.sessions")

from lal.runs import stepping  # noqa: E402
from lal.runs.session import attempt  # noqa: E402
from lal.store import Record, Store  # noqa: E402
from tests.lal.sessions import results  # noqa: E402


@pytest.fixture(autouse=True)
def no_pulses(monkeypatch):
    """A machine that is busy elsewhere adds no rows to those that a test counts; tests of pulses ask for them."""
    monkeypatch.setattr(stepping, "PULSE_S", inf)


@pytest.fixture
def quick_disk(monkeypatch):
    """Where nothing cuts the power, nothing need wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda number: None)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of results of one go at a run; worked out once for each configuration, to be copied and not to be changed."""
    known = {}

    def of(config):
        if config.model_dump_json() not in known:
            store = Store(tmp_path_factory.mktemp("whole"))
            assert isinstance(attempt(config, store), Record)
            known[config.model_dump_json()] = store.place.root
        return known[config.model_dump_json()]

    return of


@pytest.fixture(scope="session")
def uninterrupted(finished):
    """The results of one go at a run."""
    return lambda config: results(config, Store(finished(config)))
