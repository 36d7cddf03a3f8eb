"""What the tables say, in sentences. Every number and every verb is computed; nothing here knows what to expect."""

from __future__ import annotations

from math import inf, isfinite

from analysis.cells import curve
from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, layout, plain, split
from analysis.figures.theme import number, percent, short_word, steps_word, value_word, word
from analysis.frame import Frame, Series
from analysis.statistics import Interval, changed, earlier, holm, wilson

MOST_FACETS = 4
SURE = 0.05


def findings(tables: Tables) -> list[str]:
    """Sentences, the most important first; plain text whose names are escaped for HTML.

    Always at least one, also of a sweep of which nothing has finished.
    """
    if tables.done.empty:
        return [f"No run has finished yet, so there is nothing to say: {standing(tables)}"]
    told: list[str] = []
    groups = facets(tables)
    for title, cells in groups[:MOST_FACETS]:
        told += about(tables, title, cells)
    told += [f"The other {len(groups) - MOST_FACETS} groups of cells are in the figures and tables."] if len(groups) > MOST_FACETS else []
    told += [each for each in (fastest(tables), fell_back(tables), few_seeds(tables)) if each]
    return [*told, standing(tables)]


def facets(tables: Tables) -> list[tuple[str, Frame]]:
    """The cells table, cut into what differs only in the first axis."""
    where = layout(tables)
    return split(tables.cells, [*([where.y] if where.y.column else []), *where.rest])


def standing(tables: Tables) -> str:
    """How many runs were planned, and what became of them."""
    runs, done = tables.runs, tables.done
    n_failed, n_left = int((runs["state"] == "failed").sum()), int(runs["state"].isin(["missing", "unfinished", "damaged"]).sum())
    parts = [f"{len(done)} of {len(runs)} planned runs finished"]
    kinds = ", ".join(f"{count} {str(kind).replace('_', ' ')}" for kind, count in runs.loc[runs["state"] == "failed", "outcome"].value_counts().items())
    parts += [f"{n_failed} failed ({kinds}) and count for nothing"] if n_failed else []
    diverged = int(((done["outcome"] == "diverged") & ~done["event"]).sum())
    parts += [f"{diverged} diverged, and count as never generalising"] if diverged else []
    pruned = int((done["outcome"] == "pruned").sum())
    parts += [f"{pruned} were pruned by a scheduler, which biases what is said of late generalisers"] if pruned else []
    parts += [f"{n_left} are missing or unfinished (`{tables.manifest['command']}` trains them)"] if n_left else []
    return "; ".join(parts) + "."


def about(tables: Tables, title: str, cells: Frame) -> list[str]:
    """Sentences on the cells of one facet: how many generalise, what changes along x, where it breaks, what is sooner."""
    n, k = int(cells["n"].sum()), int(cells["n_grokked"].sum())
    if n == 0:
        return [f"{head(title)}no run has finished."]
    share = wilson(k, n)
    told = [
        f"{head(title)}{k} of {n} runs generalised within the budget ({percent(share.value)}, 95 % interval {percent(share.low)} to {percent(share.high)})."
    ]
    x, ordered = in_order(tables, cells)
    if not ordered:
        return told
    faster = sooner(tables, title, x, ordered)
    return [*told, *charge(tables, title, x, ordered), *([faster] if faster else [])]


def head(title: str) -> str:
    """The beginning of a sentence on one facet."""
    return f"{title}: " if title else ""


def spread(interval: Interval, digits: int = 3) -> str:
    """A value with its interval; without, where there are too few seeds for one."""
    if interval.low != interval.low:
        return number(interval.value, digits)
    return f"{number(interval.value, digits)} [{number(interval.low, digits)}, {number(interval.high, digits)}]"


def in_order(tables: Tables, cells: Frame) -> tuple[Dimension, list[Series]]:
    """The first axis, and the cells with finished runs along it; none where it has no order or there are fewer than two."""
    x = layout(tables).x
    known = cells[cells["n"] > 0]
    if not x.column or x.column in ("arm", "name") or len(known) < 2 or not all(value is None or isinstance(value, int | float) for value in x.values):
        return x, []
    return x, [known.loc[index] for index in sorted(known.index, key=lambda index: x.index(known.loc[index, x.column]))]


def final(cell: Series, name: str) -> Interval:
    """Mean over seeds of `name` at the end."""
    return Interval(*(float(cell[f"{name}@end{side}"]) for side in ("", "_low", "_high")))


def at(x: Dimension, cell: Series) -> str:
    """Where a cell stands, in words."""
    return f"{short_word(x.column)} = {value_word(plain(cell[x.column]))}"


def values(tables: Tables, cell: Series, column: str) -> list[float]:
    """`column` of the cell's finished runs."""
    if column not in tables.runs:
        return []
    return tables.done.loc[tables.done["cell"] == cell["cell"], column].dropna().astype(float).tolist()


def move(tables: Tables, name: str, low: Series, high: Series) -> tuple[int | None, str] | None:
    """How the mean of final `name` went from one cell to another: 1, -1, 0 or None (too few seeds), and in words."""
    column = f"{name}@end"
    sides = [values(tables, cell, column) for cell in (low, high)]
    if not all(sides):
        return None
    verdict = changed(sides[0], sides[1])
    means = " to ".join(spread(final(cell, name)) for cell in (low, high))
    if verdict == 0:
        return verdict, f"{word(name)} did not change measurably ({means})"
    return (
        verdict,
        f"{word(name)} {'rose' if verdict == 1 else 'fell' if verdict == -1 else 'went'} from {means}",
    )


def charge(tables: Tables, title: str, x: Dimension, ordered: list[Series]) -> list[str]:
    """What raising x does to depth or routing and to accuracy, up to where half of the runs still end generalised, and where it breaks."""
    good = [index for index, cell in enumerate(ordered) if held(tables, cell) >= 0.5]
    goal = f"{word(tables.thresholds.goal_column)} {tables.thresholds.goal:g} or better"
    if not good:
        return [f"{head(title)}at no {short_word(x.column)} do half of the runs end at {goal}."]
    told = [_saved(tables, title, x, ordered[0], ordered[good[-1]])] if good[-1] > 0 else []
    if good[-1] < len(ordered) - 1:
        ends = [
            f"{word(name)} {spread(final(ordered[-1], name))}"
            for name in (*costs(tables), tables.thresholds.goal_column)
            if values(tables, ordered[-1], f"{name}@end")
        ]
        told.append(
            f"{head(title)}it breaks at {at(x, ordered[good[-1] + 1])}: from there on, fewer than half of the runs end at {goal}; "
            f"at {at(x, ordered[-1])} they end with {', '.join(ends)}."
        )
    return told


def costs(tables: Tables) -> list[str]:
    """The columns that say how much a network computes."""
    return [name for name in ("effective_depth", "functional_depth", "routing_entropy_norm", "effective_heads", "hard_acc") if tables.has(name)]


def _saved(tables: Tables, title: str, x: Dimension, low: Series, high: Series) -> str:
    """How costs and accuracy changed between two cells that both stand, and whether a charge for depth was evaded or paid."""
    goal = tables.thresholds.goal_column
    moves = {name: found for name in (*costs(tables), goal) if (found := move(tables, name, low, high))}
    text = f"{head(title)}from {at(x, low)} to {at(x, high)}, {'; '.join(words for _, words in moves.values())}."
    if any(verdict is None for verdict, _ in moves.values()):
        return f"{text} There are too few seeds to test this."
    lost = moves.get(goal, (None, ""))[0] == (-1 if tables.goal.direction == "max" else 1)
    return text + paid(tables, low, high, lost)


def paid(tables: Tables, low: Series, high: Series, lost: bool) -> str:
    """Whether layers are needed no more, or only their gates were shrunk: what the sum of gates claims against what functional depth shows."""
    names = ("effective_depth", "functional_depth")
    sides = [[values(tables, cell, f"{name}@end") for cell in (low, high)] for name in names]
    claimed_way, real_way = (changed(before, after) if before and after else None for before, after in sides)
    if claimed_way != -1 or real_way is None:
        return ""
    claimed, real = (final(low, name).value - final(high, name).value for name in names)
    if real_way != -1:
        return f" The gates claim {number(claimed, 2)} layers saved, but no fewer are needed: the charge was evaded."
    if real < claimed / 2:
        return f" The gates claim {number(claimed, 2)} layers saved, but only {number(real, 2)} were: the charge was mostly evaded."
    return f" {number(real, 2)} layers were truly saved, {'and accuracy was lost' if lost else 'at no measurable cost in accuracy'}."


def held(tables: Tables, cell: Series) -> float:
    """Share of the cell's finished runs that end at the goal or better."""
    found = values(tables, cell, f"{tables.thresholds.goal_column}@end")
    goal, sign = tables.thresholds.goal, 1 if tables.goal.direction == "max" else -1
    return sum(sign * value >= sign * goal for value in found) / len(found) if found else 0.0


def sooner(tables: Tables, title: str, x: Dimension, ordered: list[Series]) -> str | None:
    """Which values of x generalise sooner or later than the least one, by Holm-adjusted log-rank tests."""
    runs = [tables.done[tables.done["cell"] == cell["cell"]] for cell in ordered]
    if min(map(len, runs)) < 2:
        return None
    times = [[row.t_grok if row.event else inf if row.outcome == "diverged" else row.horizon for row in each.itertuples()] for each in runs]
    events = [each["event"].tolist() for each in runs]
    p_values = holm([earlier((times[0], times[index]), (events[0], events[index])) for index in range(1, len(ordered))])
    horizon = min(float(cell["horizon"]) for cell in ordered)
    means = [curve(each).restricted_mean(horizon) for each in runs]
    words = {
        name: [value_word(plain(ordered[index + 1][x.column])) for index, p in enumerate(p_values) if p < SURE and sign * (means[index + 1] - means[0]) > 0]
        for name, sign in (("sooner", -1), ("later", 1))
    }
    parts = [f"{name} with {short_word(x.column)} = {listed(which)}" for name, which in words.items() if which]
    tested = "log-rank tests, Holm-adjusted, at the 5 % level"
    if not parts:
        return f"{head(title)}no {short_word(x.column)} made runs generalise measurably sooner or later than {at(x, ordered[0])} ({tested})."
    return f"{head(title)}runs generalised {', and '.join(parts)} than with {at(x, ordered[0])} ({tested})."


def listed(words: list[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def fastest(tables: Tables) -> str | None:
    """The cell whose median is first, of those where half of the runs generalise."""
    from analysis.figures.pareto import cell_label

    reached = [row for row in tables.cells.to_dict("records") if isfinite(row["median"])]
    if not reached:
        return "In no cell have half of the runs generalised within the budget."
    best = min(reached, key=lambda row: (row["median"], row["cell"]))
    interval = f" [{steps_word(best['median_low'])}, {steps_word(best['median_high'])}]" if best["n"] > 1 else ""
    when = f"half of the runs had generalised by step {steps_word(best['median'])}{interval}"
    return f"Fastest: {cell_label(tables, best)}, where {when}; {best['n_grokked']} of {best['n']} did."


def fell_back(tables: Tables) -> str | None:
    """Runs that generalised and ended below the goal."""
    done = tables.done
    n, k = int(done["event"].sum()), int(done["ungrokked"].sum())
    return f"{k} of the {n} runs that generalised had fallen back by their end." if k else None


def few_seeds(tables: Tables) -> str | None:
    """A warning where intervals cannot be had."""
    most = int(tables.cells["n"].max())
    return "No cell has more than one finished seed, so there are no intervals and nothing is tested." if most == 1 else None
