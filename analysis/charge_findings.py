"""Sentences on what a charge for computation changed: where networks still stand, what they need, and whether the charge was paid or evaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.choice import BY_CONSTRUCTION, is_hard
from analysis.collect import Tables
from analysis.costs import TOLD
from analysis.depth_bound import AT_MOST, bounded_cells
from analysis.figures.dimensions import Dimension
from analysis.figures.theme import number, short_word, word
from analysis.frame import Series
from analysis.ordered_cells import at, final, head, held, spread, values
from analysis.statistics import Interval, directions


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
    """Those of the columns told of that any run has measured."""
    return [name for name in TOLD if tables.has(name)]


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
