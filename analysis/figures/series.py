"""What curves over steps share: small multiples, one line a cell, its seeds faint behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.collect import Tables
from analysis.figures.dimensions import Dimension, layout, plain, split, spread
from analysis.frame import Frame
from analysis.goal_words import GENERALISED, GoalWords, words_of
from lal.columns import bounds

Seed = Mapping[str, NDArray[np.float64]]  # steps after 0 and columns of one run
Points = tuple[NDArray[np.float64], NDArray[np.float64]]
READING = "Thick: median over seeds, in which a seed that ended keeps its last value; thin: each seed."
DASHES = {"dot": " (dotted)"}
MOST_PANELS, MOST_FAINT, MOST_POINTS, MOST_THIN = 24, 120, 160, 80
MOST_ABREAST = 4
MOST_LINES, LEAST_LINES, MOST_IN_ALL, LEAST_POINTS = 300, 8, 20_000, 40  # of a figure: lines, at least of a panel; points of all thick lines, at least of one
MOST_APART = 0.25  # all lines of a count together: far less than 1


@dataclass(frozen=True)
class Line:
    """One cell. `order`: where its colour stands on the scale. `points`: median over seeds; `seeds`: each of them, where they are drawn."""

    label: str
    order: int
    dash: str
    points: Points
    seeds: tuple[Points, ...]
    n_seeds: int


@dataclass(frozen=True)
class Panel:
    """One cell of the grid.

    Attributes:
        y_range: shared by all panels of a row; its logarithms where `log`.   whole: only whole numbers are drawn, as of counts.
        dodge: by how much each line of whole numbers is drawn above the one before, so that none covers another.
        levels: values that theory expects, drawn across.
    """

    title: str
    y_label: str
    lines: tuple[Line, ...]
    y_range: tuple[float, float]
    dodge: float
    log: bool = False
    whole: bool = False
    levels: tuple[float, ...] = ()


@dataclass(frozen=True)
class Info:
    """Panels row by row, `n_columns` a row on a wide page; None is an empty place, so that each measure begins a row. Text is escaped."""

    places: tuple[Panel | None, ...]
    n_columns: int
    legend_title: str
    labels: tuple[str, ...]
    log_steps: bool
    caption: str
    words: GoalWords = GENERALISED

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Those that there are."""
        return tuple(each for each in self.places if each)


def prepare(
    tables: Tables,
    rows: Sequence[tuple[str, Mapping[str, str]]],
    caption: str,
    log_steps: bool = True,
    log_values: Collection[str] = (),
    far_from_0: Collection[str] = (),
) -> Info | str:
    """Small multiples: a row of panels for each of `rows`, (y label, {column: dash}); a panel for each arm (and whatever else varies besides x).

    Steps are drawn from the first one after 0. A seed that ended before the others of its cell keeps its last value in the median: to leave
    it out would show a cell that gets worse whenever a good run is done. Rows whose label is in `log_values` have a log scale, where all values are positive;
    those in `far_from_0` have a range without 0.
    """
    if tables.history.empty:
        return "no run has finished, so there are no curves yet"
    where = layout(tables)
    measures = list(dict.fromkeys(column for _, columns in rows for column in columns if column in tables.history.columns))
    facets = split(tables.done, [*([where.y] if where.y.column else []), *where.rest])
    n_shown = max(1, MOST_PANELS // len(rows))
    if len(facets) > n_shown:
        caption += f" The first {n_shown} of {len(facets)} panels are drawn; all numbers are in the tables."
    n_panels = min(n_shown, len(facets))
    n_dashes = max(len(columns) for _, columns in rows)
    x = replace(where.x, values=spread(where.x.values, max(LEAST_LINES, MOST_LINES // (n_panels * len(rows) * n_dashes))))
    if len(x.values) < len(where.x.values):
        caption += f" Lines of {len(x.values)} of {len(where.x.values)} values of {x.label} are drawn, evenly over their order."
    labels, faint = x.words(), tables.done["run_id"].nunique() <= MOST_FAINT
    n_columns = n_panels if n_panels <= MOST_ABREAST else 3
    read = _reader(tables, measures)
    parts = [(title, _cells(part, x, read)) for title, part in facets[:n_shown]]
    n_lines = sum(len(cells) for _, cells in parts) * sum(len(columns) for _, columns in rows)
    most = int(np.clip(MOST_IN_ALL // max(1, n_lines), LEAST_POINTS, MOST_POINTS))
    panels: list[Panel | None] = []
    for y_label, columns in rows:
        drawn = []
        for title, cells in parts:
            lines = [_line(seeds, column, dash, labels[order], order, faint, most) for order, seeds in cells for column, dash in columns.items()]
            drawn.append((title, tuple(line for line in lines if len(line.points[0]))))
        panels += _in_a_row(y_label, tuple(columns), drawn, y_label in log_values, y_label not in far_from_0)
        panels += [None] * (-len(panels) % n_columns)
    if not any(panel.lines for panel in panels if panel):
        return f"no run has measured {' or '.join(column for _, columns in rows for column in columns)}"
    return Info(tuple(panels), n_columns, x.label, tuple(labels) if x.column else (), log_steps, caption, words_of(tables.manifest))


def _in_a_row(y_label: str, columns: Sequence[str], drawn: Sequence[tuple[str, tuple[Line, ...]]], log: bool, with_0: bool = True) -> list[Panel]:
    """Panels on one range of y, which includes 0 unless it is a log scale or is not to, and all that a share can be; counts go up to 1 at least."""
    values = np.concatenate([np.empty(0), *(points[1] for _, lines in drawn for line in lines for points in (line.points, *line.seeds))])
    values = values[np.isfinite(values)]
    log = log and len(values) > 0 and bool((values > 0).all())
    if log:
        values = np.log10(values)
    high, low = (float(values.max()), float(values.min())) if len(values) else (1.0, 0.0)
    share = all(bounds(column) == (0.0, 1.0) for column in columns)
    whole = not log and not share and len(values) > 0 and bool((values == values.round()).all())
    if not log and with_0:
        least = 1.0 if share or whole or low == high == 0 else 0.0
        high, low = max(high, least), min(low, 0.0)
    room = 0.05 * ((high - low) or 1.0)
    most = max((len(lines) for _, lines in drawn), default=1)
    dodge = min(0.2 * room, MOST_APART / most) if whole else 0.0
    return [Panel(title, y_label, lines, (low - room, high + room), dodge, log, whole) for title, lines in drawn]


def _reader(tables: Tables, measures: Sequence[str]) -> Callable[[int], Seed]:
    """What reads the curves of a done run, by its place in the runs table."""
    rows, counts = tables.evaluations(["step", *measures])
    places = dict(zip(tables.done.index, zip((np.cumsum(counts) - counts).tolist(), counts.tolist(), strict=True), strict=True))

    def read(index: int) -> Seed:
        own = rows.slice(*places[index])  # a figure draws few of all runs: what is not drawn is not made numbers of
        columns = {name: own[name].to_numpy().astype(float, copy=False) for name in own.column_names}
        after = columns["step"] > 0
        return {name: values[after] for name, values in columns.items()}

    return read


def _cells(part: Frame, x: Dimension, read: Callable[[int], Seed]) -> list[tuple[int, list[Seed]]]:
    """The cells of a panel that have a line: where each stands along x, and its seeds."""
    found = []
    for _, cell in part.groupby("cell", sort=True):
        value = plain(cell[x.column].iloc[0]) if x.column else None
        seeds = [read(index) for index in cell.drop_duplicates("run_id").sort_values("run_id", kind="stable").index] if value in x.values else []
        if any(len(seed["step"]) for seed in seeds):
            found.append((x.index(value) if x.column else 0, seeds))
    return found


def _line(seeds: Sequence[Seed], column: str, dash: str, label: str, order: int, faint: bool, most: int) -> Line:
    measured = [(seed["step"][there], seed[column][there]) for seed in seeds if column in seed and (there := ~np.isnan(seed[column])).any()]
    single = faint and dash == "solid" and len(measured) > 1
    thin = tuple(few(each, MOST_THIN) for each in measured) if single else ()
    return Line(label, order, dash, few(median(measured), most), thin, len(measured))


def median(seeds: Sequence[Points]) -> Points:
    """Median over seeds at every step that any of them has; one that ended, or was not measured there, stays at its last value."""
    if not seeds:
        return np.empty(0), np.empty(0)
    steps = np.unique(np.concatenate([each for each, _ in seeds]))
    first = max(each[0] for each, _ in seeds)
    steps = steps[steps >= first]
    held = [values[np.searchsorted(own, steps, side="right") - 1] for own, values in seeds]
    return steps, np.median(held, axis=0)


def few(points: Points, most: int = MOST_POINTS) -> Points:
    """At most about 1.5 times `most` of `points`, close to evenly spaced in log step, the last one among them."""
    steps, values = points
    if len(steps) <= most:
        return points
    wanted = np.searchsorted(steps, np.geomspace(steps[0], steps[-1], most))
    even = np.linspace(0, len(steps) - 1, most // 2)
    kept = np.unique(np.concatenate([wanted, even.astype(int), [len(steps) - 1]]).clip(0, len(steps) - 1))
    return steps[kept], values[kept]


def table(info: Info) -> Frame:
    """Of each thick line, where it begins, ends, and lies in between."""
    rows = []
    for panel in info.panels:
        for line in panel.lines:
            steps, values = line.points
            ends = {
                "from step": steps[0],
                "to step": steps[-1],
                "first": values[0],
                "lowest": np.nanmin(values),
                "highest": np.nanmax(values),
                "last": values[-1],
            }
            rows.append(
                {
                    "panel": panel.title,
                    info.legend_title or "cell": line.label,
                    "line": f"{panel.y_label}{DASHES.get(line.dash, '')}",
                    "seeds": line.n_seeds,
                    **ends,
                }
            )
    return pd.DataFrame(rows)
