"""The numbers that the control parameter was first reported with, on three seeds; of more they are in docs/findings.md."""

from __future__ import annotations

from typing import Any

import pytest

from lal.config import parse
from lal.stopping import Stopper

ARMS: dict[str, tuple[dict[str, Any] | None, float, tuple[float, float]]] = {
    "none": (None, 0.01, (0.5065, 0.5095)),
    "value focus": ({"alpha": 0.3, "gamma": 0.1, "uncertainty": "legacy"}, 0.01, (0.5065, 0.5095)),
    "uncertainty focus at twice the rate": ({"alpha": 0.1, "gamma": 0.4, "uncertainty": "legacy"}, 0.02, (0.514, 0.519)),
}


def last_row(arm: str, seed: int) -> dict[str, Any]:
    """Of 300 episodes in a corridor of 30."""
    pressure, rate, _ = ARMS[arm]
    config = parse(
        {
            "kind": "dqn",
            "seed": seed,
            "environment": {"kind": "corridor", "size": 30},
            "optim": {"kind": "adam", "lr": 1e-3, "betas": [0.9, 0.999], "clip": 1.0, "batch_size": 64},
            "replay": {"last_action": 0.75},
            "pressure": pressure,
            "crystallization": {"rate": rate},
            "measure": {"eval_every": 300},
        }
    )
    return list(config.start().rows(Stopper(config.budget, config.goal, config.fit)))[-1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_crystallization_and_return_after_300_episodes(seed: int) -> None:
    """The gap between the arms is there on every seed, and is that of their rates."""
    last = {arm: last_row(arm, seed) for arm in (ARMS if seed == 0 else [*ARMS][1:])}
    for arm, row in last.items():
        low, high = ARMS[arm][2]
        assert low <= row["crystallization"] <= high
        assert -21.5 <= row["return"] <= -18
        assert row["greedy_return"] == -18
        if arm != "none":
            assert row["uncertainty_low"] == row["uncertainty_high"] == 1
    value, uncertainty = (last[arm] for arm in [*ARMS][1:])
    assert uncertainty["crystallization"] > value["crystallization"] + 0.004
    assert abs(uncertainty["crystallization_per_rate"] - value["crystallization_per_rate"]) < 0.15
