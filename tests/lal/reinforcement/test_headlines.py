"""The numbers that the control parameter was first reported with, on one seed; of more seeds they are in docs/findings.md."""

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


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS)
def test_crystallization_and_return_after_300_episodes(arm: str) -> None:
    pressure, rate, (low, high) = ARMS[arm]
    config = parse(
        {
            "kind": "dqn",
            "environment": {"kind": "corridor", "size": 30},
            "optim": {"kind": "adam", "lr": 1e-3, "betas": [0.9, 0.999], "clip": 1.0, "batch_size": 64},
            "replay": {"last_action": 0.75},
            "pressure": pressure,
            "crystallization": {"rate": rate},
            "measure": {"eval_every": 300},
        }
    )
    last = list(config.start().rows(Stopper(config.budget, config.goal, config.fit)))[-1]
    assert low <= last["crystallization"] <= high
    assert -21.5 <= last["return"] <= -18
    assert last["greedy_return"] == -18
    if arm != "none":
        assert last["uncertainty_low"] == last["uncertainty_high"] == 1
