"""How a run ended, as facts: of one that finished, and of an attempt that did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lal.errors import Refused

T = TypeVar("T")
SCHEMA = 1
DONE = ("target_reached", "budget", "diverged", "pruned")
FAILED = ("error", "timeout", "out_of_memory", "lost")
BEYOND = 2**63
TEXTS = ("run_id", "outcome", "reason", "traceback", "history_sha256", "host", "machine", "device")
MAPPINGS = ("trajectory", "measure", "budget", "environment", "share")
TYPES: dict[str, Any] = {
    **dict.fromkeys(TEXTS, str),
    **dict.fromkeys(MAPPINGS, dict),
    "steps": int,
    "step": int,
    "seconds": int | float,
    "threads": int,
    "commit": str | None,
    "dirty": bool | None,
    "versions": dict,
    "notes": list,
    "schedule": dict | None,
}


@dataclass(frozen=True)
class Record:
    """The facts of one finished run.

    Attributes:
        outcome: one of DONE.   reason: the same in words, with the step.
        steps: optimizer steps done.   seconds: time spent in the loop.
        trajectory, measure, budget: what was run, all values, defaults included.
        history_sha256: of history.parquet: any other file in its place is damaged.
        environment: commit, dirty, versions, device, threads: where and why, never part of identity.
        schedule: what compared it with others and cut it, where its outcome is pruned; else None.
    """

    run_id: str
    outcome: str
    reason: str
    steps: int
    seconds: float
    trajectory: dict[str, Any]
    measure: dict[str, Any]
    budget: dict[str, Any]
    history_sha256: str
    environment: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA
    schedule: dict[str, Any] | None = None


@dataclass(frozen=True)
class Failure:
    """The facts of the last attempt that did not finish: an outcome of FAILED, with the traceback where there is one."""

    run_id: str
    outcome: str
    reason: str
    step: int
    traceback: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA


def parsed(kind: type[T], values: dict[str, Any] | None, path: str) -> T | None:
    """`values`, read from `path`, as a `kind`; None where they are not one."""
    if values is None:
        return None
    refuse_newer(values, path)
    if values.get("schema") != SCHEMA or not is_sound(values):
        return None
    try:
        return kind(**values)
    except TypeError:
        return None


def is_sound(values: Mapping[str, Any]) -> bool:
    """Whether the facts are of their types, the outcome is a known one, and numbers are such as clocks and counters give: files may be a stranger's."""
    place = values.get("environment", {})
    if not isinstance(place, dict) or values.get("outcome") not in (*DONE, *FAILED):
        return False
    facts = [*values.items(), *place.items()]
    versions = [*place.get("versions", {}).values()] if isinstance(place.get("versions", {}), dict) else [0]
    return all(isinstance(value, TYPES.get(name, object)) and is_usual(value) for name, value in facts) and all(
        isinstance(each, str | None) for each in versions
    )


def is_usual(value: Any) -> bool:
    """Whether this is a number that clocks and counters give, or no number."""
    return not isinstance(value, int | float) or 0 <= value < BEYOND


def refuse_newer(values: Mapping[str, Any], path: str) -> None:
    """Refuses a file of a later schema: to take it for damaged would be to train over it."""
    schema = values.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise Refused(f"files must be of schema {SCHEMA} or older, but {path} is of schema {schema}; it was written by a newer lal: upgrade this one")
