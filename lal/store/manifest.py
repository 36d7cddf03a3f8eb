"""What a manifest may say: it may be a stranger's, or have been edited. Nothing in it is believed before it has this shape. Imports no torch."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from lal.budget import Budget

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(@[A-Za-z0-9][A-Za-z0-9._-]{0,49})?")
BEYOND = 2**63  # no whole number of ours is as large, and tables hold none that is


def plain(value: Any) -> Any:
    """`value`, if it is a number that tables can hold, or no number."""
    if isinstance(value, int | float) and not abs(value) < BEYOND:
        raise ValueError("must be a finite number of usual size")
    return value


def named(name: str) -> str:
    """`name`, if it can name a folder."""
    if not NAME.fullmatch(name):
        raise ValueError("must be a name of letters, digits, '.', '_' and '-'")
    return name


def ours(command: str) -> str:
    """`command`, if it is one of this program: it is shown to be copied."""
    if shlex.split(command)[:2] not in (["lal", "sweep"], ["lal", "train"]):
        raise ValueError("must be a command of lal")
    return command


Name = Annotated[str, AfterValidator(named)]
Value = Annotated[Any, AfterValidator(plain)]
Number = Annotated[float, AfterValidator(plain)]


class Shape(BaseModel):
    """Some of the keys of a mapping; what is not read here may be anything."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class GoalShape(Shape):
    """What runs aim at."""

    model_config = ConfigDict(extra="forbid")
    column: str
    at_least: Number
    direction: Literal["max", "min"] = "max"


class EntryShape(Shape):
    """One run."""

    run_id: Name = ""
    arm: str = ""
    name: str | None = None
    point: dict[str, Value] = {}
    seed: Annotated[int, Field(ge=0, lt=BEYOND)] = 0
    budget: dict[str, Any] = {}
    eval_every: Annotated[int, Field(ge=1, lt=BEYOND)] = 1


class PhaseShape(Shape):
    """Axes of the phase diagram."""

    x: str
    y: str | None = None
    rows: str | None = None
    columns: str | None = None


class ParetoShape(Shape):
    """Objectives, and when each is read."""

    maximise: dict[str, str | int] = {}
    minimise: dict[str, str | int] = {}


class ThresholdsShape(Shape):
    """Numbers of the verdicts."""

    model_config = ConfigDict(extra="forbid")
    goal: Number | None = None
    fit: Number | None = None
    gap: Annotated[int, Field(ge=0, lt=BEYOND)] | None = None
    tau: Number | None = None
    window: Annotated[int, Field(ge=1, lt=BEYOND)] | None = None


class ReportShape(Shape):
    """What the report shows."""

    phase: PhaseShape | None = None
    pareto: ParetoShape | None = None
    thresholds: ThresholdsShape | None = None


class ManifestShape(Shape):
    """A sweep and its runs."""

    name: Name = ""
    profile: str | None = None
    folder: Name = ""
    question: str | None = None
    expect: str | None = None
    command: Annotated[str, AfterValidator(ours)] = ""
    report: ReportShape = ReportShape()
    arms: list[str] = []
    axes: list[str] = []
    goal: GoalShape | None = None
    fit: GoalShape | None = None
    runs: list[EntryShape]


def trouble(manifest: Mapping[str, Any]) -> str | None:
    """What of `manifest` is not as it must be, with its place and without its value; None where all is. Keys that are not there are for readers to miss."""
    try:
        ManifestShape.model_validate(manifest)
        for budget in {json.dumps(entry["budget"], sort_keys=True) for entry in manifest["runs"] if "budget" in entry}:
            Budget.model_validate(json.loads(budget))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return None
