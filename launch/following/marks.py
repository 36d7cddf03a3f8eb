"""What the numbers of a run are labelled with where they are followed: never too many labels, whatever a sweep's file says. Imports neither torch nor ray.

Label values come from a sweep's file, and go into Prometheus: they are ASCII (Ray takes nothing else), at most LONGEST characters, and
at most MOST of each kind: of more arms, the rest are `other`; of more axes, the first are kept; an axis of more numbers than that
is cut into as many ranges, `lowest..highest`, as is one that is searched between two ends; an axis of more other values is left out.
Run ids and seeds are never labels.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from launch.parsing.axes import Range
    from launch.sweep import Planned

MOST = 12  # label values of one kind, and axes
FEW = 3  # of these, for values outside of a range that is searched: of arms that set another
LONGEST = 60  # characters of a label value
OTHER, ALL = "other", "all"


class Marks(TypedDict):
    """Labels of one run.

    Keys:
        arm: its arm.   column: what it aims at.
        axes: {axis: its value there}; {"all": "all"} in a sweep without axes that can be labelled.
    """

    arm: str
    column: str
    axes: dict[str, str]


def marks_of(runs: Iterable[Planned], axes: Sequence[str], mark: Callable[[Planned], Marks] | None = None) -> dict[str, Marks]:
    """Run id -> its marks, by `mark` or what these `runs` on `axes` give. A run that arms share is marked as the first one's."""
    runs = tuple(runs)
    mark, marks = mark or marker(runs, axes), dict[str, Marks]()
    for run in runs:
        if run.run_id not in marks:
            marks[run.run_id] = mark(run)
    return marks


def marker(runs: Sequence[Planned], axes: Sequence[str], ranges: Mapping[str, Range] | None = None) -> Callable[[Planned], Marks]:
    """What marks a run. `runs` have all arms, and all values of `axes` but for those in `ranges`, by path: there are all between two ends, too."""
    arms = {arm: label(arm) for arm in list(dict.fromkeys(run.arm for run in runs))[:MOST]}
    scales: dict[str, Callable[[Any], str]] = {}
    for axis in axes[:MOST]:
        values = [run.point.get(axis) for run in runs]
        if ranges and axis in ranges:
            scales[axis] = cut(ranges[axis], values)
        elif scale := scale_of(values):
            scales[axis] = looked_up(scale)

    def mark(run: Planned) -> Marks:
        values = {label(axis): scale(run.point.get(axis)) for axis, scale in scales.items()}
        return {"arm": arms.get(run.arm, OTHER), "column": run.config.goal.column, "axes": values or {ALL: ALL}}

    return mark


def looked_up(scale: Mapping[str, str]) -> Callable[[Any], str]:
    """The label of a value, by a list of them."""
    return lambda value: scale.get(text_of(value), OTHER)


def cut(values: Range, others: Iterable[Any]) -> Callable[[Any], str]:
    """The label of a value of a range: one of at most MOST parts of it, as likely as each other. Of `others` outside of it, the first few have their own."""
    outside = dict.fromkeys(text_of(value) for value in others if not inside(value, values))
    own = {text: label(text) for text in list(outside)[:FEW]}
    n_parts = MOST - len(own) - 1
    if values.size <= n_parts:
        return lambda value: label(text_of(value)) if inside(value, values) else own.get(text_of(value), OTHER)
    edges = sorted({values.at(index / n_parts) for index in range(n_parts)} | {values.exact(values.high)})
    parts = [label(f"{low:.3g}..{high:.3g}") for low, high in pairwise(edges)]
    return lambda value: parts[bisect_right(edges, value, 1, len(parts)) - 1] if inside(value, values) else own.get(text_of(value), OTHER)


def inside(value: Any, values: Range) -> bool:
    """Whether a value is a number of a range."""
    return isinstance(value, int | float) and not isinstance(value, bool) and values.low <= value <= values.high


def scale_of(values: Iterable[Any]) -> dict[str, str]:
    """Text of each of an axis' values -> its label, MOST of them at most; empty where they cannot be so few."""
    texts = {text_of(value): value for value in values}
    if len(texts) <= MOST:
        return {text: label(text) for text in texts}
    numbers = {text: value for text, value in texts.items() if value is not None}  # what is not there stays by itself
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in numbers.values()):
        return {}
    ordered, n_ranges = sorted(numbers, key=lambda text: numbers[text]), MOST - (len(numbers) < len(texts))
    edges = [round(len(ordered) * index / n_ranges) for index in range(n_ranges + 1)]
    ranges = [ordered[start:end] for start, end in pairwise(edges)]
    named = {text: label(f"{each[0]}..{each[-1]}") if len(each) > 1 else label(text) for each in ranges for text in each}
    return {text: named.get(text, label(text)) for text in texts}


def text_of(value: Any) -> str:
    """A value as a sweep's file has it: `null`, `0.001`, `[0.9, 0.98]`; words as they are."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def label(text: str) -> str:
    """`text` as a label value: ASCII, of bounded length, never empty; different texts stay different."""
    plain = text.encode("unicode_escape").decode("ascii") or r"\empty"  # which no text is written as
    if len(plain) <= LONGEST:
        return plain
    end = f"~{zlib.crc32(plain.encode()):08x}"
    return plain[: LONGEST - len(end)] + end
