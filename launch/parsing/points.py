"""What tells the points of a sweep apart, that they are different runs, and what all runs aim at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lal.columns import range_word
from lal.config import RunConfig
from lal.errors import Refused, nearest
from lal.events import STEPS_TO_GOAL, Goal
from lal.part import Part
from lal.store import flattened

if TYPE_CHECKING:
    from launch.parsing.expansion import Cell
    from launch.sweep import Sweep

ARM = "arm"  # what figures call the arms, where they place them


def refuse_twice(runs: Iterable[tuple[Cell, RunConfig, str]], place: Callable[[Cell], str]) -> None:
    """Refuses points of one arm that are the same run, and arms that share a run but not its measurements or budget."""
    seen: dict[str, tuple[Cell, RunConfig]] = {}
    in_arm: dict[tuple[str, str], Cell] = {}
    for cell, config, run_id in runs:
        twin = in_arm.setdefault((cell.arm, run_id), cell)
        if twin is not cell:
            raise Refused(
                f"{place(cell)}: every point must be a different run, but ({twin}) and ({cell}) of arm {cell.arm} are the same; "
                "remove one (a penalty of weight 0 is none; measure and budget make no other run)"
            )
        other, first = seen.setdefault(run_id, (cell, config))
        if first.budget != config.budget or getattr(first, "measure", None) != getattr(config, "measure", None):
            raise Refused(
                f"{place(cell)}: a run that arms share must have one budget and one measure, but {run_id} has two ({other.arm}, {cell.arm}); set them in base"
            )


def told_apart_by(cells: Sequence[Cell], configs: Sequence[RunConfig], sweep: Sweep, place: Callable[[tuple], str]) -> tuple[str, ...]:
    """The dotted paths that vary over points, in the order written, and those that the report draws.

    Of a part that is set whole, the fields that vary where it is there. The weight of an absent penalty counts as 0; another
    absent value tells points apart only where nothing else does.
    """
    candidates = leaves([cell.set_here() for cell in cells])
    columns = {path: [repr(value_at(config, path)) for config in configs] for path in candidates}
    kept = {path for path in candidates if len({value for value in columns[path] if value != "None"}) > 1}
    for path in candidates:
        if path not in kept and _separates(path, kept, columns, [cell.arm for cell in cells]):
            kept.add(path)
    drawn = _drawn(configs, sweep, place)
    refuse_unmeasured(configs, sweep, place)
    refuse_thresholds(configs, sweep, place)
    return tuple(dict.fromkeys([*(path for path in candidates if path in kept), *drawn]))


def leaves(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    """The dotted paths set by any of `settings`, in order; where one sets a part whole, the paths of its fields."""
    found: dict[str, dict[str, None]] = {}
    for setting in settings:
        for path, value in setting.items():
            inner = found.setdefault(path, {})
            if isinstance(value, Mapping):
                inner |= dict.fromkeys(leaf for leaf, _ in flattened(value, f"{path}."))
    return list(dict.fromkeys(leaf for path, inner in found.items() for leaf in inner or (path,)))


def _separates(path: str, kept: set[str], columns: Mapping[str, list[str]], arms: list[str]) -> bool:
    """Whether `path` tells points of an arm apart that `kept` do not."""
    ordered = sorted(kept)
    keys = [(arm, *(columns[each][index] for each in ordered)) for index, arm in enumerate(arms)]
    return len(set(keys)) < len({(key, columns[path][index]) for index, key in enumerate(keys)})


def _drawn(configs: Sequence[RunConfig], sweep: Sweep, place: Callable[[tuple], str]) -> list[str]:
    """The paths of the report's phase diagram, which must lead somewhere; arms are no path."""
    phase = sweep.report.phase.model_dump(exclude_none=True) if sweep.report.phase else {}
    paths = {name: path for name, path in phase.items() if name == "x" or path != ARM}
    if len(paths) < len(phase) and len(sweep.arms) < 2:
        name = next(name for name in phase if name not in paths)
        raise Refused(f"{place(('report', 'phase', name))}: report.phase.{name} is arm, but the sweep has no arms to tell apart; write a dotted path, or arms")
    for name, path in paths.items():
        if not any(leads(config, path) is None for config in configs):
            raise Refused(
                f"{place(('report', 'phase', name))}: report.phase.{name} must be a dotted path of a run, but got {path!r}; {leads(configs[0], path)}"
            )
    return list(paths.values())


def refuse_unmeasured(configs: Sequence[RunConfig], sweep: Sweep, place: Callable[[tuple], str]) -> None:
    """Refuses an objective, of the Pareto front or a search, that no run measures: it would be missed only once all is trained."""
    measured = {column for config in configs for column in config.columns()}
    asked = (
        ("report", "pareto", sweep.report.pareto, measured),
        ("search", "objectives", getattr(sweep.search, "objectives", None), measured | {STEPS_TO_GOAL}),
    )
    for room, name, objectives, there in asked:
        for side in ("maximise", "minimise"):
            for column in getattr(objectives, side, {}):
                if column.partition("/")[0] not in there:
                    where = place((room, name, side, column))
                    raise Refused(f"{where}: {room}.{name}.{side} must name a column that runs measure, but got {column!r}; {nearest(column, tuple(there))}")


def refuse_thresholds(configs: Sequence[RunConfig], sweep: Sweep, place: Callable[[tuple], str]) -> None:
    """Refuses numbers of verdicts that runs cannot be judged by: it would be missed only once all is trained."""
    asked = sweep.report.thresholds
    if asked is None:
        return

    def refuse(name: str, must: str, remedy: str) -> None:
        where = place(("report", "thresholds", name))
        raise Refused(f"{where}: report.thresholds.{name} must be {must}, but got {getattr(asked, name):g}; {remedy}")

    goal, fit = aim(configs)
    if asked.fit is not None and fit is None:
        refuse("fit", "left out where runs memorise no training set", "remove it")
    for name, of, value in (("goal", goal, asked.goal), ("fit", fit, asked.fit)):
        if of is not None and value is not None and not of.possible(value):
            must = "an accuracy over 0, up to 1" if of.column.endswith("_acc") else f"one: {range_word(of.column)}"
            refuse(name, f"a value that {of.column} can have", f"write {must}")
    stops = [config.budget.stop for config in configs if config.budget.stop is not None]
    if stops and asked.goal is not None and goal.better(asked.goal, goal.at_least):
        refuse("goal", f"no stricter than {goal.at_least:g}, where runs stop", "write a milder one, or set budget.stop.at_least")
    held = [config.budget.stop.sustain // config.eval_every + 1 for config in configs if config.budget.stop is not None]
    if held and asked.window is not None and asked.window > min(held):
        refuse("window", f"at most the {min(held)} evaluations that runs hold before they stop", "write fewer, or set budget.stop.sustain")


def leads(config: RunConfig, path: str) -> str | None:
    """None where dotted `path` is one of `config`, or would be if an optional part were there; else the remedy."""
    value: Any = config
    for key in path.split("."):
        if value is None:
            return None
        if not isinstance(value, Part) or key not in type(value).model_fields:
            return nearest(key, tuple(type(value).model_fields)) if isinstance(value, Part) else "write a path that ends there"
        value = getattr(value, key)
    return None


def points_of(config: RunConfig, axes: Iterable[str]) -> dict[str, Any]:
    """The values of `config` at `axes`, as plain data."""
    return {path: value_at(config, path) for path in axes}


def value_at(config: RunConfig, path: str) -> Any:
    """The value at dotted `path`: 0.0 for the weight of a penalty that is not there, None for what else is not."""
    value: Any = config
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else getattr(value, key, None) if isinstance(value, Part) else None
    if value is None and path.startswith("penalties.") and path.endswith(".weight"):
        return 0.0
    if isinstance(value, Part):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple) else value


def aim(configs: Sequence[RunConfig]) -> tuple[Goal, Goal | None]:
    """The one goal, and the one fit, of all runs. A run that never stops on success has no say in the target."""
    asked = [config for config in configs if config.budget.stop is not None] or configs
    goals = list(dict.fromkeys(config.goal for config in asked))
    if len(goals) > 1:
        first, second = goals[:2]
        told = " and ".join(f"{each.column} {'>=' if each.direction == 'max' else '<='} {each.at_least:g}" for each in (first, second))
        raise Refused(f"all runs of a sweep must aim at one goal, but some aim at {told}; give them one budget.stop.at_least, or write two sweeps")
    return goals[0], asked[0].fit
