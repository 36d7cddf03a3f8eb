"""From a Sweep to its runs: arms x axes or points x seeds, all validated, all problems told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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
from lal.store import flattened, lookup
from launch.axes import Point, Seeds
from launch.fields import has_null, without_nulls
from launch.merging import merged, nested, refuse_overlap, segments, within
from launch.origins import Origins
from launch.overrides import Overrides
from launch.points import aim, points_of, refuse_twice, told_apart_by
from launch.problems import Problem, problems_of, shown, told
from launch.reading import Document
from launch.spec import ONLY_ARM, Arm, Sweep
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


def expansion(sweep: Sweep, document: Document, profile: str | None, overrides: Overrides) -> tuple[tuple[Planned, ...], tuple[str, ...], Goal, Goal | None]:
    """The runs of `sweep`, the paths that tell its points apart, its goal and fit.

    Raises:
        Refused: a run cannot be, two points are the same, or there is too much to run.
    """
    arms = sweep.arms or {ONLY_ARM: Arm()}
    file = document.place(())
    cells = [cell for name, arm in arms.items() for cell in cells_of(sweep, name, arm, overrides, file)]
    drafts = [(cell, seed, values) for cell in cells for seed, values in drafts_of(cell)]
    if len(drafts) > MAX_RUNS:
        raise Refused(f"{file}: a sweep must have at most {MAX_RUNS:,} runs, but has {len(drafts):,}; use fewer values, or several sweeps")
    read = checked(drafts, lambda problem, cell: Origins(document, profile, overrides, cell).place(problem.path))
    runs = [(cell, seed, config, configs.run_id(config)) for (cell, seed, _), config in zip(drafts, read, strict=True)]
    refuse_twice([(cell, config, run_id) for cell, _, config, run_id in runs], lambda cell: Origins(document, profile, overrides, cell).of_cell())
    by_cell = {id(cell): config for cell, _, config, _ in runs}
    axes = told_apart_by(cells, [by_cell[id(cell)] for cell in cells], sweep, lambda path: Origins(document, profile, overrides, cells[0]).of_sweep(path))
    points = {id(cell): points_of(by_cell[id(cell)], axes) for cell in cells}
    planned = tuple(Planned(run_id, config, cell.arm, cell.point.name if cell.point else None, points[id(cell)], seed) for cell, seed, config, run_id in runs)
    return planned, axes, *aim(read)


def cells_of(sweep: Sweep, name: str, arm: Arm, overrides: Overrides, file: str) -> Iterator[Cell]:
    """The cells of one arm, in order: points, then the first axis slowest."""
    axes = axes_under({path: values for path, values in {**sweep.axes, **arm.axes}.items() if values is not None}, overrides)
    points: tuple[Point | None, ...] = arm.points or sweep.points or (None,)
    seeds = arm.seeds or sweep.seeds
    if "seeds" in overrides.sweep:
        seeds = Seeds(values=sweep.seeds.values, vary=sweep.seeds.vary if arm.seeds is None else arm.seeds.vary)
    n_runs = prod(map(len, axes.values())) * len(points) * len(seeds.values)
    if n_runs > MAX_RUNS:
        raise Refused(f"{file}: a sweep must have at most {MAX_RUNS:,} runs, but arm {name} has {n_runs:,}; use fewer values, or several sweeps")
    base = merged(sweep.base, arm.base)
    fixed = [nested(path, value) for path, value in overrides.fixed.items() if path not in axes]
    for point in points:
        together = point.values if point else {}
        refuse_overlap([*axes, *paths_of(together)], f"{file}, arm {name}," if sweep.arms else file)
        for values in product(*(enumerate(each) for each in axes.values())):
            chosen = dict(zip(axes, values, strict=True))
            layer = merged(*(nested(path, value) for path, (_, value) in chosen.items()), *(nested(path, value) for path, value in together.items()))
            yield Cell(name, chosen, point, merged(base, layer, *fixed), seeds)


def axes_under(axes: dict[str, tuple[Any, ...]], overrides: Overrides) -> dict[str, tuple[Any, ...]]:
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
        problems += [Problem(segments(path), f"{path} is set by `seeds`; remove it here") for path in cell.seeds.vary if lookup(cell.values, path) is not None]
        wrong += [(problem, cell) for problem in problems]
        if config is not None:
            read.append(config)
    if wrong:
        raise Refused(told(wrong, n_drafts, place))
    return read


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
