"""Settings for all tests: one thread, and properties that draw the same examples everywhere, however slow the machine."""

from __future__ import annotations

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("lal", deadline=None, derandomize=True, database=None, max_examples=100)
hypothesis.settings.load_profile("lal")
torch.set_num_threads(1)


@pytest.fixture
def store(tmp_path):
    """An empty results folder."""
    from lal.store import Store

    return Store(tmp_path / "results")
