"""Tests run side by side in groups: see conftest.py."""

from __future__ import annotations

import pytest


def test_groups_are_kept(request: pytest.FixtureRequest) -> None:
    """pytest-xdist 3.8 loses them under pytest 9.2: two tests would start Ray at once, and what a file's tests share would be made again and again."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("one after another")
    assert request.node.nodeid.endswith("@tests/test_side_by_side.py"), "install the pytest that constraints.txt says"
