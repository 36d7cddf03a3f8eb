"""What selective pressure costs: an episode under each rule against one without, and against pressure that is worked out one transition at a time."""

from __future__ import annotations

from statistics import median
from time import process_time
from typing import Any

import pytest
import torch

from lal.config import parse
from lal.runs.dqn_loop import DqnRun

pytestmark = pytest.mark.bench
ROUNDS, WARM = 15, 3
RULES: dict[str, dict[str, Any] | None] = {
    "none": None,
    "legacy": {"uncertainty": "legacy"},
    "actions": {"uncertainty": "actions"},
    "ensemble of 4": {"uncertainty": "ensemble", "members": 4},
    "one transition at a time": {"uncertainty": "actions"},
}


def run_of(name: str) -> DqnRun:
    config = parse(
        {
            "kind": "dqn",
            "environment": {"kind": "corridor", "size": 30},
            "optim": {"kind": "adam", "lr": 1e-3, "clip": 1.0, "batch_size": 64},
            "exploration": {"start": 0.32, "decay": 1.0},  # the mean of 300 episodes of the usual decay
            "pressure": RULES[name],
        }
    )
    run = config.start()
    assert isinstance(run, DqnRun)
    if name == "one transition at a time":
        slow(run)
    return run


def slow(run: DqnRun) -> None:
    """A forward pass for each transition of a batch, as uncertainty is fed where it is not looked up."""
    assert run.presser is not None
    looked_up = run.presser.weights

    def weights(batch, q, crystallization):
        with torch.no_grad():
            for row in range(len(batch.action)):
                run.learner.network(batch.seen[row : row + 1]).var().item()
        return looked_up(batch, q, crystallization)

    run.presser.weights = weights


def seconds_per_update(run: DqnRun) -> float:
    before, begun = run.learner.updates, process_time()
    run.advance()
    return (process_time() - begun) / (run.learner.updates - before)


def test_pressure_against_none(capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    runs = {name: run_of(name) for name in RULES}
    for run in runs.values():
        for _ in range(WARM):
            run.advance()
    times = [{name: seconds_per_update(run) for name, run in runs.items()} for _ in range(ROUNDS)]
    with capsys.disabled():
        for name in runs:
            ratio = median(each[name] / each["none"] for each in times)
            print(f"\n{name}: {median(each[name] for each in times) * 1e3:.2f} ms an update, {ratio:.2f} times none", end="")
