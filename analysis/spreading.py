"""Pattern formation: when fronts of a learner's values pass and when its return rises, how fast fronts go, and which equation describes the value field.

Speculative: that learning spreads by reaction and diffusion is a conjecture, which this room puts to the test against drift and against shuffled fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan

import numpy as np
from numpy.typing import NDArray

from analysis.collect import Tables
from analysis.figures.dimensions import plain
from analysis.figures.pareto_planes import cell_label
from analysis.frame import Frame
from analysis.patterns.fronts import from_then_on, passage, speed
from analysis.patterns.reaction_diffusion import Scored, Term, scored
from analysis.snapshots import Snapshots
from analysis.statistics import Interval, Paired, mean_interval, paired
from lal.errors import Refused

Array = NDArray[np.float64]
FRONTS = {"order_front": "values rise", "value_front": "the ramp", "front_position": "the policy"}
RETURNS = {"return": "the return", "greedy_return": "the greedy return"}
EVENTS = {**FRONTS, **RETURNS}
EVERY = "target_every"
MOMENTS = 31  # of a field: over shorter times its changes are the noise of updates
HALF = 0.5
NOT_KEPT = "no values on a line or a grid were kept; add measure.snapshot_every"
SAID: dict[Term, str] = {"diffusion": "V_t = D V_xx + f(V)", "drift": "V_t = c V_x + f(V)"}


@dataclass(frozen=True)
class Spread:
    """What one run did.

    Attributes:
        times: of each event, the first evaluation from which it holds to the end: a front is at the middle or beyond, a return is half-way from its lowest to
            the best there is; infinite where it is not so at the end.   last: the last evaluation.
        speed: of the ramp, positions an episode towards the start.   scored: fits of the value field; None where there are none, `unfitted` says why.
    """

    seed: int
    times: Mapping[str, float]
    last: float
    speed: Interval
    scored: Mapping[Term, Scored] | None
    unfitted: str = ""


@dataclass(frozen=True)
class Cell:
    """The runs of one cell. `label`: escaped.   every: `target_every` of its runs, where the sweep varies it."""

    label: str
    every: float | None
    runs: tuple[Spread, ...]

    def order(self, before: str, after: str) -> Paired:
        """Which of two events comes first, run by run."""
        sides = [[each.times[name] for each in self.runs] for name in (before, after)]
        ends = [each.last for each in self.runs]
        times = [[min(time, end) for time, end in zip(side, ends, strict=True)] for side in sides]
        return paired((times[0], [isfinite(each) for each in sides[0]]), (times[1], [isfinite(each) for each in sides[1]]))

    def speed(self) -> Interval:
        """Mean over runs of the ramp's speed."""
        return mean_interval([each.speed.value for each in self.runs if not isnan(each.speed.value)])

    def coefficient(self, term: Term) -> Interval:
        """Mean over runs of D, or of c."""
        return mean_interval([each.scored[term].fit.coefficient for each in self.runs if each.scored])

    def error(self, term: Term) -> Interval:
        """Mean over runs of the unexplained share of the change."""
        return mean_interval([each.scored[term].fit.error for each in self.runs if each.scored], 0.0, 1.0)

    def advantage(self, term: Term, shuffled: str) -> Interval:
        """Mean over runs of how much larger the median error with `places` or `moments` shuffled is; NaN where there is nothing to shuffle."""
        found = [(each.scored[term].fit.error, getattr(each.scored[term], shuffled)) for each in self.runs if each.scored]
        return mean_interval([float(np.median(errors)) - own for own, errors in found if len(errors)])


def spreading(tables: Tables) -> tuple[Cell, ...] | str:
    """Every cell with finished runs, in the sweep's order; or why there are none. Found once: figures and findings share it."""
    key = ("spreading",)
    if key not in tables.lines:
        tables.lines[key] = _spreading(tables)
    return tables.lines[key]


def _spreading(tables: Tables) -> tuple[Cell, ...] | str:
    if not all(map(tables.has, ("value_front", *EVENTS, "shortfall"))):
        return "no run has measured the pattern of its values, so there are no fronts of it"
    columns = ["run_id", "step", "shortfall", *EVENTS]
    rows = dict(iter(tables.history[columns].groupby("run_id", sort=False)))
    found = []
    for row in tables.cells.to_dict("records"):
        runs = tables.done[(tables.done["cell"] == row["cell"]) & tables.done["run_id"].isin(list(rows))]
        spreads = [spread(int(seed), rows[run_id], tables.snapshots(int(index))) for index, run_id, seed in runs[["run_id", "seed"]].itertuples()]
        if spreads:
            every = plain(row.get(EVERY)) if EVERY in tables.axes else None
            found.append(Cell(cell_label(tables, row), None if every is None else float(every), tuple(spreads)))
    return tuple(found) or "no run has finished, so there are no fronts"


def spread(seed: int, rows: Frame, snapshots: Snapshots | None) -> Spread:
    """Of one run's evaluations and arrays."""
    steps, times = rows["step"].to_numpy(float), {}
    best = (rows["shortfall"] + rows["greedy_return"]).dropna().to_numpy(float).max(initial=-inf)
    for name in EVENTS:
        own = rows[name].to_numpy(float)
        there = ~np.isnan(own)
        values = own[there]
        start, end = (values.min(initial=inf), best) if name in RETURNS else (values.max(initial=-inf), -1.0)
        middle = start + HALF * (end - start)
        times[name] = from_then_on(steps[there], values >= middle if name in RETURNS else values <= middle)
    moved = front_speed(steps, rows["value_front"].to_numpy(float))
    found = NOT_KEPT if snapshots is None else fits(snapshots)
    return Spread(seed, times, float(steps[-1]), moved, None, found) if isinstance(found, str) else Spread(seed, times, float(steps[-1]), moved, found)


def front_speed(steps: Array, front: Array) -> Interval:
    """Positions an episode towards the start, between nine tenths and one tenth of the way that the front ever was from its end."""
    way = float(np.nanmax(front)) + 1
    on_its_way = passage(front, 0.9 * way - 1, 0.1 * way - 1)
    found = speed(steps[on_its_way], front[on_its_way])
    return Interval(-found.value, -found.high, -found.low)


def value_field(snapshots: Snapshots, moments: int | None = None) -> tuple[Array, Array] | None:
    """(T, N) or (T, H, W) values at (T,) episodes, at most so many `moments`, evenly; None where states are not on a line or a grid.

    On a line the goal is left out: nobody leaves it, so its value is not learned. A grid's corners are in no equation.
    """
    steps = snapshots.of("value")
    every = -(-(len(steps) - 1) // (moments - 1)) if moments and len(steps) > moments else 1
    steps = steps[::every]
    shape = shape_of(snapshots.arrays(steps[0]).get("states")) if steps else None
    if shape is None:
        return None
    values = np.stack([snapshots.arrays(step)["value"] for step in steps]).astype(float).reshape(-1, *shape)
    return (values[:, :-1] if len(shape) == 1 else values), np.asarray(steps, float)


def shape_of(states: NDArray[np.floating] | None) -> tuple[int, ...] | None:
    """Positions along each input, if `states` (S, D) are all of a line or a grid, row by row; else None."""
    if states is None or states.ndim != 2 or states.shape[1] > 2:
        return None
    shape = tuple(len(np.unique(column)) for column in states.T)
    if int(np.prod(shape)) != len(states):
        return None
    there = np.rint(states * shape).astype(int)
    return shape if (there == np.indices(shape).reshape(len(shape), -1).T).all() else None


def fits(snapshots: Snapshots) -> Mapping[Term, Scored] | str:
    """Both equations fitted to a run's value field; or why they are not: it was not kept, too seldom, or is not finite, as that of a diverged learner."""
    found = value_field(snapshots, MOMENTS)
    try:
        return NOT_KEPT if found is None else scored(*found)
    except Refused as error:
        return str(error)


def unfitted(cells: Sequence[Cell]) -> str:
    """Why no equation is fitted to some runs, each reason once with how many runs it holds of; nothing where all have fits."""
    reasons = Counter(run.unfitted for cell in cells for run in cell.runs if run.unfitted)
    return "; ".join(f"{n} of {sum(len(cell.runs) for cell in cells)} runs: {reason}" for reason, n in reasons.most_common())


def fitted(cells: Sequence[Cell]) -> list[Cell]:
    """Those of `cells` with fits."""
    return [each for each in cells if any(run.scored for run in each.runs)]
