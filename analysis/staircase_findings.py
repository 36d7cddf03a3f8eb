"""What tables say of runs that compose group elements, in sentences: plateaus against theory, and the order of modes."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isnan

import numpy as np

from analysis.collect import Tables
from analysis.figures.dimensions import dimensions, split
from analysis.figures.theme import percent, safe
from analysis.staircases import APART, CLOSE, FLAT, LEAST, REST, TIED, Climb, climbs
from analysis.statistics import wilson

MOST_CELLS = 8  # that are told one by one
MOST_NAMED = 4  # runs out of order that are named


def sentences(tables: Tables) -> list[str]:
    """Heights of plateaus, then the order in which modes were learned; nothing where no run composes elements of a group."""
    found = climbs(tables)
    if not found:
        return []
    cells = split(tables.done.loc[list(found)], dimensions(tables))
    groups = [(title, [found[index] for index in runs.index]) for title, runs in cells]  # type: ignore[index]
    return [each for each in (heights(list(found.values())), on_the_lines(groups), order(groups), out_of_order(tables, found)) if each]


def heights(found: Sequence[Climb]) -> str:
    """How far plateaus lay from the levels of theory."""
    plateaus = [each for climb in found for each in climb.plateaus]
    seen = [abs(each.error) for each in plateaus if not isnan(each.error)]
    if not plateaus and all(len(each.theory.modes) == 1 for each in found):
        return "The template has a single mode, so theory has no plateau between the start and the end."
    if not plateaus:
        return f"Theory’s levels are too close to be told apart (less than {APART:g} times as high as the next)."
    if not seen:
        return f"None of the {len(plateaus)} plateaus that theory has after the start was seen."
    rest = (
        f"{len(seen)} of {len(plateaus)} plateaus after the start were seen"
        if len(seen) < len(plateaus)
        else f"All {len(seen)} plateaus after the start were seen"
    )
    flattest = f"where the loss was flattest, it was off theory’s level by {100 * float(np.median(seen)):.2g} % (median), at most {100 * max(seen):.2g} %"
    return f"{rest}; {flattest}. {lengths(found)} {control(found)}"


def lengths(found: Sequence[Climb]) -> str:
    """How long plateaus were, and what makes them that."""
    seen = [each for climb in found for each in climb.plateaus if not isnan(each.error)]
    steps = [each.end - each.start for each in seen]
    stayed = sum(not each.left for each in seen)
    end = f"; {stayed} of them had not been left when the run ended" if stayed else ""
    spans = f"They lasted {min(steps):,.0f} to {max(steps):,.0f} steps (median {float(np.median(steps)):,.0f}) within {percent(FLAT - 1)}"
    return f"{spans}, and the loss fell at least {min(each.rest for each in seen):.2g} times as fast on either side (asked for: {REST:g}){end}."


def control(found: Sequence[Climb]) -> str:
    """The same, asked of levels that theory does not have."""
    between = [each for climb in found for each in climb.between]
    close = sum(abs(each.error) <= CLOSE for each in between)
    return (
        f"Of {len(between)} levels halfway (as ratios) to the one before, where theory has none, the loss rested within {percent(CLOSE)} of {close or 'none'}."
    )


def on_the_lines(groups: Sequence[tuple[str, Sequence[Climb]]]) -> str:
    """How many runs had every plateau on its line."""
    there = [(title, [each for each in found if each.plateaus]) for title, found in groups]
    counts = [(title, sum(each.on_the_lines for each in found), len(found)) for title, found in there if found]
    return _counted(f"Every plateau was seen, and within {percent(CLOSE)} of its level, in", counts) if counts else ""


def order(groups: Sequence[tuple[str, Sequence[Climb]]]) -> str:
    """How many runs learned modes by falling power, of those that learned any of a template with two or more of unequal power."""
    ordered = [(title, [each for each in found if each.has_order]) for title, found in groups]
    several = [(title, [each for each in found if each.n_learned]) for title, found in ordered]
    counts = [(title, sum(each.in_order for each in found), len(found)) for title, found in several if found]
    if not counts:
        return ""
    runs = [each for _, found in several for each in found]
    part, alone = sum(each.n_learned < len(each.learned) for each in runs), sum(each.n_learned == 1 for each in runs)
    none = sum(not each.n_learned for _, found in ordered for each in found)
    told = [f"{part} of them learned part of these" if part else "all of them learned all of these"]
    told += [f"{alone} only one"] if alone else []
    told += [f"{none} more learned none and are not counted"] if none else []
    head = f"Modes with {percent(LEAST)} or more of the template’s power were learned by falling power in"
    return f"{_counted(head, counts)[:-1]}; {', '.join(told)}."


def _counted(head: str, counts: Sequence[tuple[str, int, int]]) -> str:
    """So many of so many runs, with an interval; cell by cell where there are few."""
    k, n = sum(count for _, count, _ in counts), sum(size for *_, size in counts)
    share = wilson(k, n)
    told = f"{head} {k} of {n} runs ({percent(share.value)}, 95 % interval {percent(share.low)} to {percent(share.high)})"
    if not 1 < len(counts) <= MOST_CELLS:
        return f"{told}."
    return f"{told}: {', '.join(f'{title} {count} of {size}' for title, count, size in counts)}."


def out_of_order(tables: Tables, found: dict[int, Climb]) -> str:
    """Of runs that learned modes in another order, the first one that came before a stronger one."""
    told = []
    for index, climb in found.items():
        early = inversion(climb)
        if early:
            told.append(f"seed {tables.runs['seed'][index]} of {safe(str(tables.runs['arm'][index]))} ({early})")
    if not told:
        return ""
    more = f", and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else ""
    return f"Out of order, by the step at which half of a mode’s power was there: {'; '.join(told[:MOST_NAMED])}{more}."


def inversion(climb: Climb) -> str | None:
    """The strongest mode that came after a weaker one, and the first of those, in words; None where there is none."""
    times, power, names = climb.learned, climb.theory.power, climb.theory.modes
    for strong, time in enumerate(times):
        weaker = [mode for mode in range(strong + 1, len(times)) if times[mode] < time and power[strong] > power[mode] * (1 + TIED)]
        if weaker:
            first = min(weaker, key=lambda mode: times[mode])
            stronger = f"{safe(names[strong])} at {time:,.0f}" if time < inf else f"{safe(names[strong])}, which was not learned"
            return f"{safe(names[first])} at {times[first]:,.0f}, before {stronger}"
    return None
