"""Parts of a configuration: frozen, strict, torch-free. A family is a union of parts told apart by `kind`."""

from collections.abc import Mapping
from functools import cache, reduce
from importlib.metadata import entry_points
from operator import or_
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lal.errors import Refused


class Part(BaseModel):
    """One frozen section of a configuration. An unknown key, a wrong type or a non-finite number is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, values: Any) -> Any:
        """YAML reads yes, no, on and off as truth values, which Python would count as 1 and 0."""
        for name, value in values.items() if isinstance(values, Mapping) else ():
            if isinstance(value, bool) and name in cls.model_fields:
                wanted = cls.model_fields[name].annotation
                if {int, float} & {wanted, *get_args(wanted)}:
                    raise ValueError(f"{name} must be a number, but got {str(value).lower()}; write the number")
        return values


def members(group: str, own: tuple[type[Part], ...]) -> tuple[type[Part], ...]:
    """The kinds of one family: those of the house, then those that installed packages offer under entry point `group`.

    Raises:
        Refused: two members claim one `kind`.
    """
    found = (*own, *(entry.load() for entry in entry_points(group=group)))
    kinds = [kind_of(member) for member in found]
    twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
    if twice:
        raise Refused(f"every kind in {group} must be offered once, but {', '.join(twice)} is offered twice; uninstall one of the packages")
    return found


def kind_of(member: type[Part]) -> str:
    """The name that selects `member` in its family."""
    return str(member.model_fields["kind"].default)


def union(parts: tuple[type[Part], ...]) -> Any:
    """The type of "one of `parts`", chosen by its `kind`."""
    if len(parts) == 1:
        return parts[0]
    return Annotated[reduce(or_, parts), Field(discriminator="kind")]


def trimmed(part: Part) -> dict[str, Any]:
    """The values of `part` that differ from their defaults, nested, each with its `kind`: what identity is made of."""
    kept: dict[str, Any] = {}
    for name, default in _defaults(type(part)):
        value = getattr(part, name)
        if name == "kind" or value != default:
            kept[name] = _trimmed_value(value)
    return kept


@cache
def _defaults(kind: type[Part]) -> tuple[tuple[str, Any], ...]:
    """The fields of `kind` with their defaults, which are frozen, or compared alone."""
    return tuple((name, field.get_default(call_default_factory=True)) for name, field in kind.model_fields.items())


def _trimmed_value(value: Any) -> Any:
    if isinstance(value, Part):
        return trimmed(value)
    if isinstance(value, dict):
        return {key: _trimmed_value(each) for key, each in value.items()}
    return list(value) if isinstance(value, tuple) else value
