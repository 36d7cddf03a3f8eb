"""What is wrong in a cluster file, and how rules look into one whose shape they cannot trust."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from launch.parsing.reading import Document, Keys

SHOWN = 80
# What access looks like: AWS key ids, GitHub and Slack tokens, private keys, passwords in addresses, Ray's own tokens (64 hexadecimal digits; digests of
# images are as long).
SECRET = re.compile(
    r"(AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_\w{20,}|github_pat_\w{20,}|xox[abprs]-\S{10,}|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|://[^/\s:@]+:[^/\s@]+@|(?<!sha256:)\b[0-9a-fA-F]{64,}\b"
)
HIDDEN = "it is (hidden)"
Values = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """One contract that a cluster file breaks.

    Attributes:
        path: keys and list positions that lead to the value.
        contract: what must hold.
        value: what is written, shortened; never a secret.
        remedy: what to write.
    """

    path: Keys
    contract: str
    value: str
    remedy: str

    def text(self, document: Document) -> str:
        """Place, dotted path, contract, value and remedy, on one line."""
        return f"{document.place(self.path)} {dotted(self.path)}: {self.contract}, but {self.value}; {self.remedy}"

    def facts(self, document: Document) -> dict[str, str]:
        """The same for scripts."""
        return {
            "place": document.place(self.path),
            "path": dotted(self.path),
            "contract": self.contract,
            "value": self.value,
            "remedy": self.remedy,
        }


Rule = Callable[[Values], Iterator[Finding]]


@dataclass(frozen=True)
class Layer:
    """What one way of looking at a file found. `skipped` says why it did not look; empty when it did."""

    name: str
    findings: tuple[Finding, ...] = field(default=())
    skipped: str = ""


def dotted(path: Keys) -> str:
    """`a.b[0].c`, or "the file" for the whole."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".") or "the file"


def shown(value: Any) -> str:
    """A value as a finding may show it: short, and without what gives access."""
    text = "nothing is written" if value is None else f"it is {value!r}"
    text = SECRET.sub("(hidden)", text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def within(values: Any, *path: Any) -> Any:
    """What is at `path`; None where nothing is."""
    for key in path:
        if isinstance(values, dict):
            values = values.get(key)
        elif isinstance(values, list) and isinstance(key, int) and key < len(values):
            values = values[key]
        else:
            return None
    return values


def mapping(values: Any, *path: Any) -> Values:
    """The mapping at `path`; an empty one where there is none, which is for the schema to say."""
    found = within(values, *path)
    return found if isinstance(found, dict) else {}


def items(values: Any, *path: Any) -> list[Any]:
    """The list at `path`; an empty one where there is none."""
    found = within(values, *path)
    return found if isinstance(found, list) else []


def texts(values: Any, *path: Any) -> Iterator[tuple[Keys, str]]:
    """Each text in the list at `path`, with its own path."""
    for index, each in enumerate(items(values, *path)):
        if isinstance(each, str):
            yield (*path, index), each


def whole(value: Any) -> TypeGuard[int]:
    """Whether this is a whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def every(values: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every single value in a file, with its path."""
    if isinstance(values, dict):
        for key, each in values.items():
            yield from every(each, (*path, key))
    elif isinstance(values, list):
        for index, each in enumerate(values):
            yield from every(each, (*path, index))
    else:
        yield path, values
