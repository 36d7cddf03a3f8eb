"""A sweep: a question, as YAML, and the runs that answer it. Imports neither torch nor ray.

    expanded = load("quickstart", profile="laptop", overrides=["seeds=3", "penalties.compute.weight=0,0.1"])
    expanded.sweep      the Sweep with profile and overrides of sweep fields applied     expanded.folder     "quickstart@laptop"
    expanded.resources  {"cpu": 1.0, "gpu": 0.0, "gpu_if_present": False}                expanded.command    "lal sweep quickstart ..."
    expanded.runs       (Planned(run_id, config, arm, name, point, seed), ...)           expanded.configs()  {run_id: config}
    manifest(expanded)  what `sweeps/<folder>/manifest.json` holds

Everything wrong with a request is one `Refused` that names file and line.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lal.config import RunConfig
from lal.errors import Refused, nearest
from lal.events import Goal
from lal.store import SCHEMA
from launch.parsing.overrides import Overrides, overrides_of
from launch.parsing.problems import problems_of, told
from launch.parsing.reading import Document, read
from launch.parsing.spec import ONLY_ARM, Sweep, Values, changed

if TYPE_CHECKING:
    from launch.searching.space import Found, Space

BASES = ("base", "base_config")  # of a sweep in this or the flat format, and in the nested one


@dataclass(frozen=True)
class Planned:
    """One run of a sweep.

    Attributes:
        name: of its point, where the author named it.   point: the value at every path of the sweep's axes: 0.0 for the weight
            of a penalty that is not there, None for what else is not there.
    """

    run_id: str
    config: RunConfig
    arm: str
    name: str | None
    point: Values
    seed: int


@dataclass(frozen=True)
class Expanded:
    """A sweep with all of its runs.

    Attributes:
        source: as it was asked for.   profile, overrides: what changed it.
        sweep: with the profile and the overrides of its own fields applied; overrides of runs are in `runs`.
        runs: in order of arms, points, seeds. A run that two arms share stands under both.
        axes: the dotted paths that tell points apart, in order.
        goal, fit: what its runs aim at.
        left_out: what its file says without effect, in words.
        space: where points are looked for while the sweep runs; `runs` are those of the points that were found so far. None: all are known.
        found: these points, in order.
    """

    source: str
    profile: str | None
    overrides: tuple[str, ...]
    sweep: Sweep
    runs: tuple[Planned, ...]
    axes: tuple[str, ...]
    goal: Goal
    fit: Goal | None
    left_out: tuple[str, ...] = ()
    space: Space | None = None
    found: tuple[Found, ...] = ()

    @property
    def folder(self) -> str:
        """Below `sweeps/` of the results."""
        return self.sweep.name if self.profile is None else f"{self.sweep.name}@{self.profile}"

    @property
    def command(self) -> str:
        """What a person types to run it."""
        return shlex.join(["lal", "sweep", self.source, *self.overrides, *(["--profile", self.profile] if self.profile else [])])

    @property
    def resources(self) -> Values:
        """{cpu, gpu, gpu_if_present} of one run."""
        return self.sweep.resources.model_dump()

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(self.sweep.arms) or (ONLY_ARM,)

    @property
    def schedule(self) -> Values | None:
        """What compares runs while they are trained, as records of those that it cut hold it."""
        return None if self.sweep.schedule is None else self.sweep.schedule.model_dump(mode="json")

    @property
    def n_runs(self) -> int:
        """How many runs it has, or will have once all points are found."""
        if self.space is None:
            return len(self.configs())
        return len(self.configs()) + max(0, self.space.search.points - len(self.found)) * len(self.space.largest)

    def configs(self) -> dict[str, RunConfig]:
        """Each run once, by id."""
        return {run.run_id: run.config for run in self.runs}


def load(source: str, profile: str | None = None, overrides: Sequence[str] = ()) -> Expanded:
    """The sweep in YAML file `source`, or the shipped one of that name, expanded.

    Raises:
        Refused: anything is wrong with it: all problems at once, each with its place.
    """
    return expanded(document_of(source), source, profile, overrides)


def expanded(document: Document, source: str, profile: str | None = None, overrides: Sequence[str] = ()) -> Expanded:
    """The sweep that `document` describes, expanded."""
    from launch.parsing.expansion import expansion

    asked = overrides_of(overrides)
    sweep = sweep_of(document, profile, asked)
    of = expansion(sweep, document, profile, asked)
    return Expanded(source, profile, tuple(overrides), sweep, of.runs, of.axes, of.goal, of.fit, document.left_out, of.space)


def document_of(source: str) -> Document:
    """The YAML of `source`: a path, or the name of a shipped sweep, in this program's format whatever it is written in.

    A `base` that names a file is read from beside it, or from the current folder.

    Raises:
        Refused: there is no such file, or it cannot be read, or is in no format that is known.
    """
    from launch.dialects import house_format

    path = path_of(source)
    document = read(path)
    for key in BASES:
        if isinstance(document.values.get(key), str):
            document = document.with_part(key, read(file_of(document, key, path)))
    return house_format(document, path)


def file_of(document: Document, key: str, path: Path) -> Path:
    """The file that `key` of the document at `path` names."""
    named = document.values[key]
    found = next((each for folder in (path.parent, Path()) if (each := folder / named).is_file()), None)
    if found is None:
        where = document.place((key,))
        raise Refused(f"{key} must be a mapping or name a YAML file, but {where} names {named!r}, which is not beside {path}, nor here; check it")
    return found


def path_of(source: str) -> Path:
    """The file that `source` means."""
    path = Path(source)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1 or path.is_file():
        return path
    shipped = {each.name.removesuffix(".yaml"): each for each in Path(str(files("launch"))).parent.joinpath("sweeps").glob("*.yaml")}
    if source not in shipped:
        raise Refused(f"a sweep must be a YAML file or the name of a shipped sweep, but {source!r} is neither; {nearest(source, sorted(shipped))}")
    return shipped[source]


def sweep_of(document: Document, profile: str | None, overrides: Overrides) -> Sweep:
    """The Sweep that `document` describes once `profile` and the command line have changed it."""
    sweep = validated(document.values, lambda path: document.place(path))
    if profile is not None and profile not in sweep.profiles:
        remedy = nearest(profile, list(sweep.profiles)) if sweep.profiles else "it has none; leave --profile out"
        raise Refused(f"--profile must name a profile of sweep {sweep.name}, but got {profile!r}; {remedy}")
    changes = document.values["profiles"][profile] if profile else {}

    def place(path: tuple) -> str:
        in_profile = ("profiles", profile, *path)
        if path and path[0] in overrides.sweep:
            return "command line"
        return document.place(in_profile) if len(in_profile) > 2 and in_profile[:3] in document.places else document.place(path)

    return validated(changed(changed(document.values, changes), overrides.sweep), place)


def validated(values: Mapping[str, Any], place: Callable[[tuple], str]) -> Sweep:
    """`values` as a Sweep; one Refused for all that is wrong."""
    try:
        return Sweep.model_validate(values)
    except ValidationError as error:
        problems = problems_of(error, values, Sweep)
        raise Refused(told(((problem, None) for problem in problems), 1, lambda problem, _: place(problem.path))) from None


def manifest(expanded: Expanded) -> Values:
    """The plain data of `sweeps/<folder>/manifest.json`: what the report and every later reader know of the sweep."""
    sweep = expanded.sweep
    return {
        "schema": SCHEMA,
        "name": sweep.name,
        "profile": expanded.profile,
        "folder": expanded.folder,
        "question": sweep.question,
        "expect": sweep.expect,
        "command": expanded.command,
        "report": sweep.report.model_dump(mode="json", exclude_none=True),
        "arms": list(expanded.arms),
        "axes": list(expanded.axes),
        "goal": asdict(expanded.goal),
        "fit": asdict(expanded.fit) if expanded.fit else None,
        "runs": [entry(run) for run in expanded.runs],
        "schedule": expanded.schedule,
        "search": None if expanded.space is None else {"space": expanded.space.signature, "points": [each.plain() for each in expanded.found]},
        "resolved": {**sweep.model_dump(mode="json", exclude={"profiles"}), "overrides": list(expanded.overrides)},
    }


def entry(run: Planned) -> Values:
    """One run of the manifest."""
    return {
        "run_id": run.run_id,
        "arm": run.arm,
        "name": run.name,
        "point": run.point,
        "seed": run.seed,
        "budget": run.config.budget.model_dump(mode="json"),
        "eval_every": run.config.eval_every,
    }
