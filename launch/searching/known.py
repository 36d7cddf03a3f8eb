"""The points that earlier calls of a search found, as the manifest lists them. Imports neither torch, ray nor optuna."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lal.errors import Refused
from lal.store import Store
from launch.searching.space import Found, refuse_other
from launch.sweep import Expanded


def known(sweep: Expanded, store: Store) -> Expanded:
    """`sweep` with the runs of all points that were found so far; as it is where its points are no secret.

    Raises:
        Refused: they were found for another question.
    """
    path = f"{store.sweep(sweep.folder)}/manifest.json"
    if sweep.space is None or not store.has(path):
        return sweep
    search = store.manifest(sweep.folder).get("search")
    if not search:
        remedy = "give the search another name"
        raise Refused(f"a search must not take the place of another sweep, but {store.where(path)} is of one that lists its points; {remedy}")
    refuse_other(search["space"], sweep.space.signature, store.where(path))
    return with_found(sweep, (Found(each["arm"], each["values"]) for each in search["points"]))


def with_found(sweep: Expanded, found: Iterable[Found]) -> Expanded:
    """`sweep` with these points alone, and their runs."""
    assert sweep.space is not None
    points = tuple(found)
    return replace(sweep, found=points, runs=tuple(run for point in points for run in sweep.space.runs(point)))
