"""The report's tables of statistics: of cells, of comparisons, of scaling, of boundaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape, unescape
from math import inf

import pandas as pd

from analysis import comparisons, page, scaling, table_files
from analysis.boundaries import Line, line_of
from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, layout, plain, split
from analysis.figures.theme import number, safe, short_word, value_word
from analysis.frame import Frame, Series
from analysis.goal_words import GoalWords, words_of
from analysis.once import once
from analysis.pooled import pruned_cells
from analysis.statistics import CONFIDENCE
from lal.store import Store

COUNTS = ("n", "n_grokked", "n_censored", "n_diverged", "n_pruned", "n_failed", "n_missing")
DASH = "–"  # of a bound that is beyond what was tried
COUNTED_ASIDE = ("diverged", "pruned", "failed", "missing")
COMPARED_ENDS = {"difference in steps": ("low", "high"), "paired difference": ("paired low", "paired high")}
INTERVALS = {"p": "P", "median": "median", "restricted_mean": "restricted mean"}
CELLS_ENDS = {label: (f"{label} low", f"{label} high") for label in INTERVALS.values()}


def section(tables: Tables) -> list[str]:
    """HTML parts: each table folded away under what it is, with how to read it."""
    if tables.done.empty:
        return []
    told, law, words = comparisons.comparisons(tables), scaling.scaling(tables), words_of(tables.manifest)
    compared = (
        page.details("Comparisons", f"<p>{COMPARED}{left_out(tables)}</p>{page.html_table(short(comparisons.table(told), COMPARED_ENDS))}") if told else ""
    )
    fitted = page.details(words.say("How the time to generalise scales"), scaled(law, words)) if law is not None else ""
    lines = boundaries_table(tables)
    bounded = (
        page.details(
            words.say("Where runs begin to generalise"), f"<p>{words.say(BOUNDED)}</p>{page.html_table(short(lines, {'P = 1/2 at': ('low', 'high')}))}"
        )
        if len(lines)
        else ""
    )
    cells = page.details("Every cell", f"<p>{words.say(CELLS)}</p>{page.html_table(short(cells_table(tables), CELLS_ENDS, COUNTED_ASIDE))}")
    return ["<h2>Statistics</h2>", *(part for part in (cells, compared, fitted, bounded) if part)]


def numbers(tables: Tables) -> dict[str, Frame]:
    """What is compared and fitted as tables of plain text and numbers, by name, those alone that have a row."""
    law = scaling.scaling(tables) if len(tables.done) else None
    found = {"comparisons": comparisons.table(comparisons.comparisons(tables)), "boundaries": boundaries_table(tables) if len(tables.done) else pd.DataFrame()}
    found |= {"scaling": scaling.table(law) if isinstance(law, scaling.Scaling) else pd.DataFrame()}
    return {name: told.map(lambda value: unescape(value) if isinstance(value, str) else value) for name, told in found.items() if len(told)}


def write(store: Store, into: str, tables: Tables, parquet: bool = True) -> None:
    """Writes these tables into folder `into` as CSV, and parquet; of those that have no row any more none stays."""
    found = numbers(tables)
    for name in ("comparisons", "scaling", "boundaries"):
        for ending, made in (("csv", table_files.csv), *([("parquet", table_files.parquet)] if parquet else [])):
            if name in found:
                store.put(f"{into}/{name}.{ending}", made(found[name]))
            else:
                store.remove(f"{into}/{name}.{ending}")


CELLS = (
    "n runs are those that count: generalised, censored at the budget, diverged or pruned; failed and missing ones do not (columns that would be 0 throughout "
    "are left out). P: share that generalised, with "
    "Wilson’s interval. Median and restricted mean: of the steps to generalise, by Kaplan and Meier’s curve; the latter up to a horizon that all cells share."
)
COMPARED = (
    "Difference: of restricted means, to less from; negative is sooner. p: log-rank test within points, exact where runs are few; Holm’s adjustment is "
    "among the values of one facet, and among pairs of arms. Pairs: runs of one seed; the mean difference over seeds, of times cut to what is known of all, "
    "with Student’s interval (none where all pairs differ alike: nothing to measure it by), and a sign-flip permutation test."
)
BOUNDED = (
    "Where P(generalise by the budget) = 1/2 by Firth’s penalised logistic fit, with the wider of a parametric bootstrap’s 95 % band and one over seeds. "
    "A dash: beyond what was tried. An axis with a 0 or none is taken in the order of its values, and the place lies between two of them."
)


def short(told: Frame, ends: Mapping[str, tuple[str, str]], aside: Sequence[str] = ()) -> Frame:
    """`told` as a page has room for it: each of `ends` in one column, value [low, high], and no column of `aside` that is 0 throughout."""
    kept = told.drop(columns=[name for name in aside if name in told and not told[name].any()])
    for name, (low, high) in ends.items():
        kept[name] = [interval(*each) for each in zip(kept[name], kept[low], kept[high], strict=True)]
    return kept.drop(columns=[end for both in ends.values() for end in both])


def interval(value: float | str, low: float | str, high: float | str) -> str:
    """A value with its interval, if it has one."""
    known = any(end == end and end not in (inf, DASH) for end in (low, high))
    return f"{page.shown(value)} [{page.shown(low)}, {page.shown(high)}]" if known else page.shown(value)


def left_out(tables: Tables) -> str:
    """How many cells pruning keeps out of what is pooled, if any."""
    cells = pruned_cells(tables)
    return f" Left out: {len(cells)} cells in which runs were pruned for being late." if cells else ""


def cells_table(tables: Tables) -> Frame:
    """One row a cell: where it stands, counts, and the estimates with intervals; text is escaped."""
    where = layout(tables)
    axes = [each for each in (where.x, where.y, *where.rest, *where.implied) if each.column]
    ends = [f"{name}{end}" for name in INTERVALS for end in ("", "_low", "_high")]
    rows = []
    for cell in tables.cells[[*dict.fromkeys(each.column for each in axes), *COUNTS, *ends]].to_dict("records"):
        row = {short_word(axis.column) if axis.column not in ("arm", "name") else axis.column: _value(axis, cell) for axis in axes}
        row |= {name.removeprefix("n_").replace("grokked", words_of(tables.manifest).past): int(cell[name]) for name in COUNTS}
        for name, label in INTERVALS.items():
            row |= {label: cell[name], f"{label} low": cell[f"{name}_low"], f"{label} high": cell[f"{name}_high"]}
        rows.append(row)
    return pd.DataFrame(rows)


def _value(axis: Dimension, cell: Series) -> str:
    return safe(str(cell[axis.column])) if axis.column in ("arm", "name") else value_word(plain(cell[axis.column]))


def scaled(law: scaling.Scaling | str, words: GoalWords) -> str:
    """The fit as HTML, or why there is none."""
    if isinstance(law, str):
        return f"<p>No power law was fitted: {escape(law)}.</p>"
    bent = "; it is not" if law.bend_p < 1 - CONFIDENCE else ""
    bend = "" if law.bend_p != law.bend_p else f" Test that it is straight in logs: p = {number(law.bend_p, 2)}{bent}."
    broke = f", {law.n_diverged} diverged (censored there)" if law.n_diverged else ""
    out = f" {law.left_out} cells with pruned runs are left out." if law.left_out else ""
    text = (
        f"T goes as the setting to the exponent, all else alike. Accelerated failure times, {law.law} (least AIC of three), {law.n} runs: "
        f"{law.n_grokked} {words.past}{broke}; {law.n_groups} groups with levels of their own.{bend}{out} "
        "Surveyed exponents are of other networks: docs/statistics.md."
    )
    return f"<p>{text}</p>{page.html_table(short(scaling.table(law), {'exponent': ('low', 'high')}))}"


@once
def boundaries_table(tables: Tables) -> Frame:
    """One row a facet whose P = 1/2 along x lies within what was tried."""
    where = layout(tables)
    if not where.x.column or where.x.column in ("arm", "name"):
        return pd.DataFrame()
    rows = []
    for title, cells in split(tables.cells, [*([where.y] if where.y.column else []), *where.rest]):
        line = line_of(tables, cells, where.x)
        if not isinstance(line, Line) or line.word(float(line.found.place[0])) == DASH:
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
