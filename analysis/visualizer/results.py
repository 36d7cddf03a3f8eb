"""A results folder of this program: its sweeps, each as its manifest tells it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from threading import Lock
from typing import Any, final

from analysis.collect import checked
from analysis.one_run import OneRun
from analysis.visualizer.catalogue import Catalogue
from analysis.visualizer.following import Following
from analysis.visualizer.histories import Histories
from analysis.visualizer.source import Known, Source
from lal.errors import Refused
from lal.store import Store, digest


@final
class Results(Source):
    """The sweeps of `store`. Manifests are parsed once, and again when they changed."""

    def __init__(self, store: Store):
        self._store, self._histories, self._lock = store, Histories(store), Lock()
        self._catalogues: dict[str, tuple[str, Catalogue]] = {}
        self._following: dict[str, Following] = {}

    @property
    def address(self) -> str:
        return self._store.where()

    def names(self) -> list[str]:
        return [name for name in self._store.names("sweeps") if self._store.has(f"sweeps/{name}/manifest.json")]

    def catalogue(self, name: str) -> Catalogue:
        now = self._store.stamp(f"{self._store.sweep(name)}/manifest.json")
        with self._lock:  # also while it is parsed: who asks for the same meanwhile would only do so too
            known = self._catalogues.get(name)
            if known is None or now is None or known[0] != now:
                known = self._catalogues[name] = now or "", Catalogue(checked(self._store.manifest(name), self._store, name))
        return known[1]

    def known(self, name: str) -> Known:
        manifest = self.catalogue(name).manifest
        with self._lock:
            following = self._following.setdefault(name, Following(self._store, name))
        return following.known(manifest)

    def version(self, name: str, runs: Sequence[int]) -> str:
        entries = self.catalogue(name).entries
        return digest(json.dumps([self._histories.version(entries[index]["run_id"]) for index in runs]).encode())

    def run(self, name: str, index: int) -> OneRun | str:
        catalogue = self.catalogue(name)
        return self._histories.run(name, catalogue.manifest, catalogue.entries[index])


def source_at(address: str) -> tuple[Source, str | None]:
    """What is at `address`: a results folder, or folders of runs that another program left; and the sweep that it names, if it is that of one.

    Raises:
        Refused: there is nothing to look at.
    """
    from analysis.visualizer.foreign import foreign_at

    parent, _, name = address.rstrip("/").rpartition("/sweeps/")
    if parent and Store(parent).has(f"sweeps/{name}/manifest.json"):
        return Results(Store(parent)), name
    results: Any = Results(Store(address))
    if results.names():
        return results, None
    foreign = foreign_at(address)
    if foreign is None:
        raise Refused(
            f"lal view shows a folder of results, but {results.address} holds no sweep and no folder with a history in it; "
            "run `lal sweep quickstart` first, or write where the results are: `lal view FOLDER`"
        )
    return foreign, None
