"""YAML read strictly: a file, or text of the command line, as plain data that knows the line of every key."""

from __future__ import annotations

import re
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
SURPRISING = re.compile(r"[-+]?(0[0-7_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")
KINDS = {"null": "null", "bool": "true or false", "int": "a whole number", "float": "a number"}
Keys = tuple[Any, ...]


@dataclass(frozen=True)
class Document:
    """What a YAML file says.

    Attributes:
        values: a mapping, nested; keys are text, values are mappings, lists, text, finite numbers, booleans and null.
        places: "file:line" of every key and list item, by its path; of the whole, by ().
        left_out: what was read and has no effect, in words; of files in another program's format alone, whose keys are shared by networks.
    """

    values: dict[str, Any]
    places: dict[Keys, str]
    left_out: tuple[str, ...] = ()

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
    source = Source(str(path), text)
    value = source.value()
    if not isinstance(value, dict):
        what = "nothing" if value is None else f"a {'list' if isinstance(value, list) else 'single value'}"
        raise Refused(f"a YAML file must hold a mapping (`key: value` lines), but {path} holds {what}; write one")
    return Document(value, source.places)


class Source:
    """YAML text, and the places of what has been read from it. `name` is a file's, unless the text is of the command line and has no lines."""

    def __init__(self, name: str, text: str, *, lines: bool = True):
        self.name, self.text, self.lines = name, text, lines
        self.places: dict[Keys, str] = {(): name}

    def value(self) -> Any:
        """The value that the text stands for.

        Raises:
            Refused: it is not plain YAML.
        """
        try:
            self._check_events()
            node = yaml.compose(self.text, Loader=LOADER)
        except yaml.YAMLError as error:
            raise Refused(self._trouble(error)) from None
        return None if node is None else self._read(node, ())

    def at(self, mark: Any) -> str:
        """The place of a mark of PyYAML."""
        return f"{self.name}:{mark.line + 1}" if self.lines and mark else self.name

    def _check_events(self) -> None:
        """Refuses, before anything is built, what could grow without bound."""
        depth = documents = 0
        for event in yaml.parse(self.text, Loader=LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            documents += isinstance(event, yaml.DocumentStartEvent)
            if isinstance(event, yaml.AliasEvent):
                raise Refused(f"YAML must be without aliases, but {self.at(event.start_mark)} has *{event.anchor}; write the value out")
            if depth > MAX_DEPTH:
                raise Refused(f"YAML must be nested at most {MAX_DEPTH} deep, but is deeper at {self.at(event.start_mark)}; is it the right file?")
            if documents > 1:
                raise Refused(f"a YAML file must hold one document, but a second begins at {self.at(event.start_mark)}; remove it")

    def _read(self, node: yaml.Node, path: Keys) -> Any:
        where = self.at(node.start_mark)
        self.places.setdefault(path, where)
        if node.tag not in KNOWN_TAGS:
            raise Refused(f"YAML must be without tags of its own, but {where} has {node.tag.replace(TAG, '!!')}; write a plain value")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._read(item, (*path, index)) for index, item in enumerate(node.value)]
        return scalar(node, where)

    def _mapping(self, node: yaml.MappingNode, path: Keys) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in node.value:
            where = self.at(key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                raise Refused(f"a key must be text, but at {where} it is a {key.id}; write text")
            inner = (*path, key.value)
            if key.value in values:
                raise Refused(f"a key must be written once, but {key.value!r} is at {self.places[inner]} and again at {where}; remove one")
            self.places[inner] = where
            values[key.value] = self._read(value, inner)
        return values

    def _trouble(self, error: yaml.YAMLError) -> str:
        mark = getattr(error, "problem_mark", None)
        said = (getattr(error, "context", None), getattr(error, "problem", None))
        what = " ".join(part for part in said if part) or str(error).splitlines()[0]
        line = self.text.splitlines()[mark.line : mark.line + 1] if mark else []
        tab = any("\t" in each[: len(each) - len(each.lstrip())] for each in line)
        return f"{self.at(mark)} must be YAML, but: {what}; {'indent with spaces, not tabs' if tab else 'correct it there or just before'}"


def scalar(node: yaml.Node, where: str) -> Any:
    """Numbers, booleans and null as YAML 1.1 reads them; everything else, dates too, is text."""
    kind = node.tag.removeprefix(TAG)
    if kind not in KINDS:
        return node.value
    if kind in ("int", "float") and SURPRISING.fullmatch(node.value):
        raise Refused(f"numbers must be decimal, but {where} has {node.value[:60]!r}, which YAML reads as octal or base 60; write it without leading 0 or ':'")
    try:
        value = getattr(SafeConstructor(), f"construct_yaml_{kind}")(node)
    except (ValueError, KeyError, IndexError):
        raise Refused(f"{where} must be {KINDS[kind]}, but is {node.value[:60]!r}; write one of usual size, or quote it if it is text") from None
    if kind == "float" and not isfinite(value):
        raise Refused(f"numbers must be finite, but {where} has {node.value[:60]!r}; write a number, or null for none")
    return value
