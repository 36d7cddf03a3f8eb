"""How runs of group composition came down: the plateaus of their loss against theory's levels, and the order in which modes were learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from json import dumps, loads
from math import inf, log, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from analysis.collect import Tables
from lal.config import parse
from lal.errors import Refused
from lal.groups.staircase import learned as is_learned

LOSS, OUTPUTS, SPECTRA = "test_loss", "step_loss", ("mode_power", "mode_error")
APART = 1.5  # levels nearer than this to a neighbour (as a ratio) are not measured: any loss in between would be near one of them
LEAST = 0.01  # of level 0: who is below has learned what there is
WINDOW, FLAT = 5, 1.1  # evaluations that a plateau has at least, and how much the loss may change over it (largest / least)
REST = 2.0  # times as fast (in log loss a step) as on a plateau the loss falls on both sides of it; a steady fall has 1, one that only slows down less
REACHED = 1.1  # times a level: that plateau is reached
CLOSE = 0.03  # relative error of a height that is called on the line
TIED = 1e-6  # relative difference of powers that have no order

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Theory:
    """What is known of a run before it is trained.

    Attributes:
        levels: (m + 1,) of the loss, descending; the last is 0.   modes: (m,) names by falling power.   power: (m,) of each.
    """

    levels: tuple[float, ...]
    modes: tuple[str, ...]
    power: tuple[float, ...]

    @property
    def main(self) -> int:
        """How many modes have `LEAST` or more of all power: of less, noise looks like learning."""
        return sum(each >= LEAST * sum(self.power) for each in self.power)

    @property
    def steps(self) -> tuple[int, ...]:
        """Numbers of the levels at which there is a plateau to be seen: after the start, `LEAST` or more of the loss there, and neighbours `APART`."""
        ratios = [high / low if low > 0 else inf for high, low in zip(self.levels, self.levels[1:], strict=False)]
        high = [m for m in range(1, len(self.modes)) if self.levels[m] >= LEAST * self.levels[0]]
        return tuple(m for m in high if min(ratios[m - 1], ratios[m]) >= APART)

    def band(self, m: int) -> tuple[float, float]:
        """Losses that are nearer, as ratios, to level `m` >= 1 than to its neighbours; that of the last plateau is as wide on both sides."""
        level, above = self.levels[m], self.levels[m - 1]
        below = self.levels[m + 1] if m + 1 < len(self.modes) else level * level / above
        return (level * below) ** 0.5, (level * above) ** 0.5


@dataclass(frozen=True)
class Plateau:
    """The flattest `WINDOW` evaluations near level number `m`, where the loss came to rest there; NaN where it did not.

    Attributes:
        height: their median loss.
        start, end: steps between which the loss stayed within `FLAT` around it: the plateau's length.
        rest: how many times as fast as on the plateau the loss fell on the way to it and from it, the lesser of the two; on the way to it alone where it was
            not left any more.
        left: whether the loss went on falling, out of what is near the level.
    """

    m: int
    level: float
    height: float
    start: float
    end: float
    rest: float
    left: bool

    @property
    def error(self) -> float:
        """Relative to the level."""
        return self.height / self.level - 1


@dataclass(frozen=True)
class Climb:
    """What one run did.

    Attributes:
        plateaus: of each level in `theory.steps`.
        between: a control: of each level halfway (as ratios) between one of these and the one before, where theory has no plateau.
        reached: (m,) the first step at which the loss is at most `REACHED` times level 1, ..., m - 1, and of the last, at which it is a hundredth of level 0;
            infinite where it never was.
        learned: of the modes of `Theory.main`, the first step at which each is learned (`lal.groups.staircase.learned`); infinite where it never was;
            empty where it was not measured.
    """

    theory: Theory
    plateaus: tuple[Plateau, ...]
    between: tuple[Plateau, ...]
    reached: tuple[float, ...]
    learned: tuple[float, ...]

    @property
    def n_learned(self) -> int:
        """How many modes were learned."""
        return sum(each < inf for each in self.learned)

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        """Numbers of two modes, the first of more power; those of equal power have no order."""
        power = self.theory.power
        return [(i, j) for j in range(len(self.learned)) for i in range(j) if power[i] > power[j] * (1 + TIED)]

    @property
    def has_order(self) -> bool:
        """Whether some mode has more power than another: else they can come in any order."""
        return bool(self._pairs)

    @property
    def in_order(self) -> bool:
        """Whether no mode was learned before one of more power."""
        return all(self.learned[i] <= self.learned[j] for i, j in self._pairs)

    @property
    def on_the_lines(self) -> bool:
        """Whether every plateau that can be told from its neighbours is there, within `CLOSE` of its level."""
        return all(abs(each.error) <= CLOSE for each in self.plateaus)


def theory_of(config: Mapping[str, Any]) -> Theory | None:
    """What theory says of a run with this configuration; None where it is of another kind, or its template cannot be drawn here."""
    return _theory(dumps(config["task"], sort_keys=True)) if config.get("kind") == "composition" else None


@lru_cache(maxsize=256)
def _theory(task: str) -> Theory | None:
    try:
        template = parse({"kind": "composition", "task": loads(task)}).task.encoding()  # type: ignore[attr-defined]
    except (ValidationError, Refused):  # of a template or group that is not known here; a package that draws it is missing
        return None
    found = template.staircase
    names, power = template.group.modes, template.power
    levels = (*map(float, found.levels[:-1]), 0.0)  # what dust is left there is none of theory's
    return Theory(levels, tuple(names[mode] for mode in found.modes), tuple(float(power[mode]) for mode in found.modes))


def climb(theory: Theory, steps: Array, loss: Array, power: Array | None, error: Array | None) -> Climb:
    """What a run did whose `loss` (T,) and, where measured, `power` and relative `error` (T, up to m) of its outputs' modes are known at `steps` (T,)."""
    levels = theory.levels
    plateaus = tuple(_plateau(m, levels[m], theory.band(m), steps, loss) for m in theory.steps)
    between = tuple(_plateau(m, (levels[m] * levels[m - 1]) ** 0.5, (levels[m], levels[m - 1]), steps, loss) for m in theory.steps)
    targets = [*(REACHED * level for level in theory.levels[1:-1]), theory.levels[0] / 100]
    learned: tuple[float, ...] = ()
    if power is not None and error is not None:
        there = is_learned(power[:, : theory.main] / np.array(theory.power[: power.shape[1]])[: theory.main], error[:, : theory.main])
        learned = tuple(_first(steps, column) for column in there.T)
    return Climb(theory, plateaus, between, tuple(_first(steps, loss <= target) for target in targets), learned)


def _first(steps: Array, there: NDArray[np.bool_]) -> float:
    return float(steps[there.argmax()]) if there.any() else inf


def _plateau(m: int, level: float, band: tuple[float, float], steps: Array, loss: Array) -> Plateau:
    """Where the loss rested inside `band`."""
    low, high = band
    if len(loss) >= WINDOW:
        windows = np.lib.stride_tricks.sliding_window_view(loss, WINDOW)
        inside = ((windows > low) & (windows < high)).all(1)
        change = np.where(inside, windows.max(1) / np.maximum(windows.min(1), 1e-300), inf)
        best = int(change.argmin())
        if change[best] <= FLAT:
            found = _rest(m, level, band, steps, loss, best)
            if found.rest >= REST:
                return found
    return Plateau(m, level, nan, nan, nan, nan, False)


def _rest(m: int, level: float, band: tuple[float, float], steps: Array, loss: Array, best: int) -> Plateau:
    """The plateau around the `WINDOW` evaluations from number `best` on, beside the falls to it and from it inside `band`."""
    low, high = band
    height, middle = float(np.median(loss[best : best + WINDOW])), best + WINDOW // 2
    top, bottom = height * FLAT**0.5, height / FLAT**0.5
    start, end = _run(loss[: middle + 1][::-1] <= top, middle, -1), _run(loss[middle:] >= bottom, middle, 1)
    above, under = np.flatnonzero(loss[:start] >= high), end + np.flatnonzero(loss[end:] <= low)
    left = len(under) > 0
    pace = log(FLAT) / max(steps[end] - steps[start], 1)
    falls = [log(max(high / top, 1.0)) / max(steps[start] - steps[above[-1]], 1) if len(above) else 0.0]
    if left:
        falls.append(log(max(bottom / low, 1.0)) / max(steps[under[0]] - steps[end], 1))
    return Plateau(m, level, height, float(steps[start]), float(steps[end]), float(min(falls) / pace), left)


def _run(there: NDArray[np.bool_], middle: int, way: int) -> int:
    """The number of the last evaluation, from `middle` on in one `way`, up to which all are `there`."""
    return middle + way * ((int(there.argmin()) if not there.all() else len(there)) - 1)


def climbs(tables: Tables) -> dict[int, Climb]:
    """What each run that counts did, by its row in the runs table; runs of another kind, or without what is needed, are not among them."""
    if not tables.has(LOSS):
        return {}
    theories = {}
    for index in tables.done.index:
        record = tables.readings[index].record
        theory = theory_of(record.trajectory) if record else None
        if theory is not None:
            theories[index] = theory
    if not theories:
        return {}
    columns = ["run_id", "cell", "step", LOSS, *(name for name in (*SPECTRA, OUTPUTS) if tables.has(name))]
    rows = dict(list(tables.history[columns].groupby(["run_id", "cell"], sort=False)))
    found = {}
    for index, theory in theories.items():
        own = rows.get((tables.runs["run_id"][index], tables.runs["cell"][index]))
        if own is not None:
            found[index] = of_rows(theory, own)
    return found


def absent(tables: Tables) -> str:
    """Why there is no staircase where `climbs` is empty."""
    records = [tables.readings[index].record for index in tables.done.index]
    if any(record and record.trajectory.get("kind") == "composition" for record in records):
        return "the templates of its runs cannot be drawn on this machine, or it has no evaluations, so there is no staircase"
    return "no run composes elements of a group, so there is no staircase"


def of_rows(theory: Theory, rows: Any) -> Climb:
    """What a run did whose evaluations are `rows`, a table with `step`, the loss, and `SPECTRA` and `OUTPUTS` where they were measured.

    Looked at is the loss of the last output. Each output has theory's levels, but where all are trained the mean over them may rest between.
    """
    there = rows[rows[LOSS].notna()]
    steps, loss = there["step"].to_numpy(float), there[LOSS].to_numpy(float)
    if OUTPUTS in there.columns:
        loss = np.array([each[-1] if np.ndim(each) == 1 and len(each) else mean for each, mean in zip(there[OUTPUTS], loss, strict=True)], float)
    spectra = [_lists(there[name].tolist()) if name in there.columns else None for name in SPECTRA]
    return climb(theory, steps, loss, spectra[0], spectra[1])


def _lists(values: Sequence[Any]) -> Array:
    """Lists of numbers as rows, as wide as the widest."""
    return stacked(values, max((len(each) for each in values if np.ndim(each) == 1), default=0))


def stacked(lists: Sequence[Any], width: int) -> Array:
    """Lists of `width` numbers as rows; NaN where there is none, or one of another length."""
    rows = [np.asarray(each, float) if np.ndim(each) == 1 and len(each) == width else np.full(width, nan) for each in lists]
    return np.stack(rows) if rows else np.empty((0, width))
