"""Two runs side by side, one of a low and one of a high strength of a charge: which stand for it, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, dimension, dimensions, split
from analysis.figures.pareto_planes import cell_label
from analysis.figures.theme import short_word
from analysis.frame import Frame
from analysis.snapshots import Snapshots
from lal.config import parse
from lal.errors import Refused

STANDING = 0.5  # share of the finished seeds of a cell that end at the goal: what a broken network computes is no other way to the answer


@dataclass(frozen=True)
class Side:
    """One run that stands for its cell.

    Attributes:
        label: the cell in words, escaped.   seed, n_seeds: which of its finished runs it is, of how many.
        rows: one row an evaluation.   snapshots: its arrays.   config: what it computed.
    """

    label: str
    seed: int
    n_seeds: int
    rows: Frame
    snapshots: Snapshots
    config: dict[str, Any]

    def last(self, column: str) -> Any:
        """The last measured value of `column`, or None."""
        found = self.rows[column].dropna() if column in self.rows else None
        return None if found is None or found.empty else found.iloc[-1]

    @property
    def key_frequencies(self) -> tuple[int, ...]:
        """Those of its last measurement, ascending; empty where none were looked for."""
        last = self.last("key_frequencies")
        return () if last is None else tuple(sorted(int(each) for each in last))

    def array(self, name: str) -> NDArray[Any] | None:
        """Array `name` of the last snapshot that has it."""
        return self.snapshots.last(name)


@dataclass(frozen=True)
class Pair:
    """Two sides, low first. `told`: how they were chosen, in sentences, escaped."""

    low: Side
    high: Side
    told: str

    def __iter__(self):
        return iter((self.low, self.high))


def pair(tables: Tables, cells: Sequence[int] | None = None) -> Pair | str:
    """The runs to be compared, or in words why there are none.

    Args:
        cells: numbers of two cells; without, those of the lowest and the highest strength of the first charge that has several, within the first
            facet where half of the seeds of two of them end at the goal (else within the first that has two with finished runs).

    Raises:
        Refused: `cells` are not two that there are.
    """
    if cells is not None:
        return _of(tables, *_asked(tables, cells), "The two cells that were asked for")
    axis = next((dimension(tables, path) for path in tables.varied if path.startswith("penalties.") and path.endswith(".weight")), None)
    if axis is None:
        return "no strength of a charge varies, so there is no low one beside a high one (two cells may be chosen)"
    ends = _ends(tables, axis)
    if ends is None:
        return "runs have finished at fewer than two strengths of a charge, so there is no low one beside a high one"
    low, high, held, beyond = ends
    word = short_word(axis.column)
    told = f"The lowest and the highest {word} at which {'at least half of the seeds end at the goal' if held else 'runs have finished'}"
    return _of(tables, low, high, told + (f" (where {word} is higher, networks are broken)" if beyond else ""))


def _asked(tables: Tables, cells: Sequence[int]) -> tuple[int, int]:
    known = sorted(tables.done_of)
    if len(cells) != 2 or cells[0] == cells[1] or not {*cells} <= {*known}:
        raise Refused(
            f"two cells with finished runs are compared, but got {', '.join(map(str, cells))}; choose two of {', '.join(map(str, known[:30]))}: "
            "column `cell` of tables/cells.csv"
        )
    return cells[0], cells[1]


def _ends(tables: Tables, axis: Dimension) -> tuple[int, int, bool, bool] | None:
    """Cells at both ends of `axis`, whether they stand, and whether it goes on to others that do not."""
    others = [each for each in dimensions(tables) if each.column != axis.column]
    known = ["cell", "n", "n_held", *dict.fromkeys(each.column for each in (axis, *others))]
    facets = [_along(part, axis) for _, part in split(tables.cells.loc[tables.cells["n"] > 0, known], others)]
    for held in (True, False):
        for facet in facets:
            kept = [row for row in facet if not held or row["n_held"] >= STANDING * row["n"]]
            if len(kept) > 1:
                return kept[0]["cell"], kept[-1]["cell"], held, held and kept[-1]["cell"] != facet[-1]["cell"]
    return None


def _along(cells: Frame, axis: Dimension) -> list[dict[str, Any]]:
    """Cells in the order of `axis`, one a value."""
    rows = sorted(cells.to_dict("records"), key=lambda row: axis.index(row[axis.column]))
    return list({axis.index(row[axis.column]): row for row in reversed(rows)}.values())[::-1]


def _of(tables: Tables, low: int, high: int, told: str) -> Pair | str:
    sides = [side(tables, cell) for cell in (low, high)]
    if sides[0] is None or sides[1] is None:
        return "a run to be compared has no arrays that can be read, or a configuration that this lal does not know, so nothing can be set side by side"
    words = " and ".join(f"{each.label}, seed {each.seed} of {each.n_seeds}" for each in sides if each)
    return Pair(sides[0], sides[1], f"{told}: {words}. Of each cell the seed whose time to generalise is the median; another seed may look different.")


def side(tables: Tables, cell: int) -> Side | None:
    """The run that stands for `cell`: of those that end at the goal, or of all where none does, the one whose time to generalise is the (lower) median.
    None where it has no arrays, or a configuration that cannot be read."""
    done = tables.done.loc[tables.done_of[cell]]
    chosen = done[done["held"]] if done["held"].any() else done
    run = chosen.sort_values(["t_grok", "seed"], kind="stable", na_position="last").iloc[(len(chosen) - 1) // 2]
    index = int(run.name)
    found, snapshots = tables.readings[index] if tables.readings else None, tables.snapshots(index)
    if found is None or found.rows is None or found.record is None or snapshots is None or not readable(found.record.trajectory):
        return None
    row = tables.cells[tables.cells["cell"] == cell].iloc[0].to_dict()
    return Side(cell_label(tables, row), int(run["seed"]), len(done), found.rows.to_pandas(), snapshots, dict(found.record.trajectory))


def readable(trajectory: Mapping[str, Any]) -> bool:
    """Whether it is a configuration that this lal knows."""
    try:
        parse(trajectory)
    except ValidationError:
        return False
    return True


def measures(pair: Pair, columns: Sequence[str]) -> list[tuple[str, list[float]]]:
    """Last values of those of `columns` that either side has, NaN where one lacks it."""
    found = [(name, [side.last(name) for side in pair]) for name in columns]
    return [(name, [float(np.nan) if value is None else float(value) for value in values]) for name, values in found if any(v is not None for v in values)]
