"""What the tables say, in sentences. Every number and every verb is computed; nothing here knows what to expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan

from analysis import control, order_findings, spreading_findings, staircase_findings
from analysis.cells import bounds
from analysis.choice import BY_CONSTRUCTION, is_hard
from analysis.collect import Tables
from analysis.comparisons import along, comparisons
from analysis.depth_bound import AT_MOST, bounded_cells
from analysis.figures.dimensions import Dimension, layout, plain, split
from analysis.figures.theme import median_word, number, percent, safe, short_word, steps_word, value_word, word
from analysis.frame import Frame, Series
from analysis.goal_words import words_of
from analysis.pooled import poolable, pruned_cells
from analysis.scaling import scaling
from analysis.statistics import Interval, directions, mean_interval, wilson
from lal.reading import COUNTED, LACKING

MOST_FACETS = 4
SURE = 0.05


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
        told += about(tables, title, cells)
    told += [f"The other {len(groups) - MOST_FACETS} groups of cells are in the figures and tables."] if len(groups) > MOST_FACETS else []
    told += arms_apart(tables)
    told += [each for each in (scales(tables), fastest(tables), fell_back(tables), few_seeds(tables), hidden_by_pruning(tables)) if each]
    return [*told, standing(tables)]


def facets(tables: Tables) -> list[tuple[str, Frame]]:
    """The cells table, cut into what differs only in the first axis."""
    where = layout(tables)
    return split(tables.cells, [*([where.y] if where.y.column else []), *where.rest])


def standing(tables: Tables) -> str:
    """How many runs were planned, and what became of them; one that arms share is counted once."""
    runs = tables.distinct
    done = runs[runs["state"] == "done"]
    n_failed = int((runs["state"] == "failed").sum())
    parts = [f"{len(done)} of {len(runs)} planned runs finished"]
    kinds = ", ".join(f"{count} {str(kind).replace('_', ' ')}" for kind, count in runs.loc[runs["state"] == "failed", "outcome"].value_counts().items())
    parts += [f"{n_failed} failed ({kinds}) and {either(n_failed, 'counts', 'count')} for nothing"] if n_failed else []
    n_outgrown = int((runs["state"] == "outgrown").sum())
    stopped = either(n_outgrown, "counts as censored where it stopped", "count as censored where they stopped")
    n_refused = sum(tables.readings[index].failure is not None for index in runs.index[runs["state"] == "outgrown"])
    more = f"`{safe(tables.command())}` continues {either(n_outgrown, 'it', 'them')}{f'; {n_refused} failed at that' if n_refused else ''}"
    parts += [f"{n_outgrown} finished under a smaller budget than is asked now, and {stopped} ({more})"] if n_outgrown else []
    diverged = int(((done["outcome"] == "diverged") & ~done["event"]).sum())
    never = f"never {words_of(tables.manifest).going}"
    parts += [f"{diverged} diverged, and {either(diverged, 'counts', 'count')} as {never}"] if diverged else []
    pruned = int((done["outcome"] == "pruned").sum())
    parts += [f"{pruned} {either(pruned, 'was', 'were')} pruned by a scheduler, which biases what is said of late ones"] if pruned else []
    parts += left(tables, runs["state"])
    n_shared = len(tables.runs) - len(runs)
    parts += [f"arms share some, so that there are {len(tables.runs)} rows in the tables"] if n_shared else []
    return "; ".join(parts) + "."


def left(tables: Tables, states: Series) -> list[str]:
    """What the sweep's command would train, and what of it is there but cannot be read."""
    n_damaged, n_left = int((states == "damaged").sum()), int(states[states != "damaged"].isin(LACKING).sum())
    again = f"`{safe(tables.command())}` trains"
    of = either(n_damaged, "its record or history", "their records or histories")
    told = [f"{n_damaged} damaged ({of} cannot be read; {again} {either(n_damaged, 'it', 'them')} again)"] if n_damaged else []
    return [*told, *([f"{n_left} {either(n_left, 'is', 'are')} missing or unfinished ({again} {either(n_left, 'it', 'them')})"] if n_left else [])]


def either(n: int, one: str, more: str) -> str:
    """The word for so many."""
    return one if n == 1 else more


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


def at(x: Dimension, cell: Series) -> str:
    """Where a cell stands, in words."""
    return f"{short_word(x.column)} = {value_word(plain(cell[x.column]))}"


def held(tables: Tables, cell: Series) -> float:
    """Share of the cell's finished runs that end at the goal or better."""
    return int(cell["n_held"]) / int(cell["n"])


def values(tables: Tables, cell: Series, column: str) -> list[float]:
    """`column` of the cell's finished runs that end at the goal: what a broken network needs is no measure of what could be saved."""
    if column not in tables.runs:
        return []
    done = tables.done
    return done.loc[(done["cell"] == cell["cell"]) & done["held"], column].dropna().astype(float).tolist()


def final(tables: Tables, cell: Series, name: str) -> Interval:
    """Mean of `name` at the end, over the seeds that end at the goal."""
    column = f"{name}@end"
    return mean_interval(values(tables, cell, column), *bounds(column))


@dataclass(frozen=True)
class Move:
    """How the mean of a final column went from one cell to another: `way` 1, -1, 0, or None (too few seeds to say); before and after."""

    name: str
    way: int | None
    before: Interval
    after: Interval

    def told(self) -> str:
        """In words."""
        means = f"{spread(self.before)} to {spread(self.after)}"
        if self.way == 0:
            return f"{word(self.name)} did not change measurably ({means})"
        return f"{word(self.name)} {'rose' if self.way == 1 else 'fell' if self.way == -1 else 'went'} from {means}"

    @property
    def saved(self) -> float:
        """By how much the mean is less."""
        return self.before.value - self.after.value


def moved(tables: Tables, names: Sequence[str], low: Series, high: Series) -> dict[str, Move]:
    """The moves of those of `names` that both cells have, tested together."""
    sides = {name: (values(tables, low, f"{name}@end"), values(tables, high, f"{name}@end")) for name in names}
    sides = {name: both for name, both in sides.items() if all(both)}
    ways = directions(list(sides.values()))
    return {name: Move(name, way, final(tables, low, name), final(tables, high, name)) for name, way in zip(sides, ways, strict=True)}


def charge(tables: Tables, title: str, x: Dimension, ordered: list[Series]) -> list[str]:
    """What raising x does to depth or routing and to accuracy, among cells of which half still end generalised, and where it breaks."""
    good = [index for index, cell in enumerate(ordered) if held(tables, cell) >= 0.5]
    goal = goal_word(tables)
    if not good:
        return [f"{head(title)}at no {short_word(x.column)} do half of the runs end at {goal}."]
    priced = len(good) > 1 and costs(tables)  # of runs that were chosen for their end, the end alone tells nothing
    told = [_saved(tables, title, x, ordered[good[0]], ordered[good[-1]])] if priced else []
    if good[-1] < len(ordered) - 1:
        last = ordered[-1]
        told.append(
            f"{head(title)}it breaks at {at(x, ordered[good[-1] + 1])}: from there on, fewer than half of the runs end at {goal}; "
            f"at {at(x, last)}, {int(last['n_held'])} of {int(last['n'])} do. What broken networks need is not counted as a saving."
        )
    return told


def goal_word(tables: Tables) -> str:
    """What counts as generalised, in words."""
    limits = tables.thresholds
    return f"{word(limits.goal_column)} {limits.goal:g} or {'better' if limits.direction == 'max' else 'less'}"


def costs(tables: Tables) -> list[str]:
    """The columns that say how much a network computes."""
    return [name for name in ("effective_depth", "functional_depth", "routing_entropy_norm", "effective_heads", "hard_acc") if tables.has(name)]


def hard(tables: Tables, *cells: Series) -> bool:
    """Whether all finished runs of `cells` take one head by construction."""
    numbers = [cell["cell"] for cell in cells]
    records = [tables.readings[index].record for index in tables.done.index[tables.done["cell"].isin(numbers)]]
    return bool(records) and all(record is not None and is_hard(record.trajectory) for record in records)


def _saved(tables: Tables, title: str, x: Dimension, low: Series, high: Series) -> str:
    """How costs and accuracy changed between two cells that both stand, and whether a charge for depth was evaded or paid."""
    goal = tables.thresholds.goal_column
    by_choice = hard(tables, low, high)
    moves = moved(tables, [*(name for name in costs(tables) if not (by_choice and name in BY_CONSTRUCTION)), goal], low, high)
    counts = " and ".join(f"{int(cell['n_held'])} of {int(cell['n'])}" for cell in (low, high))
    who = f"{'The choice of heads is hard. ' if by_choice else ''}Compared are the {counts} seeds that end at {goal_word(tables)}"
    text = f"{head(title)}from {at(x, low)} to {at(x, high)}, {'; '.join(move.told() for move in moves.values())}. {who}"
    bound = "functional_depth" in moves and not bounded_cells(tables).isdisjoint({low["cell"], high["cell"]})
    if any(move.way is None for move in moves.values()):
        return f"{text}: too few to test this.{f' {AT_MOST}' if bound else ''}"
    lost = goal in moves and moves[goal].way == (-1 if tables.goal.direction == "max" else 1)
    return f"{text} (exact permutation tests, Holm-adjusted, at the 5 % level).{f' {AT_MOST}' if bound else ''}{paid(moves, lost, bound)}"


def paid(moves: Mapping[str, Move], lost: bool, bound: bool) -> str:
    """Whether layers are needed no more, or only their gates were shrunk: what the sum of gates claims against what functional depth shows.

    Where depths are bounds, nothing is called a true saving: of either network fewer layers may be needed than were found.
    """
    claimed, real = moves.get("effective_depth"), moves.get("functional_depth")
    if claimed is None or claimed.way != -1 or real is None:
        return ""
    gates = f" The gates claim {number(claimed.saved, 2)} layers saved, but"
    if real.way != -1:
        return f"{gates} no fewer are measurably needed: the charge was evaded."
    if real.saved < claimed.saved / 2:
        return f"{gates} only {number(real.saved, 2)} were: the charge was mostly evaded."
    saved = f"{number(real.saved, 2)} layers were {'saved by these bounds' if bound else 'truly saved'}"
    return f" {saved}, {'and accuracy was lost' if lost else 'at no measurable cost in accuracy'}."


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
        by = f" by {steps_word(abs(each.difference.value))} steps on average up to the horizon" if abs(each.difference.value) >= 1 else ""
        which = "sooner" if each.way < 0 else "later"
        told.append(
            f"{each.after} {words.third} {which} than {each.before}{by}, over the {points} (log-rank test within points, Holm-adjusted, at the 5 % level)."
        )
    return told


def scales(tables: Tables) -> str | None:
    """The power law of times, where the sweep varies a setting that one can be fitted to."""
    law = scaling(tables)
    if law is None or isinstance(law, str):
        return None
    parts = [f"{each.label} to the {spread(each.value)}{'' if isnan(each.surveyed) else f' (survey: {each.surveyed:g})'}" for each in law.exponents]
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
    from analysis.figures.pareto import cell_label

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
