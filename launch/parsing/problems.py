"""What is wrong with a request, in words: contract, value, place, remedy. All problems at once, each told once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from lal.errors import nearest
from launch.parsing.fields import names_at

SHOWN = 10
Keys = tuple[Any, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where (keys of the configuration), and in words."""

    path: Keys
    text: str


def problems_of(error: ValidationError, values: Mapping[str, Any], annotation: Any) -> list[Problem]:
    """What pydantic found in `values` on reading them as `annotation`."""
    return [_problem(each, values, annotation) for each in error.errors(include_url=False)]


def _problem(found: Any, values: Mapping[str, Any], annotation: Any) -> Problem:
    path = written(found["loc"], values)
    dotted, kind, value = ".".join(map(str, path)), found["type"], shown(found["input"])
    if kind == "extra_forbidden":
        return Problem(path, f"{dotted} must be a known key, but {path[-1]!r} is not; {_known(path[-1], names_at(annotation, values, path[:-1]))}")
    if kind in ("dict_type", "model_type", "model_attributes_type", "mapping_type"):
        return Problem(path, f"{dotted} must be a mapping (`key: value`), but is {value}; write one, or remove it")
    if kind == "missing":
        return Problem(path, f"{dotted} must be given, but is missing; write it")
    if kind == "union_tag_not_found":
        return Problem(path, f"{dotted or 'the whole'} must be a part with a `kind`, but is {value}; add `kind:` and its name")
    if kind == "union_tag_invalid":
        kinds, got = found["ctx"]["expected_tags"].replace("'", "").split(", "), found["ctx"]["tag"]
        whole = ".".join(map(str, (*path, "kind")))
        return Problem((*path, "kind"), f"{whole} must be one of {', '.join(kinds)}, but is {got!r}; {nearest(got, kinds)}")
    if kind == "value_error":
        text = str(found["ctx"]["error"])
        inner = pointed_at(text, path, values)
        return Problem(inner, text if not dotted or text.startswith(dotted) else f"{dotted}: {text}")
    return Problem(path, f"{dotted or 'the whole'} {found['msg'].replace('Input should', 'must', 1)}, but is {value}")


def _known(key: str, names: tuple[str, ...]) -> str:
    if "." in key:
        outer, _, inner = key.partition(".")
        return f"write it nested, as {outer}: {{{inner}: ...}} (dots are for axes, points and the command line)"
    return nearest(key, names) if names else "remove it"


def written(loc: Keys, values: Any) -> Keys:
    """The keys as the author wrote them: without the `kind` that pydantic adds to name a member of a union, and without its names of types."""
    path: list[Any] = []
    for key in (each for each in loc if each != "[key]"):
        if isinstance(values, Mapping):
            if key not in values and key == values.get("kind"):
                continue
            values = values.get(key)
        elif isinstance(values, list | tuple) and isinstance(key, int) and key < len(values):
            values = values[key]
        elif not isinstance(key, int) or path:
            break
        path.append(key)
    return tuple(path)


def pointed_at(text: str, path: Keys, values: Mapping[str, Any]) -> Keys:
    """`path`, or the part of it that the message names with its first word."""
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else {}  # type: ignore[assignment]
    inner: list[str] = []
    for key in text.split(" ", 1)[0].rstrip(":,").split("."):
        if not isinstance(values, Mapping) or key not in values:
            break
        inner.append(key)
        values = values[key]
    return (*path, *inner)


def shown(value: Any) -> str:
    """A value as YAML would write it, shortened."""
    word = {None: "null", True: "true", False: "false"}.get(value) if value is None or isinstance(value, bool) else None
    text = word or repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def told(problems: Iterable[tuple[Problem, Any]], n_runs: int, place: Callable[[Problem, Any], str]) -> str:
    """All problems of many runs, each once with its place and how many runs have it; at most `SHOWN`."""
    counts: dict[Problem, int] = {}
    first: dict[Problem, Any] = {}
    for problem, run in problems:
        counts[problem] = counts.get(problem, 0) + 1
        first.setdefault(problem, run)
    lines = []
    for problem, count in list(counts.items())[:SHOWN]:
        share = f" ({count} of {n_runs} runs)" if n_runs > 1 and count < n_runs else ""
        lines.append(f"{place(problem, first[problem])}: {problem.text}{share}")
    if len(counts) > SHOWN:
        lines.append(f"... and {len(counts) - SHOWN} more")
    return "\n".join(lines)
