"""How layers of plain values become one: nested mappings merge, everything else is replaced whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from lal.errors import Refused

Values = dict[str, Any]


def merged(*layers: Mapping[str, Any]) -> Values:
    """Later layers over earlier ones. Mappings merge deeply, but one with another `kind` replaces the whole part; a null is kept as null.

    Laws: merged(a) == merged(a, {}) == merged(a, a) == a, and all of the last layer is in the result. Nothing of the layers is shared or changed.
    """
    result: Values = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            result[key] = over(old, value) if isinstance(value, Mapping) else value
    return result


def over(old: Any, new: Mapping[str, Any]) -> Values:
    """The part `new` written over `old`."""
    if not isinstance(old, Mapping) or ("kind" in new and "kind" in old and new["kind"] != old["kind"]):
        return merged(new)
    return merged(old, new)


def segments(path: str) -> tuple[str, ...]:
    """The keys of a dotted path.

    Raises:
        Refused: one of them is empty.
    """
    keys = tuple(path.split("."))
    if not all(key.strip() == key and key for key in keys):
        raise Refused(f"a dotted path must be keys with one dot between them, but got {path!r}; write it as in model.depth")
    return keys


def nested(path: str, value: Any) -> Values:
    """`value` at dotted `path`, as nested mappings."""
    for key in reversed(segments(path)):
        value = {key: value}
    return value


def within(path: str, whole: str) -> bool:
    """Whether dotted `path` is `whole` or a part of it."""
    return path == whole or path.startswith(f"{whole}.")


def refuse_overlap(paths: Iterable[str], where: str) -> None:
    """Refuses two paths of which one sets what the other sets."""
    ordered = sorted(paths, key=lambda path: path.split("."))
    for first, second in pairwise(ordered):
        if within(second, first):
            raise Refused(f"axes and points must each set something else, but {where} sets {second!r} twice (also by {first!r}); remove one")
