"""Which format a document is written in. A file that is written in two is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lal.errors import Refused
from lal.runs import MEMBERS
from launch.dialects.flat import flat
from launch.dialects.keys import BY_NAME
from launch.dialects.nested import SECTIONS, nested
from launch.parsing.reading import Document

HOUSE, FLAT, NESTED = "this program's format", "the flat format", "the nested format"
SWEEP_FIELDS = ("question", "expect", "axes", "points", "arms", "seeds", "resources", "report", "profiles")
NESTED_KEYS = ("base_config", "n_seeds", "global_overrides", "parameter_grid", "data", "training")
FLAT_KEYS = (*BY_NAME, "model_type")
RUN_FIELDS = tuple(name for member in MEMBERS for name in member.model_fields if name not in ("seed", "kind"))


def house_format(document: Document, path: Path) -> Document:
    """`document` in this program's format, itself where it is.

    Raises:
        Refused: it is written in two formats, or what it says has no meaning here.
    """
    marks: dict[str, tuple[str, ...]] = {}
    for form, key in marks_of(document):
        marks.setdefault(form, key)
    if len(marks) > 1:
        (first, one), (second, other) = list(marks.items())[:2]
        raise Refused(
            f"a file must be written in one format, but {document.place(one)} has {'.'.join(one)!r} of {first}, "
            f"and {document.place(other)} has {'.'.join(other)!r} of {second}; docs/dialects.md says what each is called in this program's"
        )
    reader = {FLAT: flat, NESTED: nested}.get(next(iter(marks), HOUSE))
    return reader(document, path.stem) if reader else document


def marks_of(document: Document) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Keys that are of one format alone, each with that format."""
    values = document.values
    for key in values:
        if key in SWEEP_FIELDS:
            yield HOUSE, (key,)
        elif key in NESTED_KEYS:
            yield NESTED, (key,)
        elif key in FLAT_KEYS:
            yield FLAT, (key,)
    if "experiments" in values and not any(key in values for key in NESTED_KEYS):
        yield FLAT, ("experiments",)
    yield from marks_of_base(values.get("base"), "base")
    yield from ((NESTED, ("base_config", key)) for key in mapping(values.get("base_config")) if key in SECTIONS)
    yield from ((FLAT, ("base_config", key)) for key in mapping(values.get("base_config")) if key in FLAT_KEYS)


def marks_of_base(base: Any, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The same for the keys of `base`, which two formats have."""
    for key in mapping(base):
        if key in RUN_FIELDS:
            yield HOUSE, (name, key)
        elif key in FLAT_KEYS:
            yield FLAT, (name, key)


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
