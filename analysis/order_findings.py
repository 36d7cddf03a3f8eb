"""What tables say of order parameters, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from analysis.collect import Tables
from analysis.figures.correlations import world_words
from analysis.figures.theme import axis_word, number, word
from analysis.order import OUTCOME, SIZE, WIDTH, Estimate, Relations, relations, signed
from analysis.statistics import Interval

UNKNOWN = "unknown, since too little varies"
WHOLE = 0.9999  # an interval that ends beyond it on both sides has every correlation in it
MOST_SOLVED = 0.9  # of runs: with more, there is nothing to tell learned from not learned


def sentences(tables: Tables) -> list[str]:
    """What goes with the return, and what of that remains once the world is held fixed; nothing where there is nothing of the kind."""
    found = relations(tables)
    if isinstance(found, str):
        return []
    best = found.each[0]
    ranked = ", ".join(f"{word(each.column)} {correlation(each.pooled.value)}" for each in found.each)
    largest = f"The largest is that of the {word(best.column)}, {interval(best.pooled)}"
    together = f"Intervals in brackets hold for all {len(found.each)} together at 95 % (Bonferroni)" if len(found.each) > 1 else "Intervals are at 95 %"
    told = [f"Over all {best.pooled.n} runs at their ends, correlations with the return are: {ranked}. {together}. {largest}."]
    if len(best.by_seed) > 1:
        told[0] = f"{told[0][:-1]}; over the cells of single seeds it is {', '.join(map(correlation, best.by_seed))}."
    return [*told, *confounded(found), *without_flat(found), in_time(found), *by_size_and_width(tables, best.column)]


def by_size_and_width(tables: Tables, column: str) -> list[str]:
    """Means of the return and of `column` at the end: a row a size of the world, a column a width of the network; nothing where not both vary."""
    if not {SIZE, WIDTH} <= set(tables.varied):
        return []
    told = []
    for name in (OUTCOME, column):
        means = tables.done.drop_duplicates("run_id").pivot_table(f"{name}@end", SIZE, WIDTH)
        rows = "; ".join(f"size {size:g}: {', '.join(number(each) for each in means.loc[size])}" for size in means.index)
        told.append(f"Mean {word(name)} at the end, at widths {', '.join(f'{width:g}' for width in means.columns)}: {rows}.".replace("-", "−"))
    return told


def confounded(found: Relations) -> list[str]:
    """What the size of the world explains, and what remains with the world held fixed."""
    told = []
    if found.size is not None:
        told.append(
            f"The size of the environment itself, of which nothing is learned, correlates with the return at {interval(found.size)}, each at 95 %: what is "
            "pooled over sizes compares environments, not how well they were learned."
        )
    if found.steepness is not None and found.size is not None:
        low, high = found.steepness
        told.append(
            f"Over the cells the input gradient is {number(low, 2)} to {number(high, 2)} times 2 N √S; it would be 1 if it followed from the size N alone."
        )
    fixed = [(each.column, each.fixed) for each in found.each if each.fixed is not None]
    if not fixed:
        return told
    return [*told, f"With {worded(found.world)} held fixed, {remaining(fixed)}", *separately(found), *restricted(found)]


def without_flat(found: Relations) -> list[str]:
    """What remains without runs whose values say the same of every state: one dead network told from a live one is not learned told from not learned."""
    rest = [(each.column, each.not_flat) for each in found.each if each.not_flat is not None]
    if not rest:
        return []
    held = f", with {worded(found.world)} held fixed" if found.world else ""
    n = found.each[0].pooled.n
    return [f"{found.n_flat} of {n} runs end with the same action values in every state (an input gradient of 0). Without these{held}, {remaining(rest)}"]


def remaining(estimates: Sequence[tuple[str, Estimate]]) -> str:
    """Which of the columns' correlations are sure, and which are not; the end of a sentence, or two."""
    sure = [f"{word(column)} {interval(each)}" for column, each in estimates if each.sure]
    unsure = [f"{word(column)} {interval(each)}" for column, each in estimates if not each.sure]
    return (f"what remains is: {'; '.join(sure)}" if sure else "no correlation with the return can be told from none") + (
        f". Not to be told from none: {'; '.join(unsure)}." if sure and unsure else f" ({'; '.join(unsure)})." if unsure else "."
    )


def separately(found: Relations) -> list[str]:
    """The same in each world by itself, which what is pooled may hide."""
    names = world_words(found)
    if not names:
        return []
    known = [index for index in range(len(names)) if not all(isnan(each.by_world[index].value) for each in found.each)]
    if not known:
        most = max(one.n for each in found.each for one in each.by_world)
        return [f"Of each by itself no correlation with the return can be told: {most} runs or fewer of each are too few, or too much alike."]
    parts = [f"{word(each.column)} {', '.join(f'{interval(each.by_world[index])} at {names[index]}' for index in known)}" for each in found.each]
    rest = [name for index, name in enumerate(names) if index not in known]
    return [f"Of each by itself: {'; '.join(parts)}." + (f" At {', '.join(rest)} runs are too few, or too much alike." if rest else "")]


def restricted(found: Relations) -> list[str]:
    """How much there is to go with within worlds: of what hardly varies, no correlation says that there is none elsewhere."""
    if found.share is None or found.n_solved is None:
        return []
    n = found.each[0].pooled.n
    within = f"{100 * found.share:.2g} % of the variance of returns lies within {worded(found.world)}"
    told = f"{found.n_solved} of {n} runs end with the best greedy policy, and {within}"
    if found.n_solved < MOST_SOLVED * n:
        return [told + "."]
    return [told + ": within, it is mostly exploration that differs, so that this says nothing of runs that fail to learn, of which there are too few."]


def in_time(found: Relations) -> str:
    """How candidates go with the return while a run learns."""
    parts = []
    for each in found.each:
        ends = " to ".join(map(signed, each.spread))
        runs = "" if isnan(each.spread[0]) else f" (single runs: {ends})"
        parts.append(f"{word(each.column)} {correlation(each.over_time.value)}{bounds_of(each.over_time.seeds)}{runs}")
    return f"Over the time of a run, mean correlations with its return are: {', '.join(parts)}."


def interval(of: Estimate) -> str:
    """A correlation and both of its intervals."""
    parts = [f"{name}{bounds_of(each)}" for name, each in (("Fisher", of.fisher), ("over seeds", of.seeds)) if not isnan(each.low)]
    return correlation(of.value) + (f" ({', '.join(parts)})" if parts else "")


def correlation(value: float) -> str:
    """With its sign, or that there is none."""
    return UNKNOWN if isnan(value) else signed(value)


def bounds_of(of: Interval) -> str:
    """[low, high], or nothing."""
    if of.low < -WHOLE and of.high > WHOLE:
        return " [−1, +1], as of too few seeds"
    return "" if isnan(of.low) else f" [{signed(of.low)}, {signed(of.high)}]"


def worded(axes: Sequence[str]) -> str:
    """Axes in words, escaped."""
    return " and ".join(map(axis_word, axes))
