"""Space-time diagrams of a reinforcement learner: its values, where it was, and the pressure on each position, over episodes; and fronts beside the return.

Speculative: values as an activator that spreads, pressure and visits as what inhibits or feeds it. What is drawn is what was kept, and no more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.figures.theme import number
from analysis.one_run import OneRun
from analysis.patterns.reaction_diffusion import TERMS
from analysis.run_figures.panels import Array, Heat, Info, Lines, Panel, Scale, curve, span
from analysis.snapshots import lacking
from analysis.spreading import SAID, fits, shape_of

LEAST, MAPS = 4, 4
EPISODE = "episode"
FIELDS = {"value": "value V(s)", "visits": "times left, an episode", "pressure": "pressure β(s)", "uncertainty": "uncertainty U(s)"}
PRESSED = frozenset({"pressure", "uncertainty"})
FRONTS = (("value_front", "ramp", 0), ("order_front", "values rise", 1), ("front_position", "policy", 2))


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """Fields over episodes, and on a grid maps of values; fronts and return."""
    if run.config.get("kind") != "dqn":
        return ()
    steps = run.snapshots.of("value")
    shape = shape_of(run.snapshots.arrays(steps[0]).get("states")) if steps else None
    if shape is None:
        return lacking(run.snapshots, "its states are not those of a line or a grid, so there is no space-time diagram", "space-time diagrams")
    if len(steps) < LEAST:
        return "its values were kept too seldom for a space-time diagram: see measure.snapshot_every"
    fields = {name: field(run, name) for name in FIELDS if name in run.snapshots.arrays(steps[-1])}
    heats = {name: over_distance(name, *each, shape) for name, each in fields.items() if len(each[0])}
    lived, pressed = ([each for name, each in heats.items() if (name in PRESSED) == side] for side in (False, True))
    beside = _fronts(run)
    abreast = len(beside) == len(lived)  # one field a row, so that each has its colours beside it
    panels: list[Panel] = [each for pair in zip(lived, beside, strict=True) for each in pair] if abreast else [*lived, *beside]
    first = _info("space_time", "Values in space and time", [*panels, *_maps(*fields["value"], shape)], _caption(run, shape), 2 if abreast else 1)
    if not pressed:
        return (first,)
    caption = "β: what the squared error of a transition is multiplied with; U: how uncertain values are said to be; as they stood at each snapshot."
    return (first, _info("space_time_pressure", "Pressure in space and time", pressed, caption, 1))


def _info(name: str, title: str, panels: Sequence[Panel], caption: str, n_columns: int) -> Info:
    """A figure with a colour scale for each field in it."""
    heats = [each for each in panels if isinstance(each, Heat)]
    scales = {
        scale: Scale(FIELDS[scale], *span([each.values for each in heats if each.scale == scale])) for scale in dict.fromkeys(each.scale for each in heats)
    }
    return Info(name, title, tuple(panels), caption, n_columns, 1, scales, log_steps=False)


def field(run: OneRun, name: str) -> tuple[Array, Array]:
    """(T,) episodes and (T, S) values of a field; of visits, which are counted from the start, how many an episode since the last snapshot."""
    steps = run.snapshots.of(name)
    values = np.stack([run.snapshots.arrays(step)[name] for step in steps]).astype(float)
    times = np.asarray(steps, float)
    return (times, values) if name != "visits" else (times[1:], np.diff(values, axis=0) / np.diff(times)[:, None])


def over_distance(name: str, times: Array, values: Array, shape: tuple[int, ...]) -> Heat:
    """On a line by position; on a grid the mean over positions that are as many steps from the start. The goal is left out: nobody leaves it."""
    steps = np.indices(shape).reshape(len(shape), -1).sum(0)
    n = int(steps[-1])
    means = np.stack([values[:, steps == each].mean(1) for each in range(n)])
    return Heat(FIELDS[name], means, times, np.arange(float(n)), EPISODE, "position" if len(shape) == 1 else "steps from the start", name)


def _fronts(run: OneRun) -> list[Lines]:
    """Fronts, and the return under them."""
    fronts = [each for name, label, order in FRONTS if (each := curve(run, name, order, label)) is not None]
    returns = [
        each for name, label, dash in (("return", "as lived", "solid"), ("greedy_return", "greedy", "dot")) if (each := curve(run, name, 3, label, dash))
    ]
    panels = (("fronts (position)", fronts), ("return", returns))
    return [Lines(title, tuple(each), x_label=EPISODE) for title, each in panels if each]


def _maps(times: Array, values: Array, shape: tuple[int, ...]) -> list[Heat]:
    """Of a grid, values at some episodes from the first to the last; the goal is left out."""
    if len(shape) == 1:
        return []
    chosen = np.unique(np.linspace(0, len(times) - 1, MAPS).round().astype(int))
    found = []
    for index in chosen:
        grid = values[index].reshape(shape).copy()
        grid[-1, -1] = np.nan
        axes: list[NDArray[np.float64]] = [np.arange(float(n)) for n in shape]
        found.append(Heat(f"values at episode {times[index]:,.0f}", grid, axes[1], axes[0], "column", "row", "value", square=True, height=220, down=True))
    return found


def _caption(run: OneRun, shape: tuple[int, ...]) -> str:
    where = "Positions from the start, at 0, towards the goal" if len(shape) == 1 else "Means over the positions that are as many steps from the start"
    told = [
        f"{where}, left out, as nobody leaves it. Fronts: the right-most position from which values do not yet rise towards the goal by more than half "
        "of what a step costs (ramp), or at all (values rise), or where the greedy action is not yet right (policy); −1 once there is none."
    ]
    scored = fits(run.snapshots)
    if isinstance(scored, str):
        told.append(f"No equation is fitted to values: {scored}.")
    else:
        words = [
            f"{SAID[term]} leaves {number(scored[term].fit.error)} of the change unexplained, and "
            + (f"{number(float(np.median(scored[term].places)))} with places shuffled" if len(scored[term].places) else "has too few places to shuffle")
            for term in TERMS
        ]
        told.append(f"Speculative: {'; '.join(words)}; c = {number(scored['drift'].fit.coefficient)} positions an episode.".replace("-", "−"))
    return " ".join(told)
