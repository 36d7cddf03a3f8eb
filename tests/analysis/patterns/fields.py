"""Results of reinforcement learners whose values are a ramp that drifts at a known speed, written through the store as real runs would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import numpy as np

from lal.budget import Budget
from lal.config import dump, parse, run_id
from lal.reinforcement import patterns
from lal.store import Record, Store
from tests.analysis import learners
from tests.analysis.synthetic import WHERE

EVERY, LAST = 10, 200


def crossing(field: np.ndarray, level: float) -> float:
    """The last place, between positions 0 to N - 1 of `field` (N,), at which a straight line between neighbours passes `level`; NaN where none does."""
    over = field >= level
    turns = np.flatnonzero(over[1:] != over[:-1])
    if not turns.size:
        return nan
    left = turns[-1]
    return float(left + (level - field[left]) / (field[left + 1] - field[left]))


def value_at(shape: tuple[int, ...], speed: float, episode: float, noise: np.random.Generator) -> np.ndarray:
    """(S,) a ramp that has come `speed` positions an episode from the goal, above a plateau that sinks."""
    come = 2 + speed * episode - patterns.distances(shape)
    return -0.03 * episode + np.logaddexp(0, 2 * come) / 2 + 0.001 * noise.standard_normal(len(come))


def run_of(shape: tuple[int, ...], speed: float, seed: int, rises: float) -> tuple[list[dict[str, Any]], dict[int, dict[str, np.ndarray]]]:
    """Rows and snapshots; the return is half-way from episode `rises` on."""
    noise, rows, arrays = np.random.default_rng(seed), [], {}
    n, states = int(np.prod(shape)), (np.indices(shape).reshape(len(shape), -1).T / shape).astype(np.float32)
    for step in range(0, LAST + 1, EVERY):
        value = value_at(shape, speed, step, noise)
        reached = 1 / (1 + np.exp(-(step - rises) / 8))
        row: dict[str, Any] = {"step": step, "seconds": step / 50, "lr": 1e-3, "epsilon": 0.99**step, "return": -50 + 42 * reached}
        row |= {"greedy_return": -8.0 if step >= rises else -50.0, "shortfall": 0.0 if step >= rises else 42.0, "front_position": -1 if step >= rises else 7}
        row |= {"order_front": patterns.front(patterns.rises(value, shape), shape), "value_front": patterns.front(patterns.rises(value, shape, 0.5), shape)}
        row |= {"value_roughness": patterns.roughness(value.reshape(shape)), "value_wavelength": patterns.wavelength(value.reshape(shape)), "visit_spread": 3.0}
        rows.append(row)
        arrays[step] = {"states": states, "value": value.astype(np.float32), "visits": np.arange(n) * step, "returns": np.full(step, -50.0, np.float32)}
        arrays[step] |= {"crystallization": np.full(step, 0.5, np.float32), "pressure": np.linspace(0.1, 1, n, dtype=np.float32)}
    return rows, arrays


def kept(store: Store, name: str, rows: Sequence[Mapping[str, Any]], arrays: Mapping[int, Mapping[str, np.ndarray]]) -> None:
    """One finished run with its snapshots."""
    folder, budget = store.run(name), Budget.model_validate({"steps": LAST, "stop": None}).model_dump(mode="json")
    for step, each in arrays.items():
        folder.put_arrays(step, dict(each))
    folder.finish(Record(name, "budget", "budget used", LAST, rows[-1]["seconds"], {}, {"eval_every": EVERY}, budget, folder.join(rows), WHERE))


def sweep(store: Store, seeds: int = 3) -> str:
    """Lines at two speeds, 1 / target_every, whose return rises at episode 150 and a little more; and a grid."""
    name, entries = "spreading", []
    budget = Budget.model_validate({"steps": LAST, "stop": None}).model_dump(mode="json")
    for arm, shape, every in (("line", (14,), 10), ("line", (14,), 20), ("grid", (5, 6), 10)):
        for seed in range(seeds):
            run = f"{name}-{arm}-{every}-s{seed}"
            kept(store, run, *run_of(shape, 1 / every, seed, 150 + 2 * seed))
            entries.append({"run_id": run, "arm": arm, "name": None, "point": {"target_every": every}, "seed": seed, "budget": budget, "eval_every": EVERY})
    manifest = {"schema": 1, "name": name, "profile": None, "folder": name, "question": "?", "expect": None, "command": f"lal sweep {name}", "report": {}}
    manifest |= {"arms": ["line", "grid"], "axes": ["target_every"], "fit": None, "runs": entries}
    manifest |= {"goal": {"column": "shortfall", "at_least": 0.0, "direction": "min"}}
    store.put_json(f"{store.sweep(name)}/manifest.json", manifest)
    return name


def one(store: Store, shape: tuple[int, ...]) -> str:
    """A single run with arrays, as its report reads it; its id."""
    world = {"kind": "corridor", "size": shape[0]} if len(shape) == 1 else {"kind": "grid_world", "height": shape[0], "width": shape[1]}
    measure = {"eval_every": EVERY, "snapshot_every": EVERY, "metrics": ["returns", "front", "pattern"]}
    config = parse({"kind": "dqn", "environment": world, "pressure": {}, "measure": measure, "budget": {"steps": LAST}})
    name, (rows, arrays) = run_id(config), run_of(shape, 0.1, 0, 150)
    folder = store.run(name)
    folder.put_config(dump(config))
    for step, each in arrays.items():
        folder.put_arrays(step, dict(each))
    budget = dump(config)["budget"]
    folder.finish(Record(name, "budget", "budget used", LAST, 4.0, config.whole_trajectory(), config.whole_measure(), budget, folder.join(rows), WHERE))
    return name


def without_patterns(store: Store) -> str:
    """A sweep of learners that measured none."""
    return learners.arms(store)
