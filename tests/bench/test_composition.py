"""Shared prefixes against each tuple by itself: outputs for whole tables, and training steps online. Reports; asserts no times.

`OMP_NUM_THREADS=1 pytest -m bench -s tests/bench/test_composition.py`
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import process_time

import pytest
import torch
from torch import nn

from lal.composition.prefixes import levels
from lal.runs.composition import Composition
from tests.bench.composition_study import GRID, MLP, RNN, config_of

pytestmark = pytest.mark.bench
ADAM = {"kind": "adam"}
TABLES = {f"{model['kind']}, p = 10, k = {k}": config_of(10, k, 3, 1000, {**model, "width": 64}, ADAM, 1) for model in (RNN, MLP) for k in (3, 4)}
STEPS = {
    "quadratic_rnn, p = 10, k = 3, width 64, batch 1000": config_of(10, 3, 3, 1000, {**RNN, "width": 64}, ADAM, 1),
    "quadratic_rnn, p = 11, k = 3, width 96, batch 500": config_of(11, 3, 3, 500, {**RNN, "width": 96}, ADAM, 1),
    "quadratic_rnn, 4 x 4, k = 3, width 64, batch 500": config_of(0, 3, 3, 500, {**RNN, "width": 64}, ADAM, 1, group=GRID),
    "quadratic_rnn, p = 100, k = 3, width 200, batch 1000": config_of(100, 3, 3, 1000, {**RNN, "width": 200}, ADAM, 1),
    "sequential_mlp, p = 11, k = 2, width 96, batch 400": config_of(11, 2, 4, 400, {**MLP, "width": 96}, {"kind": "per_neuron"}, 1),
    "sequential_mlp, p = 10, k = 3, width 300, batch 1000": config_of(10, 3, 3, 1000, {**MLP, "width": 300}, ADAM, 1),
}


def seconds(work: Callable[[], object], n: int = 15) -> float:
    """Median CPU time of one call."""
    work()
    found = []
    for _ in range(n):
        since = process_time()
        work()
        found.append(process_time() - since)
    return median(found)


def plain_update(run) -> None:
    """One step on fresh tuples, each by itself: matrices times codes."""
    task = run.config.task
    elements = torch.randint(task.order, (task.batch, task.k))
    product = elements[:, 0]
    for place in range(1, task.k):
        product = run.tree.table[product, elements[:, place]]
    loss = nn.functional.mse_loss(run.network(elements, every=False)[:, 0], run.network.codes[product])
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(run.parameters, 0.1)
    run.optimizer.step()


@pytest.mark.parametrize("name", TABLES)
def test_outputs_for_a_whole_table(name):
    config: Composition = TABLES[name]
    run = config.start()
    (rows,) = [run.tree.numbered(torch.arange(config.task.n_tuples))]
    elements = torch.cartesian_prod(*[torch.arange(config.task.order)] * config.task.k)
    with torch.no_grad():
        shared = seconds(lambda: [level.output for level in levels(run.network, run.tree, rows)])
        plain = seconds(lambda: run.network(elements, every=False))
    print(f"\n{name}: {1e3 * shared:.2f} ms for all tuples, each by itself {1e3 * plain:.2f} ms, ratio {plain / shared:.1f}")


@pytest.mark.parametrize("name", STEPS)
def test_a_training_step(name):
    ours, plain = STEPS[name].start(), STEPS[name].start()
    own, other = seconds(ours.advance, 60), seconds(lambda: plain_update(plain), 60)
    print(f"\n{name}: {1e3 * own:.2f} ms a step, each tuple by itself {1e3 * other:.2f} ms, ratio {other / own:.1f}")
