"""A manifest and its run folders -> the tables that everything else in this room reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.again import command, results_word
from analysis.frame import Frame, Series
from analysis.gathering import Found, gathered
from analysis.history import History
from analysis.run_keys import run_keys
from analysis.run_row import facts_of
from analysis.snapshots import Snapshots
from lal.errors import Refused
from lal.events import Goal, Thresholds
from lal.events import thresholds_of as usual_thresholds
from lal.objectives import value_of
from lal.reading import COUNTED, Reading
from lal.store import Store


@dataclass(frozen=True)
class Tables:
    """All that is known of one sweep.

    Attributes:
        manifest: as stored.   goal: what runs aim at.   thresholds: what verdicts are by.
        runs: one row a manifest run, in its order: see `analysis.run_row`.
        history: one row an evaluation of a done run: `run_id`, `cell`, `arm`, `seed`, axis paths, measured columns; ask for columns, not for all: see
            `analysis.history.History`.
        readings: the records and failures behind the rows of `runs`, in the same order.
        results: how `--results` names their folder; None where it is the usual one.
        parts: the sweeps that these are of together, in order; none where they are of one.
        store: where the runs are; None of several sweeps, and where there is nothing but these tables.
        lines: what was fitted to them so far: see `analysis.boundaries.line_of`, `analysis.spreading.spreading`.
    """

    manifest: Mapping[str, Any]
    goal: Goal
    thresholds: Thresholds
    runs: Frame
    history: Frame
    readings: Sequence[Reading | Found] = field(repr=False, default=())
    results: str | None = None
    parts: tuple[Tables, ...] = ()
    store: Store | None = field(repr=False, default=None)
    lines: dict[Any, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    @property
    def axes(self) -> list[str]:
        """Dotted paths that tell points apart, in order."""
        return list(self.manifest["axes"])

    @cached_property
    def done(self) -> Frame:
        """The runs that count: they ended under this sweep's budget, or under a smaller one and are censored there. Not to be changed."""
        return self.runs[self.runs["state"].isin(COUNTED)]

    @cached_property
    def done_of(self) -> Mapping[int, Series]:
        """Rows of `runs` that count, by cell; cells without one are not in it."""
        return {int(number): index for number, index in self.done.groupby("cell", sort=True).groups.items()}

    @cached_property
    def first_run(self) -> Mapping[int, str]:
        """The first run that the manifest lists of each cell."""
        first = self.runs.drop_duplicates("cell")
        return dict(zip(first["cell"].tolist(), first["run_id"].tolist(), strict=True))

    @cached_property
    def listed(self) -> frozenset[str]:
        """Ids of all runs of the manifest."""
        return frozenset(self.runs["run_id"])

    @cached_property
    def varied(self) -> list[str]:
        """Those of `axes` that have several values."""
        return [path for path in self.axes if self.runs[path].nunique(dropna=False) > 1]

    @property
    def distinct(self) -> Frame:
        """Each run once, for what is said of the whole sweep: arms may share one. It is done only if all that share it have it done."""
        order = (self.runs["state"] == "done").sort_values(kind="stable").index
        return self.runs.loc[order].drop_duplicates("run_id").sort_index()

    def command(self, overrides: Mapping[str, Any] | None = None, run: str | None = None) -> str:
        """What a person types to go on with this sweep, or with one run of it: see `analysis.again`."""
        if self.parts:
            having = [part for part in self.parts if run is None or run in part.listed]
            return "; ".join(part.command(overrides, run) for part in (having[:1] if run else having))
        return command(self.manifest, self.results, overrides, run)

    @cached_property
    def cells(self) -> Frame:
        """One row a point of an arm: see `analysis.cells`."""
        from analysis.cells import cells

        return cells(self)

    def evaluations(self, columns: Sequence[str]) -> tuple[pa.Table, np.ndarray]:
        """Measured `columns` of every evaluation of the `done` runs, one run after another and with their nulls, and how many each run has: (len(done),)."""
        if self.parts:
            tables, counts = zip(*(part.evaluations(columns) for part in self.parts), strict=True)
            return pa.concat_tables(tables, promote_options="permissive"), np.concatenate(counts)
        if isinstance(self.history, History):
            return self.history.evaluations(columns)
        return pa.table({name: pa.nulls(0) for name in columns}), np.zeros(len(self.done), int)  # which joins with any type

    def rows_of(self, runs: Frame, columns: Sequence[str]) -> Frame:
        """Measured `columns` of every evaluation of `runs`, which are of `done`, with `run_id` and `cell`."""
        table, counts = self.evaluations(columns)
        chosen = self.done.index.isin(runs.index)
        keys = self.done.loc[chosen, ["run_id", "cell"]]
        keys = keys.loc[keys.index.repeat(counts[chosen])].reset_index(drop=True)
        return pd.concat([keys, table.filter(pa.array(np.repeat(chosen, counts))).to_pandas()], axis=1)

    def snapshots(self, index: int) -> Snapshots | None:
        """Arrays that the run in row `index` of `runs` kept up to its end under this sweep's budget; None where runs cannot be read."""
        for part in self.parts:
            if index < len(part.runs):
                return part.snapshots(index)
            index -= len(part.runs)
        return self.store and Snapshots(self.store.run(self.runs["run_id"].iloc[index]), self.readings[index].step)

    def has(self, column: str) -> bool:
        """Whether any run measured `column`."""
        if isinstance(self.history, History):
            return self.history.has(column)
        return column in self.history.columns and bool(self.history[column].notna().any())


def collect(store: Store, folder: str, threshold: float | None = None, **phases: float | None) -> Tables:
    """The tables of sweep `folder`.

    Args:
        threshold: of the goal column, from which a run counts as generalised; default: what the sweep's report asks for, else 0.95 of
            test accuracy, or the target if that is milder; the target itself for other goals.
        phases: `fit`, `gap` and `tau` of the verdicts, where they are not those of the sweep's report, or the usual ones: see `lal.events.Thresholds`.

    Raises:
        Refused: no manifest, a damaged one, or a threshold stricter than runs were stopped at.
    """
    manifest = checked(store.manifest(folder), store, folder)
    goal, fit = Goal(**manifest["goal"]), Goal(**manifest["fit"]) if manifest["fit"] else None
    thresholds = thresholds_of(manifest, goal, fit, threshold, phases)
    results = results_word(store.address)
    all_of = gathered(store, folder, manifest, goal, fit, thresholds)
    readings, history = all_of.readings, all_of.history(store, run_keys(manifest))
    refuse_stricter(manifest, readings, thresholds, results)
    facts = all_of.facts.loc[all_of.keys].reset_index(drop=True)
    always = list(facts_of(thresholds)(Reading("missing"), None))
    ordered = [*always, *sorted({*facts.columns} - {*always})]  # whichever run was read first
    runs = pd.concat([run_keys(manifest), facts[ordered].infer_objects()], axis=1)
    return Tables(manifest, goal, thresholds, runs, history, readings, results, store=store)


def checked(manifest: dict[str, Any], store: Store, folder: str) -> dict[str, Any]:
    """`manifest`, if it has what is read here."""
    lacking = [key for key in ("name", "arms", "axes", "goal", "fit", "command", "report") if key not in manifest]
    lacking += [key for key in ("run_id", "arm", "name", "point", "seed", "budget", "eval_every") if any(key not in entry for entry in manifest["runs"])]
    if lacking or not manifest["runs"]:
        what = f"lacks {', '.join(lacking)}" if lacking else "lists no runs"
        raise Refused(
            f"a manifest must say what was run, but {store.where(f'{store.sweep(folder)}/manifest.json')} {what}; "
            "run `lal sweep` again: it is written anew and no finished run is repeated"
        )
    return manifest


def thresholds_of(manifest: Mapping[str, Any], goal: Goal, fit: Goal | None, threshold: float | None, phases: Mapping[str, float | None]) -> Thresholds:
    """The numbers of all verdicts: the usual ones, but for those of the sweep's report, and those given here before them.

    The usual window is never longer than what runs had to hold before they were stopped.

    Raises:
        Refused: a threshold that the column can never have, or one of memorising, where runs have nothing to memorise.
    """
    given = {name: value for name, value in {"goal": threshold, **phases}.items() if value is not None}
    asked = {**manifest.get("report", {}).get("thresholds", {}), **given}
    if "fit" in asked and fit is None:
        raise Refused(f"a fit threshold is of runs that memorise a training set, but those of {manifest['name']!r} do not; leave it out")
    usual = usual_thresholds(goal, fit)
    for name, of in (("goal", goal), ("fit", fit)):
        if of is not None and name in asked and not of.possible(asked[name]):
            raise Refused(f"a threshold of {of.column} must be {of.range_word}, but got {asked[name]}; write such a value, or none")
    held = [entry["budget"]["stop"]["sustain"] // entry["eval_every"] + 1 for entry in manifest["runs"] if entry["budget"].get("stop")]
    return replace(usual, **{"window": min([usual.window, *held]), "fit_column": fit.column if fit else "", **asked})


def refuse_stricter(manifest: Mapping[str, Any], readings: Sequence[Reading | Found], thresholds: Thresholds, results: str | None) -> None:
    """Refuses a threshold beyond what runs were stopped at: they might have reached it had they gone on."""

    def beyond(at_least: float) -> bool:
        return thresholds.goal > at_least if thresholds.direction == "max" else thresholds.goal < at_least

    stopped = {
        entry["run_id"]: entry["budget"]["stop"]["at_least"]
        for entry, found in zip(manifest["runs"], readings, strict=True)
        if found.outcome == "target_reached" and beyond(entry["budget"]["stop"]["at_least"])
    }
    if stopped:
        at = ", ".join(f"{value:g}" for value in sorted(set(stopped.values())))
        raise Refused(
            f"a verdict may not be stricter than what runs were stopped at, but threshold {thresholds.goal:g} is beyond {at}, where {len(stopped)} of "
            f"{len({entry['run_id'] for entry in manifest['runs']})} runs were stopped; use a milder threshold, "
            f"or continue them with `{command(manifest, results, {'budget.stop.at_least': f'{thresholds.goal:g}'})}`"
        )


def objective(tables: Tables, column: str, when: str | int) -> Series:
    """`column` of every run, read at "end", at "grok" or at a step (the last value by then); NaN where it was not measured."""
    if isinstance(when, str):
        return tables.runs.get(f"{column}@{when}", pd.Series(nan, tables.runs.index)).astype(float)
    values = [nan if found.rows is None else value_of(found.rows, column, when, None) for found in tables.readings]
    return pd.Series(values, tables.runs.index).astype(float)
