"""Points at random. What point i has on an axis depends on the seed, the axis and i alone: more points extend fewer, and arms are drawn alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from lal.errors import Refused
from launch.parsing.axes import Range
from launch.searching.spec import Random

Axes = Mapping[str, tuple[Any, ...] | Range]
Chosen = dict[str, tuple[int, Any]]  # dotted path -> (index in its list, value)
TRIES = 1000  # draws for each point: so many fail only where nearly all points of the axes are taken


def share(seed: int, path: str, index: int) -> float:
    """A number in [0, 1), uniform over `index`."""
    digest = hashlib.sha256(json.dumps(["point", seed, path, index]).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def drawn(search: Random, axes: Axes, where: str) -> Iterator[Chosen]:
    """`search.points` different points of `axes`.

    Raises:
        Refused: there are not so many.
    """
    if search.points > (there := size_of(axes)):
        remedy = "write fewer, or leave `search` out: a grid"
        raise Refused(f"{where}: search.points must be at most the {round(there):,} that the axes have, but is {search.points:,}; {remedy}")
    seen: set[str] = set()
    for index in range(TRIES * search.points):
        if len(seen) == search.points:
            return
        chosen = {path: of_share(values, share(search.seed, path, index)) for path, values in axes.items()}
        key = json.dumps(list(chosen.values()), sort_keys=True)
        if key not in seen:
            seen.add(key)
            yield chosen
    if len(seen) < search.points:
        raise Refused(f"{where}: search.points must be found by drawing, but only {len(seen)} of {search.points} came up in {index + 1:,} draws; use a grid")


def of_share(values: tuple[Any, ...] | Range, share: float) -> tuple[int, Any]:
    """What stands at `share` in [0, 1) of an axis."""
    if isinstance(values, Range):
        return 0, values.at(share)
    index = int(share * len(values))
    return index, values[index]


def size_of(axes: Axes) -> float:
    """How many different points there are; infinite with a continuous axis."""
    return prod(values.size if isinstance(values, Range) else len(values) for values in axes.values())
