"""Settings for all tests: one thread, and properties that draw the same examples everywhere, however slow the machine."""

from __future__ import annotations

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("lal", deadline=None, derandomize=True, database=None, max_examples=100)
hypothesis.settings.load_profile("lal")
torch.set_num_threads(1)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist, which reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, a file's tests stay together, as they share what is dear to make; so do all that start Ray, of which there is never more than one."""
    for item in items:
        together = "ray" if item.get_closest_marker("ray") else item.nodeid.split("::")[0]
        item.add_marker(pytest.mark.xdist_group(together))
    items.sort(key=lambda item: item.get_closest_marker("ray") is None)  # the longest of all groups, and one that mostly waits: last, all would wait for it


@pytest.fixture
def store(tmp_path):
    """An empty results folder."""
    from lal.store import Store

    return Store(tmp_path / "results")


@pytest.fixture(scope="session")
def object_store():
    """S3 in this process."""
    from tests.object_store import serving

    with serving() as there:
        yield there


@pytest.fixture
def remote(object_store):
    """An empty results folder on S3."""
    from lal.store import Store

    return Store(object_store.uri())
