"""Pages that are written from the code: `python -m launch.reference docs` writes docs/configuration.md, docs/dialects.md and the list in sweeps/README.md."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from lal import budget, groups, models, optim, penalties, runs, tasks
from lal.composition import models as composing
from lal.composition import optim as composing_optim
from lal.composition.metrics import METRICS as COMPOSITION
from lal.composition.task import GroupTask, Online, Table
from lal.groups import templates
from lal.metrics import METRICS
from lal.models.feed_forward import PlainFeedForward, RoutedFeedForward
from lal.part import Part, kind_of
from lal.reinforcement.crystallization import Crystallization
from lal.reinforcement.network import QNetwork
from lal.reinforcement.pressure import Pressure
from lal.runs import dqn
from lal.runs.metric import AnyMetric
from lal.runs.supervised import Measure, Penalties
from launch.dialects.page import page
from launch.parsing.axes import Seeds
from launch.parsing.spec import Arm, PhaseSpec, Profile, Report, Resources, Sweep, ThresholdsSpec
from launch.planning.listing import listing
from launch.schedulers.scheduling import SCHEDULES
from launch.searching.spec import SEARCHES, Objectives

TIMES = "`step`, `seconds` (spent in the loop), `lr` (of the next update)"
ROWS: tuple[tuple[str, str, Mapping[str, AnyMetric]], ...] = (
    ("supervised", f"{TIMES} and `tau` (decay time so far: lr x the decay of role `weight`, summed)", METRICS),
    ("composition", "`step`, `seconds` (spent in the loop)", COMPOSITION),
    ("dqn", f"{TIMES} and `epsilon` (chance of a random action in the next episode); a step is an episode", dqn.DqnMeasure.known),
)
HEAD = """# Configuration

Every key of a sweep and every value of a run, with default and range. Written by `make docs` from the types; do not edit.
Unknown keys, wrong types and settings that would have no effect are refused.

# A sweep

Order: `base`, then profile, arm, axis or point, command line; the later wins. Parts merge, but another `kind` replaces the whole part; lists and
axes are replaced whole; `null` removes.
"""
RUNS = """# A run

A sweep writes these under `base`, in `axes` by dotted path (`model.depth`), and on the command line (`model.depth=2,4`).
"""
SWEEP = (
    ("sweep", (Sweep,)),
    ("arms.<name>", (Arm,)),
    ("seeds", (Seeds,)),
    ("search", SEARCHES),
    ("schedule", SCHEDULES),
    ("resources", (Resources,)),
    ("report", (Report,)),
    ("report.phase", (PhaseSpec,)),
    ("report.pareto, search.objectives", (Objectives,)),
    ("report.thresholds", (ThresholdsSpec,)),
    ("profiles.<name>", (Profile,)),
)


def parts_of(run: type[Part], field: str) -> tuple[type[Part], ...]:
    """The members of the family that `field` of a run chooses from."""
    return tuple(each for each in get_args(run.model_fields[field].annotation) if isinstance(each, type) and issubclass(each, Part))


SIGNS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
FAMILIES = (
    ("run", runs.MEMBERS),
    ("task", tasks.MEMBERS),
    ("model", models.MEMBERS),
    ("model.feed_forward", (PlainFeedForward, RoutedFeedForward)),
    ("penalties", (Penalties,)),
    ("penalties.routing", penalties.ROUTING),
    ("penalties.compute", penalties.COMPUTE),
    ("penalties.spectral", penalties.SPECTRAL),
    ("optim", optim.MEMBERS),
    ("optim.decay", (optim.Decay,)),
    ("optim.roles", (optim.Roles,)),
    ("optim.roles.<role>", (optim.RoleSettings,)),
    ("optim.roles.gate, optim.roles.router", (optim.UndecayedRoleSettings,)),
    ("task, of group composition", (GroupTask,)),
    ("task.group", groups.MEMBERS),
    ("task.template", templates.MEMBERS),
    ("task.sampling", (Online, Table)),
    ("model, of group composition", composing.MEMBERS),
    ("optim, of group composition", composing_optim.MEMBERS),
    ("environment", parts_of(dqn.Dqn, "environment")),
    ("network", (QNetwork,)),
    ("replay", (dqn.Replay,)),
    ("exploration", (dqn.Exploration,)),
    ("pressure", (Pressure,)),
    ("crystallization", (Crystallization,)),
    ("measure", (Measure,)),
    ("budget", (budget.Budget,)),
    ("budget.stop", (budget.Stop,)),
    ("budget.stop.tail", (budget.Tail,)),
    ("budget.futility", (budget.Futility,)),
)


def reference() -> str:
    """The page of all settings."""
    sweep, run = ([line for path, members in families for line in _family(path, members)] for families in (SWEEP, FAMILIES))
    return "\n".join([HEAD, *sweep, RUNS, *run, *_metrics()])


def pages() -> dict[str, str]:
    """Every generated page, by the name of its file in docs/."""
    return {"configuration.md": reference(), "dialects.md": page()}


def _family(path: str, members: tuple[type[Part], ...]) -> Iterator[str]:
    yield f"## `{path}`\n"
    for member in members:
        if "kind" in member.model_fields:
            yield f"### `kind: {kind_of(member)}`\n"
        yield f"{_prose(member)}\n"
        yield from _table(member)
        yield ""


def _prose(thing: Any) -> str:
    """A docstring as markdown: its indented blocks keep their shape."""
    paragraphs = inspect.cleandoc(thing.__doc__ or "").split("\n\n")
    return "\n\n".join(f"```text\n{each}\n```" if "\n  " in each or each.startswith("  ") else each for each in paragraphs)


def _table(member: type[Part]) -> Iterator[str]:
    yield "| field | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in member.model_fields.items():
        if name != "kind":
            yield f"| `{name}` | {_type(field)} | {_default(field)} | {field.description or ''} |"


def _type(field: FieldInfo) -> str:
    bounds = [(sign, getattr(each, key, None)) for each in field.metadata for key, sign in SIGNS]
    return ", ".join([_name(field.annotation), *(f"{sign} {_number(value)}" for sign, value in bounds if isinstance(value, int | float))])


def _number(value: float) -> str:
    return "2^63" if value == 2**63 else f"{value:g}"


def _name(annotation: Any) -> str:
    """A type as a reader of YAML knows it."""
    if annotation is type(None):
        return "null"
    if get_origin(annotation) is Annotated:
        return _name(get_args(annotation)[0])
    arguments = [each for each in get_args(annotation) if not isinstance(each, FieldInfo)]
    if arguments and all(isinstance(each, str | int) for each in arguments):
        return " \\| ".join(f"`{each}`" for each in arguments)
    if arguments and get_origin(annotation) in (tuple, dict):
        return f"{'list' if get_origin(annotation) is tuple else 'mapping'} of {_name(arguments[-1] if arguments[-1] is not Ellipsis else arguments[0])}"
    if arguments and any(isinstance(each, type) and issubclass(each, Part) for each in arguments if isinstance(each, type)):
        return " \\| ".join(dict.fromkeys("part" if isinstance(each, type) and issubclass(each, Part) else _name(each) for each in arguments))
    if arguments:
        return " \\| ".join(dict.fromkeys(_name(each) for each in arguments))
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return "part"
    return {"int": "integer", "float": "number", "str": "text", "bool": "true or false", "Any": "anything"}.get(
        getattr(annotation, "__name__", ""), str(annotation)
    )


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, Seeds):
        return f"`{list(value.values)}`"
    if isinstance(value, Part):
        changed = {name: each for name, each in value.model_dump(exclude_defaults=True).items() if name != "kind"}
        return f"`kind: {kind_of(type(value))}`" if "kind" in type(value).model_fields else f"`{changed}`" if changed else "its defaults"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _metrics() -> Iterator[str]:
    for kind, always, metrics in ROWS:
        yield f"## Metrics and their columns, `kind: {kind}`\n"
        yield f"Every row has {always}.\n"
        for name, metric in metrics.items():
            cadence = "at every evaluation" if metric.period == 1 else f"at every {metric.period}th evaluation and on the last row"
            yield f"### `{name}`\n\n{_prose(metric)}\n\nMeasured {cadence}.\n"


if __name__ == "__main__":
    for name, text in pages().items():
        Path(sys.argv[1], name).write_text(text, encoding="utf-8")
    sweeps = Path(sys.argv[1]).parent / "sweeps/README.md"
    sweeps.write_text(listing(sweeps.read_text(encoding="utf-8")), encoding="utf-8")
