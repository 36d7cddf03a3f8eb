"""What the tables say, in sentences. Every number and every verb is computed; nothing here knows what to expect."""

from __future__ import annotations

from math import isfinite, isnan

from analysis import control, order_findings, spreading_findings, staircase_findings
from analysis.charge_findings import charge
from analysis.collect import Tables
from analysis.comparisons import along, comparisons
from analysis.figures.dimensions import Dimension, layout, split
from analysis.figures.theme import median_word, number, percent, short_word, steps_word
from analysis.frame import Frame, Series
from analysis.goal_words import words_of
from analysis.ordered_cells import either, head, in_order, spread
from analysis.pooled import poolable, pruned_cells
from analysis.scaling import scaling
from analysis.standing import standing
from analysis.statistics import CONFIDENCE, Interval, wilson
from lal.reading import COUNTED

MOST_FACETS = 4
SURE = 1 - CONFIDENCE


def findings(tables: Tables) -> list[str]:
    """Sentences, the most important first; plain text whose names are escaped for HTML.

    Always at least one, also of a sweep of which nothing has finished.
    """
    if tables.done.empty:
        return [f"No run has finished what this sweep asks for, so there is nothing to say: {standing(tables)}"]
    asked = (control, order_findings, spreading_findings, staircase_findings)  # what sweeps of their kinds ask, before cells are compared pair by pair
    told = [sentence for each in asked for sentence in each.sentences(tables)]
    groups = facets(tables)
    for title, cells in groups[:MOST_FACETS]:
        told += about(tables, title, cells) if title else [f"{each[0].upper()}{each[1:]}" for each in about(tables, title, cells)]
    n_more = len(groups) - MOST_FACETS
    told += [f"{either(n_more, 'One more group of cells is', f'The other {n_more} groups of cells are')} in the figures and tables."] if n_more > 0 else []
    told += arms_apart(tables)
    told += [each for each in (scales(tables), fastest(tables), fell_back(tables), few_seeds(tables), hidden_by_pruning(tables)) if each]
    return [*told, standing(tables)]


def facets(tables: Tables) -> list[tuple[str, Frame]]:
    """The cells table, cut into what differs only in the first axis."""
    where = layout(tables)
    return split(tables.cells, [*([where.y] if where.y.column else []), *where.rest])


def about(tables: Tables, title: str, cells: Frame) -> list[str]:
    """Sentences on the cells of one facet: how many generalise, what changes along x, where it breaks, what is sooner."""
    done = tables.done[tables.done["cell"].isin(cells["cell"])].drop_duplicates("run_id")
    n, k = len(done), int(done["event"].sum())
    if n == 0:
        return [f"{head(title)}no run has finished."]
    share = wilson(k, n)
    interval = f"{percent(share.value)}, 95 % interval {percent(share.low)} to {percent(share.high)}"
    told = [f"{head(title)}{k} of {n} runs {words_of(tables.manifest).past} within the budget ({interval})."]
    if n_short := int((done["state"] == "outgrown").sum()):
        told[0] = f"{told[0][:-1]}, of which {n_short} have not had all of it yet."
    x, ordered = in_order(tables, cells)
    if not ordered:
        return told
    faster = sooner(tables, title, x, ordered)
    return [*told, *charge(tables, title, x, ordered), *([faster] if faster else [])]


def sooner(tables: Tables, title: str, x: Dimension, ordered: list[Series]) -> str | None:
    """Which values of x generalise sooner or later than the least one, by Holm-adjusted log-rank tests; cells with pruned runs are left out."""
    runs = poolable(tables)
    told = along(x, title, runs[runs["cell"].isin([cell["cell"] for cell in ordered])])
    if not told or min(n for each in told for n in each.n) < 2 or all(isnan(each.p) for each in told):
        return None
    words = words_of(tables.manifest)
    if all(each.way is None for each in told):
        return f"{head(title)}there are too few seeds to test which {short_word(x.column)} makes runs {words.base} sooner."
    ways = {name: [each.after for each in told if each.way == way] for name, way in (("sooner", -1), ("later", 1))}
    parts = [f"{name} with {short_word(x.column)} = {listed(which)}" for name, which in ways.items() if which]
    tested, first = "log-rank tests, Holm-adjusted, at the 5 % level", f"{short_word(x.column)} = {told[0].before}"
    if not parts:
        return f"{head(title)}no {short_word(x.column)} made runs {words.base} measurably sooner or later than {first} ({tested})."
    return f"{head(title)}runs {words.past} {', and '.join(parts)} than with {first} ({tested})."


def arms_apart(tables: Tables) -> list[str]:
    """Which arm generalises sooner, over the points that two of them share."""
    told, words = [], words_of(tables.manifest)
    for each in (one for one in comparisons(tables) if one.column == "arm"):
        points = f"{each.points} {either(each.points, 'point', 'points')} that both have"
        if each.way is None:
            continue
        if each.way == 0:
            told.append(f"{each.after} and {each.before} do not {words.base} at measurably different times over the {points} (log-rank test within points).")
            continue
        size = f"{steps_word(abs(each.difference.value))} steps"
        by = f" by {size} on average up to the horizon" if each.agrees and abs(each.difference.value) >= 1 else ""
        which, other = ("sooner", "later") if each.way < 0 else ("later", "sooner")
        if each.way * each.difference.value < 0:
            by = f" at most points (though {size} {other} on average up to the horizon, which slow points decide)"
        told.append(
            f"{each.after} {words.third} {which} than {each.before}{by}, over the {points} (log-rank test within points, Holm-adjusted, at the 5 % level)."
        )
    return told


def scales(tables: Tables) -> str | None:
    """The power law of times, where the sweep varies a setting that one can be fitted to."""
    law = scaling(tables)
    if law is None or isinstance(law, str):
        return None
    powers = [f"{spread(each.value)}{'' if isnan(each.surveyed) else f' (survey: {each.surveyed:g})'}".replace("-", "−") for each in law.exponents]
    parts = [f"{each.label} to the {power}" for each, power in zip(law.exponents, powers, strict=True)]
    bent = f" The law is not straight in logs (p = {number(law.bend_p, 2)}): these are average slopes." if law.bend_p < SURE else ""
    broke = f", {law.n_diverged} diverged" if law.n_diverged else ""
    words, of = words_of(tables.manifest), f"{law.law} accelerated failure times of {law.n} runs"
    return f"Time to {words.base} goes as {listed(parts)} ({of}: {law.n_grokked} {words.past}{broke}).{bent}"


def hidden_by_pruning(tables: Tables) -> str | None:
    """How many cells are kept out of what is pooled."""
    cells = pruned_cells(tables)
    if not cells:
        return None
    them = either(len(cells), "it", "them")
    cut = f"In {len(cells)} {either(len(cells), 'cell', 'cells')} runs were pruned for being late"
    return f"{cut}: comparisons, exponents and boundaries leave {them} out."


def listed(words: list[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def fastest(tables: Tables) -> str | None:
    """The cell whose median is first, of those where half of the runs generalise."""
    from analysis.figures.pareto_planes import cell_label

    reached = [row for row in tables.cells.to_dict("records") if isfinite(row["median"])]
    if not reached:
        return f"In no cell have half of the runs {words_of(tables.manifest).past} within the budget."
    best = min(reached, key=lambda row: (row["median"], row["cell"]))
    median = median_word(Interval(best["median"], best["median_low"], best["median_high"]), best["n"])
    when = f"half of the runs had {words_of(tables.manifest).past} by step {median}"
    return f"Fastest: {cell_label(tables, best)}, where {when}; {best['n_grokked']} of {best['n']} did."


def fell_back(tables: Tables) -> str | None:
    """Runs that generalised and ended below the goal."""
    done = tables.distinct[tables.distinct["state"].isin(COUNTED)]
    n, k = int(done["event"].sum()), int(done["ungrokked"].sum())
    return f"{k} of the {n} {either(n, 'run', 'runs')} that {words_of(tables.manifest).past} had fallen back by {either(n, 'its', 'their')} end." if k else None


def few_seeds(tables: Tables) -> str | None:
    """A warning where intervals cannot be had."""
    most = int(tables.cells["n"].max())
    return "No cell has more than one finished seed, so there are no intervals and nothing is tested." if most == 1 else None
