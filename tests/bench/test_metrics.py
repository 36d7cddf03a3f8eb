"""What a measurement costs, in training steps: each metric by itself, the set `default` and all of them. Reports; asserts no times."""

from __future__ import annotations

from statistics import median
from time import perf_counter

import pytest
import torch

from lal.config import parse
from lal.metrics import METRICS
from lal.metrics.probe import Probe, looking
from lal.runs.supervised import Supervised
from lal.runs.supervised_loop import SupervisedRun, values_of

pytestmark = pytest.mark.bench
ROUNDS = 7
MODELS = {
    "mlp 2 x 128": {"kind": "mlp"},
    "gated 4 x 128": {"kind": "gated"},
    "routed 2 x 128, 4 heads": {"kind": "routed", "depth": 2},
    "transformer 2 x 128": {"kind": "transformer"},
}


def look(run: SupervisedRun, names: list[str]) -> None:
    """One measurement of `names`; of nothing, it is the pass over all rows that most of them read."""
    with looking(run.network):
        probe = Probe(run.config, run.network, run.data, run.optimizer, run.step)
        assert len(probe.rows.loss)
        values_of(names, probe)


def seconds(call, *arguments: object) -> float:
    begun = perf_counter()
    call(*arguments)
    return perf_counter() - begun


@pytest.mark.parametrize("p", [31, 113])
@pytest.mark.parametrize("name", MODELS)
def test_cost_of_metrics(name: str, p: int, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    task = {"kind": "modular", "p": p, "train_frac": 0.3 if p > 100 else 0.6}
    config = parse({"task": task, "model": MODELS[name], "measure": {"metrics": ["all"]}})
    assert isinstance(config, Supervised)
    run, every = SupervisedRun(config), list(config.metrics())
    default = [each for each in every if METRICS[each].default]
    due = [each for each in default if METRICS[each].period == 1]  # at every evaluation; the rest are slower and due at every `period`-th
    sets = {"the pass alone": [], "default, every evaluation": due, "default, all due": default, "all": every} | {each: [each] for each in every}
    rounds = [[seconds(run._update), *(seconds(look, run, names) for names in sets.values())] for _ in range(ROUNDS + 2)][2:]
    step = median(row[0] for row in rounds)
    with capsys.disabled():
        print(f"\n{name}, p={p}: step {step * 1e3:.1f} ms")
        for index, (label, names) in enumerate(sets.items(), 1):
            shared = len(names) == 1  # of a single metric, the pass is left out
            cost = median((row[index] - shared * row[1]) / row[0] for row in rounds)
            print(f"  {label}: {cost:.2f} steps, {cost * step * 1e3:.1f} ms")
