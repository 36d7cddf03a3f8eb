"""Settings for the tests of what is trained."""

from __future__ import annotations

from math import inf

import pytest

from lal.runs import supervised_loop


@pytest.fixture(autouse=True)
def no_pulses(monkeypatch):
    """A machine that is busy elsewhere adds no rows to those that a test counts; tests of pulses ask for them."""
    monkeypatch.setattr(supervised_loop, "PULSE_S", inf)
