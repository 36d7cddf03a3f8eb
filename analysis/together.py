"""Several sweeps as one: each an arm, over the settings in which they differ, so that whatever is drawn or tested of one sweep is of all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import pandas as pd

from analysis.collect import Tables, checked, collect, thresholds_of
from analysis.figures.theme import safe, value_word
from analysis.frame import Frame
from analysis.run_keys import axis_values, cell_numbers
from lal.errors import Refused
from lal.events import Goal, Thresholds
from lal.reading import COUNTED
from lal.store import Store, flattened

SHARED = ("fit_column", "goal_column", "direction", "fit_direction")
ABSENT = "–"


@dataclass(frozen=True)
class Difference:
    """A setting that no sweep varies and that is not the same in all. `values`: of each sweep, escaped; several where its runs differ in it."""

    path: str
    values: tuple[str, ...]


def together(sweeps: Sequence[tuple[Store, str]], threshold: float | None = None, **phases: float | None) -> Tables:
    """The tables of two or more sweeps as those of one, whose arms are the sweeps (and theirs, where they have several).

    Verdicts are by one set of numbers: of the goal and of fitting the mildest that the sweeps ask for, the shortest window; where they differ in
    the gap or decay time of phases, these must be given. A setting that only some sweeps vary is read from the records of the others, so that
    what is the same stands at the same place.

    Raises:
        Refused: one sweep twice, sweeps with different goals, or whatever `collect.collect` refuses.
    """
    manifests = [checked(store.manifest(folder), store, folder) for store, folder in sweeps]
    for (first, second), (one, other) in zip(combinations(sweeps, 2), combinations(manifests, 2), strict=True):
        if first[0].where(first[1]) == second[0].where(second[1]):
            raise Refused(f"sweeps that are compared must be different ones, but got {first[1]!r} twice; name another")
        if any(one[key] and other[key] and one[key]["column"] != other[key]["column"] for key in ("goal", "fit")):
            raise Refused(
                f"sweeps that are compared must aim at the same, but {first[1]!r} aims at {one['goal']['column']} and {second[1]!r} at "
                f"{other['goal']['column']}; report them one by one"
            )
    limits = common([_thresholds(each, threshold, phases) for each in manifests], phases)
    given = {name: value for name, value in asdict(limits).items() if name not in SHARED and (name != "fit" or limits.fit_column)}
    parts = [
        collect(store, folder, given["goal"], **{**phases, **{name: value for name, value in given.items() if name != "goal"}}) for store, folder in sweeps
    ]
    return merged(parts, names_of(sweeps))


def _thresholds(manifest: Mapping[str, Any], threshold: float | None, phases: Mapping[str, float | None]) -> Thresholds:
    return thresholds_of(manifest, Goal(**manifest["goal"]), Goal(**manifest["fit"]) if manifest["fit"] else None, threshold, phases)


def common(limits: Sequence[Thresholds], given: Mapping[str, float | None]) -> Thresholds:
    """One set of numbers for verdicts on all."""
    for name in ("gap", "tau"):
        found = sorted({getattr(each, name) for each in limits})
        if len(found) > 1 and given.get(name) is None:
            told = ", ".join(f"{each:g}" for each in found)
            raise Refused(f"verdicts on sweeps that are compared must be by the same numbers, but their {name} is {told}; give --{name}")
    first = limits[0]
    milder = min if first.direction == "max" else max
    fitting = min if first.fit_direction == "max" else max
    goal, fit = milder(each.goal for each in limits), fitting(each.fit for each in limits)
    return replace(first, goal=goal, fit=fit, window=min(each.window for each in limits))


def names_of(sweeps: Sequence[tuple[Store, str]]) -> list[str]:
    """A name for each: its folder, with that of its results where two are called the same."""
    folders = [folder for _, folder in sweeps]
    return [folder if folders.count(folder) == 1 else f"{folder} ({store.where()})" for store, folder in sweeps]


def merged(parts: Sequence[Tables], names: Sequence[str]) -> Tables:
    """`parts` as one, called by `names`."""
    axes = list(dict.fromkeys(path for part in parts for path in part.axes))
    entries, arms = [], []
    for part, name in zip(parts, names, strict=True):
        several = len(part.manifest["arms"]) > 1
        words = {arm: f"{name}: {arm}" if several else name for arm in part.manifest["arms"]}
        arms += words.values()
        known = settings_by_arm(part)
        for entry in part.manifest["runs"]:
            fixed = known.get(entry["arm"], {})
            point = {**{path: fixed[path] for path in axes if path not in part.axes and path in fixed}, **entry["point"]}
            entries.append({**entry, "arm": words[entry["arm"]], "point": point})
    title = " and ".join(names)
    manifest = {**parts[0].manifest, "name": title, "folder": title, "arms": arms, "axes": axes, "runs": entries, "question": None, "expect": None}
    questions = [f"{name}: {part.manifest['question']}" for part, name in zip(parts, names, strict=True) if part.manifest.get("question")]
    manifest |= {"question": "\n".join(questions) or None, "report": report_of(parts), "search": None, "schedule": None, "names": list(names)}
    runs = pd.concat([part.runs for part in parts], ignore_index=True)
    places = {"cell": cell_numbers(entries), "arm": [entry["arm"] for entry in entries], **axis_values(manifest)}
    runs = runs.assign(**places)
    histories = [_placed(part, runs.iloc[start : start + len(part.runs)], [*places]) for part, start in zip(parts, starts(parts), strict=True)]
    history = pd.concat([each for each in histories if len(each)] or histories[:1], ignore_index=True)
    readings = [each for part in parts for each in part.readings]
    return Tables(manifest, parts[0].goal, parts[0].thresholds, runs, history, readings, None, tuple(parts))


def starts(parts: Sequence[Tables]) -> list[int]:
    """Where the runs of each part begin."""
    return [sum(len(part.runs) for part in parts[:index]) for index in range(len(parts))]


def _placed(part: Tables, runs: Frame, columns: Sequence[str]) -> Frame:
    """The history of one sweep, whose `runs` now stand elsewhere, with where they stand."""
    now = runs.assign(was=part.runs["cell"].to_numpy()).drop_duplicates("was").set_index("was")
    return part.history.assign(**{name: now[name].reindex(part.history["cell"]).to_numpy() for name in columns}) if len(part.history) else part.history


def report_of(parts: Sequence[Tables]) -> dict[str, Any]:
    """What the figures are of: as the first sweep that says so has it."""
    reports = [part.manifest["report"] for part in parts]
    return {name: value for name in ("phase", "pareto") for value in [next((each[name] for each in reports if each.get(name)), None)] if value}


def settings_by_arm(part: Tables) -> dict[str, dict[str, Any]]:
    """Settings that all finished runs of an arm share, by dotted path."""
    found: dict[str, dict[str, Any]] = {}
    for arm, settings in _settings(part):
        known = found.setdefault(arm, dict(settings))
        for path in [path for path, value in known.items() if path not in settings or settings[path] != value]:
            del known[path]
    return found


def _settings(part: Tables) -> list[tuple[str, dict[str, Any]]]:
    """Arm and settings of every finished run."""
    arms = [entry["arm"] for entry in part.manifest["runs"]]
    return [(arm, dict(flattened(found.record.trajectory))) for arm, found in zip(arms, part.readings, strict=True) if found.state in COUNTED and found.record]


def differences(tables: Tables) -> list[Difference]:
    """Settings outside the axes in which finished runs of the sweeps are not the same, budgets among them: what else may make them differ."""
    sides: list[dict[str, set[str]]] = []
    for part in tables.parts:
        seen: dict[str, set[str]] = {}
        for _, settings in _settings(part):
            for path, value in settings.items():
                seen.setdefault(path, set()).add(json.dumps(value))
        seen["budget.steps"] = {json.dumps(entry["budget"]["steps"]) for entry in part.manifest["runs"]}
        sides.append(seen)
    paths = sorted({path for side in sides for path in side} - {*tables.axes, "seed"})
    return [Difference(path, tuple(_words(side.get(path)) for side in sides)) for path in paths if len({frozenset(side.get(path, ())) for side in sides}) > 1]


def _words(values: set[str] | None) -> str:
    return "; ".join(value_word(json.loads(value)) for value in sorted(values)) if values else ABSENT


def differences_table(tables: Tables) -> Frame:
    """A row a setting, a column a sweep; text is escaped."""
    names = [safe(name) for name in tables.manifest["names"]]
    rows = [{"setting": safe(each.path), **dict(zip(names, each.values, strict=True))} for each in differences(tables)]
    return pd.DataFrame(rows)
