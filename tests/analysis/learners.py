"""Results of reinforcement learners with a known truth, written through the store as real runs would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lal.budget import Budget
from lal.config import dump, parse, run_id
from lal.store import Record, Store
from tests.analysis.synthetic import WHERE

BUDGET = {"steps": 300, "stop": None}
SIZES, WIDTHS = (5, 15, 30), (8, 32)
Rows = Sequence[Mapping[str, Any]]


def rows_of(size: float, quality: float, noise: np.random.Generator, rate: float = 0.01, sign: int = 1) -> list[dict[str, Any]]:
    """A learner in a corridor of `size` that ends `quality` better than usual; its values' steepness is that of the size, its certainty follows its return,
    with a ripple, so that seeds are not all alike."""
    found = []
    for step in range(0, 301, 20):
        learned = 1 / (1 + np.exp(-(step - 150) / 30))
        reached = -50 + (62 - size + quality) * learned
        row: dict[str, Any] = {"step": step, "seconds": step / 30, "lr": 0.01, "epsilon": 0.99**step, "shortfall": 0.0 if learned > 0.9 else 20.0}
        row |= {"return": reached if step else None, "greedy_return": 12 - size if learned > 0.9 else -50.0, "front_position": -1 if learned > 0.9 else 3}
        row |= {"input_gradient_norm": 2 * size * 1000**0.5 * (0.2 + 0.8 * learned) * (1 + 0.02 * noise.standard_normal())}
        row |= {
            "value_range": 5 + size * learned,
            "action_certainty": 1 + sign * (quality + 0.1 * np.sin(40 * quality)) * learned,
            "policy_entropy": 0.69 - 0.3 * learned,
        }
        row |= {"grad_norm": float(noise.lognormal()), "crystallization": 0.5 + rate * 0.85 * learned, "crystallization_per_rate": 0.85 * learned}
        found.append({name: value for name, value in row.items() if value is not None})
    return found


def arrays_of(pressed: bool) -> dict[str, np.ndarray]:
    """A snapshot after 300 episodes in a corridor of 6."""
    returns = np.linspace(-50, -10, 300)
    found = {"returns": returns, "crystallization": np.linspace(0.5, 0.51, 300), "visits": np.arange(6), "value": np.arange(6.0)}
    if pressed:
        updates = np.sin(np.arange(1000) / 50) + 2
        updates[500:525] += 10 * (np.arange(25) % 2)
        found |= {"pressure": np.linspace(0.1, 1, 6), "uncertainty": np.ones(6), "pressure_by_update": updates, "updates_by_episode": np.arange(300)}
    return found


def sweep(store: Store, runs: Sequence[tuple[str, Mapping[str, Any], int, Rows]], axes: Sequence[str], name: str = "learners") -> str:
    """Writes runs (arm, point, seed, rows) as one sweep; returns its folder's name."""
    entries = []
    budget = Budget.model_validate(BUDGET).model_dump(mode="json")
    for number, (arm, point, seed, rows) in enumerate(runs):
        run = f"{name}-{number:03d}-s{seed}"
        entries.append({"run_id": run, "arm": arm, "name": None, "point": dict(point), "seed": seed, "budget": budget, "eval_every": 20})
        folder = store.run(run)
        folder.finish(Record(run, "budget", "budget of 300 steps used", 300, rows[-1]["seconds"], {}, {"eval_every": 20}, budget, folder.join(rows), WHERE))
    manifest = {"schema": 1, "name": name, "profile": None, "folder": name, "question": "?", "expect": None, "command": f"lal sweep {name}", "report": {}}
    manifest |= {"arms": list(dict.fromkeys(arm for arm, *_ in runs)), "axes": list(axes), "fit": None, "runs": entries}
    manifest |= {"goal": {"column": "shortfall", "at_least": 0.0, "direction": "min"}}
    store.put_json(f"{store.sweep(name)}/manifest.json", manifest)
    return name


def sizes(
    store: Store,
    quality: Callable[[np.random.Generator], float] = lambda noise: float(noise.normal()),
    seeds: int = 5,
    sign: Callable[[int], int] = lambda size: 1,
) -> str:
    """Corridors of three sizes, two widths; what differs within a size is `quality` alone, which certainty follows, by its `sign`."""
    runs = []
    for size in SIZES:
        for width in WIDTHS:
            for seed in range(seeds):
                noise = np.random.default_rng([size, width, seed])
                runs.append(("all", {"environment.size": size, "network.width": width}, seed, rows_of(size, quality(noise), noise, sign=sign(size))))
    return sweep(store, runs, ["environment.size", "network.width"])


def arms(store: Store) -> str:
    """Two arms at two rates, in which nothing but the rate differs."""
    runs = []
    for arm in ("none", "focus"):
        for rate in (0.01, 0.02):
            for seed in range(6):
                noise = np.random.default_rng([seed, int(1000 * rate), len(arm)])
                runs.append((arm, {"crystallization.rate": rate}, seed, rows_of(30, float(noise.normal()), noise, rate * (1 + 0.01 * noise.normal()))))
    return sweep(store, runs, ["crystallization.rate"], "arms")


def one(store: Store, pressed: bool) -> str:
    """A single run with arrays; its id."""
    config = parse({"kind": "dqn", "environment": {"kind": "corridor", "size": 6}, "pressure": {} if pressed else None, "measure": {"eval_every": 20}})
    budget, name = dump(config)["budget"], run_id(config)
    folder, rows = store.run(name), rows_of(6, 0.0, np.random.default_rng(0))
    folder.put_config(dump(config))
    folder.put_arrays(300, arrays_of(pressed))
    record = Record(name, "budget", "budget used", 300, 10.0, config.whole_trajectory(), config.whole_measure(), budget, folder.join(rows), WHERE)
    folder.finish(record)
    return name
