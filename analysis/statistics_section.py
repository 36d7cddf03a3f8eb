"""The report's tables of statistics: of cells, of comparisons, of scaling, of boundaries."""

from __future__ import annotations

from html import escape

import pandas as pd

from analysis import comparisons, page, scaling
from analysis.boundaries import Line, line_of
from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, layout, plain, split
from analysis.figures.theme import number, safe, short_word, value_word
from analysis.frame import Frame, Series
from analysis.pooled import pruned_cells

COUNTS = ("n", "n_grokked", "n_censored", "n_diverged", "n_pruned", "n_failed", "n_missing")
INTERVALS = {"p": "P", "median": "median", "restricted_mean": "restricted mean"}


def section(tables: Tables) -> list[str]:
    """HTML parts: each table folded away under what it is, with how to read it."""
    if tables.done.empty:
        return []
    told, law = comparisons.comparisons(tables), scaling.scaling(tables)
    compared = page.details("Comparisons", f"<p>{COMPARED}{left_out(tables)}</p>{page.html_table(comparisons.table(told))}") if told else ""
    fitted = page.details("How the time to generalise scales", scaled(law)) if law is not None else ""
    lines = boundaries_table(tables)
    bounded = page.details("Where runs begin to generalise", f"<p>{BOUNDED}</p>{page.html_table(lines)}") if len(lines) else ""
    cells = page.details("Every cell", f"<p>{CELLS}</p>{page.html_table(cells_table(tables))}")
    return ["<h2>Statistics</h2>", *(part for part in (cells, compared, fitted, bounded) if part)]


CELLS = (
    "n runs are those that count: generalised, censored at the budget, diverged or pruned; failed and missing ones do not. P: share that generalised, with "
    "Wilson’s interval. Median and restricted mean: of the steps to generalise, by Kaplan and Meier’s curve; the latter up to a horizon that all cells share."
)
COMPARED = (
    "Difference: of restricted means, to less from; negative is sooner. p: log-rank test within points, exact where runs are few; Holm’s adjustment is "
    "among the values of one facet, and among pairs of arms. Pairs: runs of one seed; the mean difference over seeds with Student’s interval, "
    "and a sign-flip permutation test."
)
BOUNDED = (
    "Where P(generalise by the budget) = 1/2 by Firth’s penalised logistic fit, with the wider of a parametric bootstrap’s 95 % band and one over seeds. "
    "A dash: beyond what was tried. An axis with a 0 or none is taken in the order of its values, and the place lies between two of them."
)


def left_out(tables: Tables) -> str:
    """How many cells pruning keeps out of what is pooled, if any."""
    cells = pruned_cells(tables)
    return f" Left out: {len(cells)} cells in which runs were pruned for being late." if cells else ""


def cells_table(tables: Tables) -> Frame:
    """One row a cell: where it stands, counts, and the estimates with intervals; text is escaped."""
    where = layout(tables)
    axes = [each for each in (where.x, where.y, *where.rest, *where.implied) if each.column]
    rows = []
    for cell in tables.cells.to_dict("records"):
        row = {short_word(axis.column) if axis.column not in ("arm", "name") else axis.column: _value(axis, cell) for axis in axes}
        row |= {name.removeprefix("n_").replace("grokked", "generalised"): int(cell[name]) for name in COUNTS}
        for name, label in INTERVALS.items():
            row |= {label: cell[name], f"{label} low": cell[f"{name}_low"], f"{label} high": cell[f"{name}_high"]}
        rows.append(row)
    return pd.DataFrame(rows)


def _value(axis: Dimension, cell: Series) -> str:
    return safe(str(cell[axis.column])) if axis.column in ("arm", "name") else value_word(plain(cell[axis.column]))


def scaled(law: scaling.Scaling | str) -> str:
    """The fit as HTML, or why there is none."""
    if isinstance(law, str):
        return f"<p>No power law was fitted: {escape(law)}.</p>"
    bend = "" if law.bend_p != law.bend_p else f" Test that it is straight in logs: p = {number(law.bend_p, 2)}{'; it is not' if law.bend_p < 0.05 else ''}."
    broke = f", {law.n_diverged} diverged (censored there)" if law.n_diverged else ""
    out = f" {law.left_out} cells with pruned runs are left out." if law.left_out else ""
    text = (
        f"T goes as the setting to the exponent, all else alike. Accelerated failure times, {law.law} (least AIC of three), {law.n} runs: "
        f"{law.n_grokked} generalised{broke}; {law.n_groups} groups with levels of their own.{bend}{out} "
        "Surveyed exponents are of other networks: docs/statistics.md."
    )
    return f"<p>{text}</p>{page.html_table(scaling.table(law))}"


def boundaries_table(tables: Tables) -> Frame:
    """One row a facet whose P = 1/2 along x lies within what was tried."""
    where = layout(tables)
    if not where.x.column or where.x.column in ("arm", "name"):
        return pd.DataFrame()
    rows = []
    for title, cells in split(tables.cells, [*([where.y] if where.y.column else []), *where.rest]):
        line = line_of(tables, cells, where.x)
        if not isinstance(line, Line) or line.word(float(line.found.place[0])) == "–":
            continue
        place, low, high = (line.word(float(each[0])) for each in (line.found.place, line.found.low, line.found.high))
        beyond = "more" if line.found.coefficients[1] > 0 else "less"
        rows.append(
            {
                "within": title,
                "axis": short_word(where.x.column),
                "P = 1/2 at": place,
                "low": low,
                "high": high,
                "beyond, runs generalise": beyond,
                "runs": line.n,
            }
        )
    return pd.DataFrame(rows)
