"""From a Sweep to its runs: arms x axes or points x seeds, all validated, all problems told at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import prod
from typing import Any

from pydantic import ValidationError

from lal import config as configs
from lal.config import RunConfig
from lal.errors import Refused
from lal.events import Goal
from lal.part import kind_of, union
from lal.runs import MEMBERS
from lal.standing import OPERATIONAL
from lal.store import flattened, lookup
from launch.parsing.axes import Point, Range, Seeds
from launch.parsing.fields import has_null, without_nulls
from launch.parsing.merging import merged, nested, refuse_overlap, segments, within
from launch.parsing.origins import Origins
from launch.parsing.overrides import Overrides
from launch.parsing.points import aim, points_of, refuse_twice, told_apart_by
from launch.parsing.problems import Problem, problems_of, shown, told
from launch.parsing.reading import Document
from launch.parsing.spec import ONLY_ARM, Arm, Sweep
from launch.searching.drawing import Chosen, drawn, size_of
from launch.searching.space import Space, corners
from launch.searching.spec import Grid, Optuna, Random
from launch.sweep import Planned

MAX_RUNS = 100_000
Values = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One point of one arm, before seeds.

    Attributes:
        axes: dotted path -> (index in its axis, value).   point: what is set together, or None.
        values: of a run, all layers merged, nulls kept, without seeds.
    """

    arm: str
    axes: dict[str, tuple[int, Any]]
    point: Point | None
    values: Values
    seeds: Seeds

    def set_here(self) -> dict[str, Any]:
        """What axes and point set, by the paths they were given by."""
        return {**{path: value for path, (_, value) in self.axes.items()}, **(self.point.values if self.point else {})}

    def __str__(self) -> str:
        return (self.point and self.point.name) or ", ".join(f"{path}={shown(value)}" for path, value in self.set_here().items()) or "the only point"


@dataclass(frozen=True)
class Ground:
    """All of one arm but its points.

    Attributes:
        axes: what each path may be.   points: sets of values, or the only one, None.
        base: of sweep and arm, merged.   fixed: from the command line, over everything.
    """

    arm: str
    axes: dict[str, tuple[Any, ...] | Range]
    points: tuple[Point | None, ...]
    seeds: Seeds
    base: Values
    fixed: tuple[Values, ...]

    def cell(self, chosen: dict[str, tuple[int, Any]], point: Point | None = None) -> Cell:
        """The cell at one value of every axis, and one point."""
        together = point.values if point else {}
        layer = merged(*(nested(path, value) for path, (_, value) in chosen.items()), *(nested(path, value) for path, value in together.items()))
        return Cell(self.arm, chosen, point, merged(self.base, layer, *self.fixed), self.seeds)


@dataclass(frozen=True)
class Expansion:
    """The runs of a sweep, as in `launch.sweep.Expanded`; of a search that proposes points as it goes none yet, but its `space`."""

    runs: tuple[Planned, ...]
    axes: tuple[str, ...]
    goal: Goal
    fit: Goal | None
    space: Space | None


def expansion(sweep: Sweep, document: Document, profile: str | None, overrides: Overrides) -> Expansion:
    """The runs of `sweep`, the paths that tell its points apart, its goal and fit.

    Raises:
        Refused: a run cannot be, two points are the same, or there is too much to run.
    """
    file = document.place(())
    grounds = [ground_of(sweep, name, arm, overrides) for name, arm in (sweep.arms or {ONLY_ARM: Arm()}).items()]
    cells = [cell for ground in grounds for cell in cells_of(sweep, ground, file)]
    drafts = [(cell, seed, values) for cell in cells for seed, values in drafts_of(cell)]
    if len(drafts) > MAX_RUNS:
        raise Refused(f"{file}: a sweep must have at most {MAX_RUNS:,} runs, but has {len(drafts):,}; use fewer values, or several sweeps")
    read = checked(drafts, lambda problem, cell: Origins(document, profile, overrides, cell).place(problem.path))
    runs = [(cell, seed, config, configs.run_id(config)) for (cell, seed, _), config in zip(drafts, read, strict=True)]
    refuse_twice([(cell, config, run_id) for cell, _, config, run_id in runs], lambda cell: Origins(document, profile, overrides, cell).of_cell())
    by_cell = {id(cell): config for cell, _, config, _ in runs}
    axes = told_apart_by(cells, [by_cell[id(cell)] for cell in cells], sweep, lambda path: Origins(document, profile, overrides, cells[0]).of_sweep(path))
    planned = tuple(planned_of(cell, seed, config, axes, run_id) for cell, seed, config, run_id in runs)
    if not isinstance(sweep.search, Optuna):
        return Expansion(planned, axes, *aim(read), None)
    refuse_more_than(sweep.search.points, grounds, file)
    return Expansion((), axes, *aim(read), space_of(sweep.search, grounds, axes, planned))


def planned_of(cell: Cell, seed: int, config: RunConfig, axes: tuple[str, ...], run_id: str) -> Planned:
    """One run of a cell."""
    return Planned(run_id, config, cell.arm, cell.point.name if cell.point else None, points_of(config, axes), seed)


def space_of(search: Optuna, grounds: Sequence[Ground], axes: tuple[str, ...], corners: tuple[Planned, ...]) -> Space:
    """Where `search` looks for points. `corners`: runs at ends of its axes."""
    by_arm = {ground.arm: ground for ground in grounds}

    def make(arm: str, chosen: Chosen) -> tuple[Planned, ...]:
        cell = by_arm[arm].cell(chosen)
        drafts = [(cell, seed, values) for seed, values in drafts_of(cell)]
        read = checked(drafts, lambda problem, cell: f"the point ({cell})")
        return tuple(planned_of(cell, seed, config, axes, configs.run_id(config)) for (_, seed, _), config in zip(drafts, read, strict=True))

    return Space(search, {ground.arm: ground.axes for ground in grounds}, make, signature_of(search, grounds), corners, max(map(n_seeds, grounds)))


def n_seeds(ground: Ground) -> int:
    """Seeds of each of an arm's points."""
    return len(ground.seeds.values)


def signature_of(search: Optuna, grounds: Sequence[Ground]) -> Values:
    """What makes two searches the same: their objectives, axes, seeds and what decides about the runs. Not how many points, nor how they are proposed."""
    arms = {
        ground.arm: {
            "base": decisive(merged(ground.base, *ground.fixed)),
            "axes": {path: values.model_dump(mode="json") if isinstance(values, Range) else list(values) for path, values in ground.axes.items()},
            "seeds": ground.seeds.model_dump(mode="json"),
        }
        for ground in grounds
    }
    return json.loads(json.dumps({"objectives": search.objectives.model_dump(mode="json"), "arms": arms}))


def decisive(base: Values) -> Values:
    """`base` without what does not change what runs come to: how they are measured and saved."""
    budget = {key: value for key, value in (base.get("budget") or {}).items() if key not in OPERATIONAL}
    kept = {key: value for key, value in base.items() if key not in ("measure", "budget")}
    return {**kept, "budget": budget} if budget else kept


def refuse_more_than(points: int, grounds: Sequence[Ground], file: str) -> None:
    """Refuses more points than all arms have together."""
    there = sum(size_of(ground.axes) for ground in grounds)
    if points > there:
        raise Refused(f"{file}: search.points must be at most the {round(there):,} that the axes have, but is {points:,}; write fewer, or leave `search` out")


def ground_of(sweep: Sweep, name: str, arm: Arm, overrides: Overrides) -> Ground:
    """What one arm has."""
    axes = axes_under({path: values for path, values in {**sweep.axes, **arm.axes}.items() if values is not None}, overrides)
    seeds = arm.seeds or sweep.seeds
    if "seeds" in overrides.sweep:
        seeds = Seeds(values=sweep.seeds.values, vary=sweep.seeds.vary if arm.seeds is None else arm.seeds.vary)
    fixed = tuple(nested(path, value) for path, value in overrides.fixed.items() if path not in axes)
    return Ground(name, axes, arm.points or sweep.points or (None,), seeds, merged(sweep.base, arm.base), fixed)


def cells_of(sweep: Sweep, ground: Ground, file: str) -> Iterator[Cell]:
    """The cells of one arm, in order: points, then the first axis slowest. Of a search that proposes points as it goes, those that can be checked before."""
    n_runs = n_points(sweep, ground, file) * len(ground.points) * n_seeds(ground)
    if n_runs > MAX_RUNS:
        raise Refused(f"{file}: a sweep must have at most {MAX_RUNS:,} runs, but arm {ground.arm} has {n_runs:,}; use fewer values, or several sweeps")
    for point in ground.points:
        refuse_overlap([*ground.axes, *paths_of(point.values if point else {})], f"{file}, arm {ground.arm}," if sweep.arms else file)
        for chosen in chosen_of(sweep, ground, file):
            yield ground.cell(chosen, point)


def n_points(sweep: Sweep, ground: Ground, file: str) -> int:
    """Points on the axes of an arm.

    Raises:
        Refused: a grid has an axis without a number of values.
    """
    if not isinstance(sweep.search, Grid):
        return sweep.search.points
    for path, values in ground.axes.items():
        if isinstance(values, Range):
            written = f"{{{values.scale}: [{values.low:g}, {values.high:g}]}}"
            remedy = "give it the number of values too, or write `search: {kind: random, points: 20}`"
            raise Refused(f"{file}: axis {path} must have a number of values where search.kind is grid, but {written} is all between two ends; {remedy}")
    return prod(len(values) for values in ground.axes.values())  # type: ignore[arg-type]


def chosen_of(sweep: Sweep, ground: Ground, file: str) -> Iterable[Chosen]:
    """The values on every axis, point by point."""
    if isinstance(sweep.search, Random):
        return drawn(sweep.search, ground.axes, file)
    if isinstance(sweep.search, Optuna):
        return corners(ground.axes)
    return (dict(zip(ground.axes, values, strict=True)) for values in product(*(enumerate(each) for each in ground.axes.values())))


def axes_under(axes: dict[str, tuple[Any, ...] | Range], overrides: Overrides) -> dict[str, tuple[Any, ...] | Range]:
    """`axes` as the command line changes them: a path it names is replaced where it stands, what lies below that path is gone."""
    for path, values in {**{path: (value,) for path, value in overrides.fixed.items()}, **overrides.axes}.items():
        axes = {each: kept for each, kept in axes.items() if each == path or not within(each, path)}
        if path in axes or path in overrides.axes:
            axes[path] = values
    return axes


def paths_of(values: Mapping[str, Any]) -> list[str]:
    """The dotted paths of all leaves of a point."""
    return [path for path, _ in flattened(values)]


def drafts_of(cell: Cell) -> Iterator[tuple[int, Values]]:
    """Each seed of a cell, with all values of its run."""
    for seed, sets in cell.seeds.each():
        yield seed, merged(cell.values, *(nested(path, value) for path, value in sets.items()))


def checked(drafts: Iterable[tuple[Cell, int, Values]], place: Callable[[Problem, Cell], str]) -> list[RunConfig]:
    """The runs of `drafts`; one Refused for all that is wrong with any of them."""
    read: list[RunConfig] = []
    wrong: list[tuple[Problem, Cell]] = []
    n_drafts = 0
    for cell, _, values in drafts:
        n_drafts += 1
        config, problems = run_of(values)
        problems = [varied(problem, cell) for problem in problems]
        problems += [Problem(segments(path), f"{path} is set by `seeds`; remove it here") for path in cell.seeds.vary if lookup(cell.values, path) is not None]
        wrong += [(problem, cell) for problem in problems]
        if config is not None:
            read.append(config)
    if wrong:
        raise Refused(told(wrong, n_drafts, place))
    return read


def varied(problem: Problem, cell: Cell) -> Problem:
    """`problem`, said to come from `seeds.vary` where nothing else names what is wrong."""
    by = next((path for path in cell.seeds.vary if segments(path)[: len(problem.path)] == problem.path), None)
    if by is None or lookup(cell.values, ".".join(map(str, problem.path))) is not None:
        return problem
    return Problem(problem.path, f"{problem.text}; `seeds.vary` names {by}")


def run_of(values: Values) -> tuple[RunConfig | None, list[Problem]]:
    """The run that `values` describe, and what is wrong with them."""
    values = {"kind": kind_of(MEMBERS[0]), **values}
    if has_null(values):
        values = without_nulls(run_annotation(), values)
    try:
        config = configs.parse(values)
    except ValidationError as error:
        return None, problems_of(error, values, run_annotation())
    return config, []


@cache
def run_annotation() -> Any:
    """The type of any run."""
    return union(MEMBERS)
