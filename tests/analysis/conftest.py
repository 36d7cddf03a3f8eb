"""Results written once for all tests that only read them."""

from __future__ import annotations

import pytest

from analysis.collect import Tables, collect
from analysis.report import Drawn
from lal.store import Store
from tests.analysis.synthetic import ODD, drawn_twice


@pytest.fixture(scope="session")
def odd_store(tmp_path_factory) -> Store:
    """A results folder with every sweep of ODD."""
    store = Store(tmp_path_factory.mktemp("odd"))
    for write in ODD.values():
        write(store)
    return store


@pytest.fixture(scope="session")
def odd_tables(odd_store) -> dict[str, Tables]:
    """Tables of every sweep of ODD, by its name there."""
    return {name: collect(odd_store, name.replace(" ", "-")) for name in ODD}


@pytest.fixture(scope="session")
def odd_drawn(odd_tables) -> dict[str, tuple[list[Drawn], list[str]]]:
    """Every figure of every sweep of ODD that is asked for, narrow ones with their traces, and why the others do not apply."""

    class WhenAsked(dict):
        def __missing__(self, name: str):
            return self.setdefault(name, drawn_twice(odd_tables[name]))

    return WhenAsked()
