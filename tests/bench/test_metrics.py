"""What a measurement costs, in training steps: each metric by itself, the set `default` and all of them. Reports; asserts no times."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import process_time

import pytest
import torch

from lal.config import parse
from lal.metrics import METRICS
from lal.metrics.probe import Probe, looking
from lal.runs.measured import values_of
from lal.runs.supervised import Supervised
from lal.runs.supervised_loop import SupervisedRun

pytestmark = pytest.mark.bench
ROUNDS = 5
MODELS = {
    "mlp 2 x 128": {"kind": "mlp"},
    "gated 4 x 128": {"kind": "gated"},
    "routed 2 x 128, 4 heads": {"kind": "routed", "depth": 2},
    "transformer 2 x 128": {"kind": "transformer"},
}


def costs(run: SupervisedRun, names: list[str]) -> list[float]:
    """Seconds of the pass over all rows that most metrics read, then of each metric by itself."""
    with looking(run.network):
        probe = Probe(run.config, run.network, run.data, run.optimizer, run.step)
        found = [seconds(lambda: probe.rows)]
        for name in names:
            fresh = Probe(run.config, run.network, run.data, run.optimizer, run.step)
            fresh.__dict__["_pass"] = probe._pass
            found.append(seconds(lambda name=name, fresh=fresh: values_of(METRICS, [name], fresh)))
    return found


def seconds(call: Callable[[], object]) -> float:
    """CPU time, of one thread: what others do on the machine is left out."""
    begun = process_time()
    call()
    return process_time() - begun


@pytest.mark.parametrize("p", [31, 113])
@pytest.mark.parametrize("name", MODELS)
def test_cost_of_metrics(name: str, p: int, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    task = {"kind": "modular", "p": p, "train_frac": 0.3 if p > 100 else 0.6}
    config = parse({"task": task, "model": MODELS[name], "measure": {"metrics": ["all"]}})
    assert isinstance(config, Supervised)
    run, names = SupervisedRun(config), config.metrics()
    rounds = [[seconds(run.advance), *costs(run, list(names))] for _ in range(ROUNDS + 2)][2:]
    step, alone, *each = (median(column) for column in zip(*rounds, strict=True))
    shares = {name: cost / step for name, cost in zip(names, each, strict=True)}
    default = [name for name in names if METRICS[name].default]
    sets = {
        "pass over all rows": 0.0,
        "default, mean over evaluations": sum(shares[name] / METRICS[name].period for name in default),
        "default, when all are due": sum(shares[name] for name in default),
        "all but functional depth": sum(share for name, share in shares.items() if name != "functional_depth"),
        "all": sum(shares.values()),
    }
    with capsys.disabled():
        print(f"\n{name}, p={p}: a step {step * 1e3:.1f} ms")
        for label, share in sets.items():
            print(f"  {label}: {alone / step + share:.2f} steps, {alone * 1e3 + share * step * 1e3:.1f} ms")
        for label, share in shares.items():
            print(f"    {label}: {share:.2f} steps, {share * step * 1e3:.1f} ms")
