"""What a reinforcement learner got in each episode, how it crystallized, and the pressure on each of its updates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.one_run import OneRun
from analysis.run_figures.panels import Array, Curve, Info, Lines, Panel, curve, lines
from analysis.snapshots import Arrays, lacking
from lal.reinforcement.metrics import RECENT as WINDOW

SHARE = 0.05  # of changes between updates, the largest, that are marked
MOST_POINTS = 20_000
EPISODE, UPDATE = "episode", "update"


def prepare(run: OneRun) -> tuple[Info, ...] | str:
    """Returns and order parameters; and pressure, where there was some."""
    if run.config.get("kind") != "dqn":
        return ()
    steps = run.snapshots.of("returns")
    if not steps:
        return lacking(run.snapshots, "it kept no returns of episodes, as reinforcement learners do", "curves of its episodes")
    arrays = run.snapshots.arrays(steps[-1])
    pressed = "pressure_by_update" in arrays and len(arrays["pressure_by_update"]) > 1
    return (learning(run, arrays), *((pressure(run, arrays),) if pressed else ()))


def learning(run: OneRun, arrays: Arrays) -> Info:
    """Returns of all episodes, crystallization after each, and what was read off at evaluations."""
    returns = np.asarray(arrays["returns"], float)
    episodes = np.arange(1.0, len(returns) + 1)
    mean = np.convolve(returns, np.full(WINDOW, 1 / WINDOW), "valid") if len(returns) >= WINDOW else np.empty(0)
    panels: list[Panel] = [
        Lines(
            "return",
            (Curve("episode", episodes, returns, 5), Curve(f"mean of {WINDOW}", episodes[len(episodes) - len(mean) :], mean, 0)),
            x_label=EPISODE,
        ),
        Lines("crystallization C", (Curve("", episodes, np.asarray(arrays["crystallization"], float), 2),), x_label=EPISODE),
        *over_episodes(run, "range and certainty of values", [("value_range", "range", 1), ("action_certainty", "certainty", 2)]),
        *over_episodes(run, "policy entropy (nats)", [("policy_entropy", None, 3)]),
        *over_episodes(run, "gradients", [("input_gradient_norm", "by inputs", 4), ("grad_norm", "of the loss, by weights", 0)], log=True),
        *over_episodes(run, "front (position)", [("front_position", None, 1)]),
    ]
    caption = (
        "Return: the sum of rewards of each episode, exploration included. C: crystallization, which adds up improvements of the mean return. Below, what is "
        "read off the action values. Front: the right-most position whose greedy action is not yet right; −1 once there is none."
    )
    return Info("agent", "Returns, crystallization and order parameters", tuple(panels), caption, log_steps=False)


def over_episodes(run: OneRun, title: str, columns: list[tuple[str, str | None, int]], log: bool = False) -> list[Lines]:
    """A panel of columns (name, label, order of the colour), of those that were measured."""
    return [replace(each, x_label=EPISODE) for each in lines(title, [curve(run, name, order, label) for name, label, order in columns], log=log)]


def pressure(run: OneRun, arrays: Arrays) -> Info:
    """Mean of beta over each update's batch, its largest changes marked; and beta of each state as it stands."""
    values = np.asarray(arrays["pressure_by_update"], float)
    updates = np.arange(1.0, len(values) + 1)
    marked = largest_changes(values)
    panels: list[Panel] = [
        Lines(
            "mean β of each update",
            (
                Curve("β", *thinned(updates, values), 0),
                Curve(f"largest {SHARE:.0%} of changes", *strokes(updates, marked, values), 1),
            ),
            x_label=UPDATE,
        ),
        Lines("β of each state, at the end", (Curve("", *where_left(arrays, "pressure"), 0),), x_label="state"),
        Lines("U of each state, at the end", (Curve("", *where_left(arrays, "uncertainty"), 3),), x_label="state"),
        Lines("times each state was left", (Curve("", *by_state(arrays, "visits"), 2),), x_label="state"),
    ]
    caption = (
        f"β: what the squared error of a transition is multiplied with; here the mean over each batch, from {values.min():.3g} to {values.max():.3g}. Strokes: "
        f"the {SHARE:.0%} of updates before which it changed most. States: positions in a corridor, elsewhere observations from before learning; β "
        "and U only of those that were left, as the goal never is."
    )
    return Info("pressure", "Selective pressure", tuple(panels), caption, log_steps=False)


def largest_changes(values: Array) -> NDArray[np.int64]:
    """Places of the updates before which the largest share of changes happened."""
    changes = np.abs(np.diff(values))
    return np.flatnonzero(changes > np.quantile(changes, 1 - SHARE)) + 1


def strokes(x: Array, places: NDArray[np.int64], values: Array) -> tuple[Array, Array]:
    """A short upright stroke at each of `places`, above all `values`, as one line with gaps."""
    low, high = values.min(), values.max()
    height, gap = (high - low or 1.0) * 0.04, np.full(len(places), np.nan)
    ends = [np.full(len(places), high + share * height) for share in (1, 2)]
    return np.stack([x[places], x[places], gap], 1).ravel(), np.stack([*ends, gap], 1).ravel()


def thinned(x: Array, y: Array) -> tuple[Array, Array]:
    """Every so many points, where there are more than a page should hold."""
    every = -(-len(x) // MOST_POINTS)
    return x[::every], y[::every]


def where_left(arrays: Arrays, name: str) -> tuple[Array, Array]:
    """The same of states that were left at least once, NaN for the others, of which nothing was learned; of all, where none of these was."""
    states, values = by_state(arrays, name)
    left = np.asarray(arrays["visits"]) > 0
    return states, np.where(left, values, np.nan) if left.any() else values


def by_state(arrays: Arrays, name: str) -> tuple[Array, Array]:
    """Number and value of each state."""
    values: Any = np.asarray(arrays[name], float)
    return np.arange(float(len(values))), values
