"""The transformer's forward and backward pass, each beginning computed once: against its own `run`, which shares nothing but reads the last layer
at one position, and against a hand-written loop over whole sequences. Reports ratios; asserts none."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter

import pytest
import torch
from torch.nn import functional

from lal.config import parse
from lal.runs.supervised_loop import SupervisedRun
from tests.bench.plain import PlainTransformer, sentences

pytestmark = pytest.mark.bench
ROUNDS = 9
PAIRS = {"p": 113, "train_frac": 0.3}
CASES = {
    **{f"{depth} layers, {kind}, p=113": (PAIRS, depth, kind, None) for depth in (1, 2) for kind in ("plain", "routed")},
    **{f"2 layers, {kind}, p=17, three operands": ({"p": 17, "operands": 3, "train_frac": 0.5}, 2, kind, None) for kind in ("plain", "routed")},
    "2 layers, plain, p=31": ({"p": 31, "train_frac": 0.6}, 2, "plain", None),
    **{f"2 layers, plain, p=113, {batch} rows": (PAIRS, 2, "plain", batch) for batch in (32, 256, 1024)},
}


def seconds(logits: Callable[[], torch.Tensor], network: torch.nn.Module, targets: torch.Tensor) -> float:
    """Of one forward and backward pass."""
    network.zero_grad()
    begun = perf_counter()
    functional.cross_entropy(logits(), targets).backward()
    return perf_counter() - begun


@pytest.mark.parametrize("name", CASES)
def test_against_whole_sequences(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    task, depth, kind, batch = CASES[name]
    config = parse({"task": task, "model": {"kind": "transformer", "depth": depth, "feed_forward": {"kind": kind}}})
    run, hand = SupervisedRun(config), PlainTransformer(config)  # type: ignore[arg-type]
    rows = run.data.train[torch.randperm(len(run.data.train))[:batch]] if batch else run.data.train
    tokens, targets = run.data.tokens[rows], run.data.targets[rows]
    inputs, network = sentences(config, tokens), run.network  # type: ignore[arg-type]
    sides = {
        "ours": (lambda: network(tokens).logits, network),
        "run": (lambda: network.run(network.embed(tokens)).logits, network),
        "hand": (lambda: hand(inputs)[0], hand),
    }
    for logits, module in sides.values():
        seconds(logits, module, targets)
    times = {side: [] for side in sides}
    for _ in range(ROUNDS * (1 if len(tokens) > 1000 else 5)):
        for side, (logits, module) in sides.items():
            times[side].append(seconds(logits, module, targets))
    ours, own, plain = (median(times[side]) for side in sides)
    faster = {side: median(a / b for a, b in zip(times[side], times["ours"], strict=True)) for side in ("run", "hand")}
    with capsys.disabled():
        told = f"ours {ours * 1e3:.1f} ms, run {own * 1e3:.1f} ms, hand-written {plain * 1e3:.1f} ms"
        print(f"\n{name}: {told}; {faster['run']:.2f} times as fast as run, {faster['hand']:.2f} as the hand-written")
