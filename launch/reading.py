"""YAML read strictly: a file, or text of the command line, as plain data that knows the line of every key."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from lal.errors import Refused

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_BYTES = 2**20
MAX_DEPTH = 32
TAG = "tag:yaml.org,2002:"
KNOWN_TAGS = frozenset(f"{TAG}{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map", "timestamp", "value", "merge"))
Keys = tuple[Any, ...]


@dataclass(frozen=True)
class Document:
    """What a YAML file says.

    Attributes:
        values: a mapping, nested; keys are text, values are mappings, lists, text, finite numbers, booleans and null.
        places: "file:line" of every key and list item, by its path; of the whole, by ().
    """

    values: dict[str, Any]
    places: dict[Keys, str]

    def place(self, path: Keys) -> str:
        """Where `path` is written, or the innermost of what it is in that is written."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def with_part(self, key: str, part: Document) -> Document:
        """This document with `part` as the value of its `key`."""
        places = {(key, *inner): where for inner, where in part.places.items()}
        return Document({**self.values, key: part.values}, {**self.places, **places})


def read(path: Path) -> Document:
    """The document in file `path`.

    Raises:
        Refused: it cannot be read, is too large or no text, or is not one YAML mapping without aliases; with file and line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refused(f"a YAML file must be readable, but {path} is not ({error.strerror or error}); check the path") from None
    if len(data) > MAX_BYTES:
        raise Refused(f"a YAML file must have at most {MAX_BYTES // 2**10} KiB, but {path} has more; is it the right file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"a YAML file must be UTF-8 text, but {path} has byte {data[error.start]:#04x} at offset {error.start}; is it the right file?") from None
    value, places = parsed(text, str(path))
    if not isinstance(value, dict):
        what = "nothing" if value is None else f"a {'list' if isinstance(value, list) else 'single value'}"
        raise Refused(f"a YAML file must hold a mapping (`key: value` lines), but {path} holds {what}; write one")
    return Document(value, places)


def parsed(text: str, file: str) -> tuple[Any, dict[Keys, str]]:
    """The value that `text` stands for, and the places of its parts, named after `file`.

    Raises:
        Refused: it is not plain YAML.
    """
    places: dict[Keys, str] = {(): file}
    try:
        _check_events(text, file)
        node = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        raise Refused(_trouble(error, file)) from None
    return (None if node is None else _value(node, (), file, places)), places


def _check_events(text: str, file: str) -> None:
    """Refuses, before anything is built, what could grow without bound."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=LOADER):
        where = f"{file}:{event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent):
            raise Refused(f"YAML must be without aliases, but {where} has *{event.anchor}; write the value out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > MAX_DEPTH:
            raise Refused(f"YAML must be nested at most {MAX_DEPTH} deep, but is deeper at {where}; is it the right file?")
        if documents > 1:
            raise Refused(f"a YAML file must hold one document, but a second begins at {where}; remove it")


def _value(node: yaml.Node, path: Keys, file: str, places: dict[Keys, str]) -> Any:
    where = f"{file}:{node.start_mark.line + 1}"
    places.setdefault(path, where)
    if node.tag not in KNOWN_TAGS:
        raise Refused(f"YAML must be without tags of its own, but {where} has {node.tag.replace(TAG, '!!')}; write a plain value")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, file, places)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), file, places) for index, item in enumerate(node.value)]
    return _scalar(node, where)


def _mapping(node: yaml.MappingNode, path: Keys, file: str, places: dict[Keys, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in node.value:
        where = f"{file}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise Refused(f"a key must be text, but at {where} it is a {key.id}; write text")
        if key.value in values:
            raise Refused(f"a key must be written once, but {key.value!r} is at {places[(*path, key.value)]} and again at {where}; remove one")
        places[(*path, key.value)] = where
        values[key.value] = _value(value, (*path, key.value), file, places)
    return values


def _scalar(node: yaml.Node, where: str) -> Any:
    """Numbers, booleans and null as YAML 1.1 reads them; everything else, dates too, is text."""
    kind = node.tag.removeprefix(TAG)
    if kind not in ("null", "bool", "int", "float"):
        return node.value
    try:
        value = getattr(SafeConstructor(), f"construct_yaml_{kind}")(node)
    except (ValueError, KeyError, IndexError):
        raise Refused(f"{where} must be a {kind}, but is {node.value[:60]!r}; write a number of usual size, or quote it if it is text") from None
    if kind == "float" and not isfinite(value):
        raise Refused(f"numbers must be finite, but {where} has {node.value[:60]!r}; write a number, or null for none")
    return value


def _trouble(error: yaml.YAMLError, file: str) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"{file}:{mark.line + 1}" if mark else file
    what = " ".join(str(part) for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part) or str(error).splitlines()[0]
    tab = "; indent with spaces, not tabs" if "\\t" in what or "'\t'" in what else ""
    return f"{where} must be YAML, but: {what}{tab or '; correct that line or the one before'}"
