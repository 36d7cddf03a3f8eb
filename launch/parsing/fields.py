"""What may be written where: the fields of configuration types, found by path. For remedies and for nulls."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, get_args, get_origin

from lal.part import Part, kind_of


def parts_in(annotation: Any) -> tuple[type[Part], ...]:
    """The Part types that a value of this annotation may be; those inside lists or mappings are not."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return (annotation,)
    if get_origin(annotation) in (dict, list, tuple):
        return ()
    return tuple(part for each in get_args(annotation) for part in parts_in(each))


def takes_null(annotation: Any) -> bool:
    """Whether null is a value of this annotation."""
    if annotation in (None, NoneType, Any):
        return True
    return get_origin(annotation) not in (dict, list, tuple) and any(takes_null(each) for each in get_args(annotation))


def chosen(annotation: Any, values: Any) -> type[Part] | None:
    """The Part type that `values` are meant for: the only one, or that of their `kind`."""
    parts = parts_in(annotation)
    if len(parts) == 1:
        return parts[0]
    kind = values.get("kind") if isinstance(values, Mapping) else None
    return next((part for part in parts if "kind" in part.model_fields and kind_of(part) == kind), None)


def inside(annotation: Any, values: Any, key: Any) -> Any:
    """The annotation of what is at `key` of `values`; None where there is no such field."""
    return _of_key(chosen(annotation, values), annotation, key)


def _of_key(part: type[Part] | None, annotation: Any, key: Any) -> Any:
    """The annotation of what is at `key` of a `part`, or of a mapping."""
    if part is not None:
        return part.model_fields[key].annotation if key in part.model_fields else None
    mappings = [each for each in (annotation, *get_args(annotation)) if get_origin(each) is dict]
    return get_args(mappings[0])[1] if mappings else None


def names_at(annotation: Any, values: Any, path: tuple[Any, ...]) -> tuple[str, ...]:
    """Names of the fields that the mapping at `path` of `values` may have; none where it is free or cannot be told."""
    for key in path:
        annotation = inside(annotation, values, key)
        values = values.get(key) if isinstance(values, Mapping) else None
    part = chosen(annotation, values)
    return () if part is None else tuple(part.model_fields)


def without_nulls(annotation: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` without the nulls that mean "as by default": those at a field that does not take null."""
    kept: dict[str, Any] = {}
    part = chosen(annotation, values)
    for key, value in values.items():
        type_ = _of_key(part, annotation, key)
        if isinstance(value, Mapping):
            kept[key] = without_nulls(type_, value)
        elif value is not None or type_ is None or takes_null(type_):
            kept[key] = value
    return kept


def has_null(values: Mapping[str, Any]) -> bool:
    """Whether there is a null anywhere in nested `values`."""
    return any(value is None or (isinstance(value, Mapping) and has_null(value)) for value in values.values())
