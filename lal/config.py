"""RunConfig: what one run is. Reading it, and its identity. Imports no torch.

trajectory  what the run computes. Hashed into `run_id`.
measure     what is looked at on the way. Not hashed: measuring never changes a run.
budget      how far it goes. Not hashed: more budget continues a run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from lal import runs
from lal.part import kind_of, union
from lal.runs.run import RunPart

RunConfig = RunPart
ID_DIGITS = 12  # 48 bits: a collision among a million runs has odds of 1 in 500, and reuse compares the whole trajectory


@cache
def run_type() -> TypeAdapter[RunConfig]:
    """The union of all kinds of run."""
    return TypeAdapter(union(runs.MEMBERS))


def parse(values: Mapping[str, Any]) -> RunConfig:
    """The run that plain `values` describe. `kind` may be left out: supervised.

    Raises:
        pydantic.ValidationError: with the path and value of everything that is wrong.
    """
    return run_type().validate_python({"kind": kind_of(runs.MEMBERS[0]), **values})


def dump(config: RunConfig) -> dict[str, Any]:
    """All values of `config`, defaults included, as plain data; `parse` of it is `config`."""
    return config.model_dump(mode="json")


def identity(config: RunConfig) -> str:
    """Canonical text of the trajectory: two runs with equal texts compute the same."""
    return json.dumps(config.trajectory(), sort_keys=True, separators=(",", ":"))


def run_id(config: RunConfig) -> str:
    """Readable prefix and hash of the trajectory's non-default values: a new field with a default changes no id."""
    return f"{config.label}-{hashlib.sha256(identity(config).encode()).hexdigest()[:ID_DIGITS]}"
