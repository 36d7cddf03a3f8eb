"""Results for notebooks and scripts: a sweep as tables, figures and findings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from html import unescape
from typing import Any, final

import pandas as pd
import plotly.graph_objects as go

from analysis.collect import Tables, collect
from analysis.frame import Frame, Series
from analysis.naming import found
from analysis.snapshots import Arrays
from lal.errors import Refused, nearest
from lal.store import Store

Address = str | os.PathLike[str]
KEYS = ("run_id", "cell", "arm", "name", "seed", "step")


def load(sweep: Address, results: Address = "results", profile: str | None = None, threshold: float | None = None, **phases: float | None) -> Sweep:
    """A sweep's results. What was read of its runs before is taken from beside its tables; only what is new is read.

    Args:
        sweep: its name, or the path or URI of its folder: `load("quickstart")`, `load("results/sweeps/quickstart")`, `load("s3://bucket/lal/sweeps/quickstart")`.
        results: the folder of results, where `sweep` is a name.   profile: that it was run with, such as laptop.
        threshold, phases: see `analysis.collect.collect`.

    Raises:
        Refused: there is no such sweep, or a threshold is stricter than runs were stopped at.
    """
    store, folder = found(os.fspath(sweep), os.fspath(results), profile, "what is loaded")
    return Sweep(collect(store, folder, threshold, **phases), store)


@final
class Sweep:
    """One sweep: what was planned, and what was found of it.

    Attributes:
        tables: what all the rest is made of; see `analysis.collect.Tables`.
    """

    def __init__(self, tables: Tables, store: Store):
        self.tables, self._store = tables, store

    def __repr__(self) -> str:
        return f"<{self.standing}>"

    @property
    def runs(self) -> Frame:
        """One row for each run that was planned, whatever became of it: see `analysis.run_row`."""
        return self.tables.runs.copy()

    @property
    def cells(self) -> Frame:
        """One row a point of an arm, over its seeds: see `analysis.cells.cells`."""
        return self.tables.cells.copy()

    @property
    def standing(self) -> str:
        """How many runs were planned, and how many of them are here: never silently fewer."""
        from analysis.standing import standing

        return f"{self.tables.manifest.get('folder', self.tables.manifest['name'])}: {unescape(standing(self.tables))}"

    @property
    def columns(self) -> list[str]:
        """Names of what can be asked of the history."""
        return list(self.tables.history.columns)

    def history(self, *columns: str, **where: Any) -> Frame:
        """One row an evaluation: `columns`, with run, cell, arm, axes, seed and step before them. Nothing else is read.

        Args:
            columns: measured ones; none: all, which for thousands of runs is gigabytes.
            where: values, or lists of values, of columns of the runs table: `history("test_acc", arm="hard", seed=[0, 1])`.

        Raises:
            Refused: there is no such column; or no run was planned with such an arm, seed or value on an axis.
        """
        refuse_unknown(columns, self.columns, "a column of the history")
        refuse_unknown(where, list(self.tables.runs.columns), "a column of runs")
        for name in (each for each in where if each in (*KEYS[:-1], *self.tables.axes)):  # others are what runs came to, which may be nothing of the kind
            refuse_unplanned(self.tables.runs[name], listed(where[name]))
        names = list(dict.fromkeys([*KEYS[:4], *self.tables.axes, *KEYS[4:], *(columns or self.columns)]))
        rows = self.tables.history[[name for name in names if name in self.columns]]
        if not where:
            return rows
        kept = pd.Series(True, self.tables.runs.index)
        for name, value in where.items():
            kept &= self.tables.runs[name].isin(listed(value))
        keys = ["run_id", "cell"]
        return rows.merge(self.tables.runs.loc[kept, keys].drop_duplicates(), on=keys)

    def arrays(self, run_id: str) -> Arrays:
        """What a run kept at its last snapshot, as arrays by name (weights of heads, gates, spectra): `lal/snapshots.py` says which. Empty where it kept none.

        Raises:
            Refused: there is no such run.
        """
        known = self.tables.runs["run_id"].tolist()
        refuse_unknown([run_id], known, "a run of the sweep")
        kept = self.tables.snapshots(known.index(run_id))
        return kept.arrays(kept.steps[-1]) if kept and kept.steps else {}

    @property
    def findings(self) -> list[str]:
        """What was found, in sentences, computed from the tables."""
        from analysis.commands import plain
        from analysis.findings import findings

        return [plain(sentence) for sentence in findings(self.tables)]

    @property
    def figures(self) -> dict[str, str]:
        """Names of the figures that this sweep has, or could have, with their titles."""
        from analysis.figures import MEMBERS

        return {name: member.TITLE for name, member in MEMBERS.items()}

    def figure(self, name: str, **options: Any) -> go.Figure:
        """A figure by name: `figure("phase", view="probability")`.

        Raises:
            Refused: there is no such figure, or it does not apply to this sweep, and why.
        """
        from analysis.figures import MEMBERS

        refuse_unknown([name], list(MEMBERS), "a figure")
        info = MEMBERS[name].prepare(self.tables, **options)
        if isinstance(info, str):
            raise Refused(f"figure {name} must apply to the sweep, but {info}; choose another figure")
        return MEMBERS[name].draw(info)

    @cached_property
    def environments(self) -> Frame:
        """What finished runs were trained with: one row for each commit, versions and machine, with how many runs. More than one row is a mixture."""
        there = pd.DataFrame([_environment(each.record.environment) for each in self.tables.readings if each.record])
        return there.value_counts(dropna=False, sort=False).rename("n_runs").reset_index() if len(there) else there

    @property
    def mixed(self) -> list[str]:
        """What is not the same for all finished runs, of commit, uncommitted changes, versions and device: differences between them may be due to it."""
        return [name for name in self.environments.columns if name not in ("n_runs", "host", "threads") and self.environments[name].nunique(dropna=False) > 1]

    def sql(self, query: str) -> Frame:
        """The answer to a query over the tables `runs`, `cells` and `history`, by duckdb: the extra `sql` brings it.

        Raises:
            Refused: duckdb is not installed.
        """
        try:
            import duckdb  # type: ignore[import-not-found]
        except ImportError as reason:
            raise Refused("SQL needs duckdb, but it is not installed; `pip install 'lal[sql]'`") from reason
        with duckdb.connect(config={"enable_external_access": False}) as connection:
            connection.register("runs", self.tables.runs)
            connection.register("cells", self.tables.cells)
            if "history" in query.lower():
                wanted = [name for name in self.columns if name.lower() in query.lower()]
                connection.register("history", self.history(*wanted) if "*" not in query else self.history())
            return connection.sql(query).df()


def _environment(of: Mapping[str, Any]) -> dict[str, Any]:
    versions = {name: value for name, value in (of.get("versions") or {}).items() if value}
    return {name: of.get(name) for name in ("commit", "dirty", "device", "host", "threads")} | versions


def listed(value: Any) -> list[Any]:
    """Several values, of whatever holds them, or one."""
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else [value]


def refuse_unplanned(column: Series, values: list[Any]) -> None:
    """Refuses a value that no run was planned with, with the nearest that one was."""
    for value in values:
        if not column.isin([value]).any():
            raise Refused(f"{column.name} must be that of a run of the sweep, but got {value!r}; {nearest(str(value), [*column.astype(str).unique()])}")


def refuse_unknown(names: Any, known: list[str], what: str) -> None:
    """Refuses a name that is not known, with the nearest that is."""
    for name in names:
        if name not in known:
            raise Refused(f"{what} must be one that there is, but got {name!r}; {nearest(name, known)}")
