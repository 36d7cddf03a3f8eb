"""One page on several sweeps: how they differ, what was found, and every figure over all of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis import page, statistics_section
from analysis.collect import Tables
from analysis.figures.theme import safe
from analysis.findings import findings
from analysis.frame import Frame
from analysis.goal_words import words_of
from analysis.images import Kind
from analysis.report import Report, drawn, html, pictured
from analysis.standing import standing
from analysis.table_files import csv_of
from analysis.together import differences_table, together
from lal.reading import COUNTED
from lal.store import Store, folder_and_name

DIFFER = (
    "Settings that no sweep varies, and that are not the same in all of them, as their finished runs have them: whatever is found between the sweeps may be "
    "due to any of these. Several values: runs of that sweep differ in it, as with a setting that each arm has its own of."
)
ALIKE = "<p>Outside the axes, the finished runs of all sweeps have the same settings.</p>"


def write(
    sweeps: Sequence[tuple[Store, str]], target: str, threshold: float | None = None, png: bool = True, more: Sequence[Kind] = (), **phases: float | None
) -> Report:
    """Writes a page on all of `sweeps` to `target`, an .html file or URI, and tables and pictures into a folder beside it, named as it is.

    Args:
        threshold, phases: see `together.together`.   png, more: see `report.write`.

    Raises:
        Refused: see `together.together`.
    """
    tables = together(sweeps, threshold, **phases)
    figures, left_out = drawn(tables)
    told = told_of(tables)
    into, file = folder_and_name(target)
    store = Store(into or ".")
    beside = file.removesuffix(".html")
    for name in ("runs", "cells"):
        store.put(f"{beside}/{name}.csv", csv_of(tables, name))
    statistics_section.write(store, beside, tables, parquet=False)
    store.put(file, html(tables, figures, told, left_out, compared(tables), beside))
    reason = pictured(store, beside, figures, [*(["png"] if png else []), *more])
    return Report(store.where(file), told, left_out, reason)


def told_of(tables: Tables) -> list[str]:
    """Findings over all sweeps, then how many runs each has."""
    return [*findings(tables)[:-1], *(f"{safe(name)}: {standing(part)}" for name, part in zip(tables.manifest["names"], tables.parts, strict=True))]


def compared(tables: Tables) -> list[str]:
    """HTML: the sweeps beside one another, and what else tells them apart."""
    differ = differences_table(tables)
    body = f"<p>{DIFFER}</p>{page.html_table(differ)}" if len(differ) else ALIKE
    return ["<h2>The sweeps</h2>", page.html_table(sides(tables)), "<h2>What else is different</h2>", body]


def sides(tables: Tables) -> Frame:
    """A row a sweep: how many runs it has and what became of them."""
    rows = []
    for name, part in zip(tables.manifest["names"], tables.parts, strict=True):
        runs = part.distinct
        n_done, n_failed = int(runs["state"].isin(COUNTED).sum()), int((runs["state"] == "failed").sum())
        counts = {
            "planned": len(runs),
            "finished": n_done,
            "failed": n_failed,
            "missing": len(runs) - n_done - n_failed,
            words_of(tables.manifest).past: int(runs["event"].sum()),
        }
        places = {each.record.environment.get("commit") or "no clone" for each in part.readings if each.record}
        rows.append({"sweep": safe(name), **counts, "code": safe("; ".join(sorted(each[:12] for each in places)))})
    return pd.DataFrame(rows)
