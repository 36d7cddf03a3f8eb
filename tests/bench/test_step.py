"""A training step of every kind of network: against a hand-written plain loop, and against the machine's rate of matrix products. Asserts no times."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from statistics import median
from time import perf_counter

import pytest
import torch

from lal.config import parse
from lal.runs.supervised_loop import SupervisedRun
from tests.bench.plain import plain_step

pytestmark = pytest.mark.bench
ROUNDS, STEPS = 15, 40
RUNS = {
    f"{model['kind']} p={p}": {
        "task": {"kind": "modular", "p": p, "train_frac": frac},
        "model": model,
        "optim": {"kind": "adamw", "lr": 5e-3},
        "penalties": {"compute": {"kind": "sum", "weight": 0.01}} if model["kind"] == "gated" else {},
    }
    for p, frac in ((31, 0.6), (113, 0.3))
    for model in (
        {"kind": "mlp", "depth": 2, "width": 128},
        {"kind": "gated", "depth": 4, "width": 128},
        {"kind": "routed", "depth": 2, "width": 128, "activation": "relu"},
        {"kind": "transformer"},
    )
}


@cache
def attainable() -> float:
    """Float32 operations a second of one thread in large matrix products: the best of ten."""
    a, product = torch.randn(1024, 1024), torch.empty(1024, 1024)
    return 2 * 1024**3 / min(seconds(lambda: torch.mm(a, a, out=product), 1) for _ in range(10))


def seconds(step: Callable[[], None], steps: int) -> float:
    begun = perf_counter()
    for _ in range(steps):
        step()
    return (perf_counter() - begun) / steps


@pytest.mark.parametrize("name", RUNS)
def test_step_against_a_plain_loop(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    config = parse(RUNS[name])
    run, plain = SupervisedRun(config), plain_step(config)  # type: ignore[arg-type]
    steps = max(1, round(STEPS * 1e8 / config.flops_per_step()))
    for step in (run.advance, plain):
        seconds(step, 2)
    pairs = [(seconds(run.advance, steps), seconds(plain, steps)) for _ in range(ROUNDS)]
    ours, theirs = (median(each) for each in zip(*pairs, strict=True))
    ratio = median(a / b for a, b in pairs)
    rate = config.flops_per_step() / ours
    with capsys.disabled():
        share = f"{rate / 1e9:.0f} of {attainable() / 1e9:.0f} GFLOP/s attainable, {rate / attainable():.0%}"
        print(f"\n{name}: ours {ours * 1e3:.2f} ms, plain {theirs * 1e3:.2f} ms a step, ratio {ratio:.2f}; {share}")
