"""Overrides from the command line: `dotted.path=value`, `dotted.path=a,b,c`. The common subset of Hydra's grammar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lal.errors import Refused, nearest
from lal.runs import MEMBERS
from launch.parsing.axes import Range, axis_values, is_range
from launch.parsing.merging import merged, nested, segments
from launch.parsing.reading import Source

SWEEP_KEYS = ("name", "question", "expect", "seeds", "resources", "report", "search", "schedule", "time_budget")
CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class Overrides:
    """What the command line sets.

    Attributes:
        sweep: fields of the sweep itself, nested.
        fixed: one value each, by dotted path of a run's configuration.
        axes: several values each, by dotted path.
    """

    sweep: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    axes: dict[str, tuple[Any, ...] | Range] = field(default_factory=dict)


def overrides_of(texts: Sequence[str]) -> Overrides:
    """What `texts` set together.

    Raises:
        Refused: one of them is not dotted.path=value, or two set the same path.
    """
    found = Overrides()
    for text in texts:
        path, values = _parted(text)
        if path in found.fixed or path in found.axes:
            raise Refused(f"an override must be given once, but {path} is given twice; write {path}=a,b for several values")
        root = segments(path)[0]
        if root in SWEEP_KEYS:
            value = list(values) if len(values) > 1 else values[0]
            found.sweep.update(merged(found.sweep, nested(path, value)))
        elif root not in run_keys():
            raise Refused(f"command line: {root} must be a key of a run or a sweep, but is not; {nearest(root, [*run_keys(), *SWEEP_KEYS])}")
        elif len(values) == 1 and not is_range(values[0]):
            found.fixed[path] = values[0]
        else:
            found.axes[path] = _axis(path, values)
    return found


def run_keys() -> list[str]:
    """Names of the top-level fields of all kinds of run."""
    return list(dict.fromkeys(name for member in MEMBERS for name in member.model_fields))


def _parted(text: str) -> tuple[str, list[Any]]:
    path, equals, value = text.partition("=")
    path = path.strip()
    if not equals or not path or not value.strip():
        raise Refused(f"an override must be dotted.path=value, but got {text!r}; write it as in model.depth=4, or model.depth=null for none")
    segments(path)
    pieces = [piece.strip() for piece in split(value)]
    if not all(pieces):
        raise Refused(f"an override's values must have one comma between them, but got {text!r}; write it as in model.depth=2,4")
    return path, [Source(f"command line, {path}", piece, lines=False).value() for piece in pieces]


def split(text: str) -> list[str]:
    """The parts of `text` between commas that stand outside of brackets and quotes."""
    pieces, expected, quote = [""], [], ""
    for char in text:
        if char == "," and not expected and not quote:
            pieces.append("")
            continue
        pieces[-1] += char
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in CLOSING:
            expected.append(CLOSING[char])
        elif expected and char == expected[-1]:
            expected.pop()
    return pieces


def _axis(path: str, values: list[Any]) -> tuple[Any, ...] | Range:
    try:
        return axis_values(values[0] if len(values) == 1 else values)
    except ValueError as error:
        raise Refused(f"command line, {path}: {error}") from None
