"""What a run costs on this machine, by a model of its parts: for runs that nobody has finished yet. Torch-free.

The constants are those of `python -m tests.bench.fit_machine`: non-negative least squares on relative errors of CPU time, one thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from statistics import median
from time import perf_counter

from lal.config import RunConfig
from lal.metrics.depth import EXACT_UP_TO
from lal.runs.measured import MeasuredRun
from lal.runs.supervised import Supervised

REFERENCE_RATE = 85e9  # what `rate` measured where the constants are from
# seconds for each kind of work that `work` counts
STEP = (3.5e-4, 8.9e-5, 1.5e-11, 5.3e-9, 3.7e-9, 2.2e-9)  # model over measured: 0.67 to 1.21, standard deviation 11 %
LOOK = (3.8e-4, 5.5e-5, 2.1e-11, 5.8e-9, 4.2e-10, 8.6e-10)  # 0.59 to 1.37, standard deviation 20 %
SUBSET_RATE = 21e9  # operations a second of the search for the functional depth, which memory holds back
PROBE_S = 0.04
OPERATIONS = {"mlp": 1, "gated": 2, "routed": 6, "transformer": 15}  # on each layer, by kind of model
BYTES_FIXED, BYTES_VALUE = 40_000, 9


def modelled(config: RunConfig, steps: int) -> float:
    """Seconds of `steps` steps and their evaluations on one thread of this machine."""
    step, look = step_work(config), look_work(config)
    seconds = steps * cost(STEP, step) + (steps / config.eval_every + 1) * cost(LOOK, look)
    if isinstance(config, MeasuredRun):
        seconds += metric_steps(config, config.metrics(), steps) * cost(STEP, full_step_work(config))
    if isinstance(config, Supervised) and "functional_depth" in config.metrics():
        seconds += search_seconds(config, steps)
    return seconds * REFERENCE_RATE / rate()


def metric_steps(config: MeasuredRun, names: Iterable[str], steps: int) -> float:
    """Full-batch steps that those of metrics `names` take, over a run of `steps`, which read all training rows; but for the search for the depth."""
    return sum(config.measure.known[name].cost * n_measurements(config, name, steps) for name in names)


def search_seconds(config: Supervised, steps: int) -> float:
    """Seconds of all searches for the functional depth in a run of `steps` steps."""
    return n_measurements(config, "functional_depth", steps) * one_search_seconds(config)


def n_measurements(config: MeasuredRun, name: str, steps: int) -> float:
    """How often metric `name` is read in a run of `steps` steps."""
    return steps / config.measure.cadence(name) + 1


def one_search_seconds(config: Supervised) -> float:
    """Seconds of one search for the functional depth with all gates open: over all subsets of layers, or greedy over many."""
    model, task = config.model, config.task
    n_test, depth, width = task.n_rows - task.n_train, model.n_layers, model.width
    if depth <= EXACT_UP_TO:
        return 2 * n_test * width * ((2**depth - 1) * width + 2**depth * task.n_classes) / SUBSET_RATE
    return depth * (depth + 1) / 2 * model.flops(task, n_test) / SUBSET_RATE


def cost(constants: tuple[float, ...], amounts: tuple[float, ...]) -> float:
    """Seconds on the reference machine."""
    return sum(constant * amount for constant, amount in zip(constants, amounts, strict=True))


def step_work(config: RunConfig) -> tuple[float, ...]:
    """What one training step is made of."""
    rows = (config.optim.batch_size or config.task.n_train) if isinstance(config, Supervised) else 1
    return work(config, rows, config.flops_per_step())


def full_step_work(config: RunConfig) -> tuple[float, ...]:
    """What a step on all training rows would be made of, whatever the batch; of other kinds of run than supervised ones, any step."""
    if not isinstance(config, Supervised):
        return step_work(config)
    n_train = config.task.n_train
    return work(config, n_train, 3 * config.model.flops(config.task, n_train))


def look_work(config: RunConfig) -> tuple[float, ...]:
    """What one forward pass over all rows is made of."""
    if not isinstance(config, Supervised):
        return work(config, 1, config.flops_per_step() / 3)
    n_rows = config.task.n_rows
    return work(config, n_rows, config.model.flops(config.task, n_rows))


def work(config: RunConfig, n_rows: int, flops: float) -> tuple[float, ...]:
    """Of one pass over `n_rows` rows: a pass, operations on layers, floating-point operations, logits, hidden numbers behind a norm or gate, and
    behind a GELU. Of other kinds of run than supervised ones, the first and third alone are known."""
    if not isinstance(config, Supervised):
        return config.passes_per_step(), 0, flops, 0, 0, 0
    operations = OPERATIONS.get(config.model.kind, max(OPERATIONS.values())) * config.model.n_layers
    return 1, operations, flops, n_rows * config.task.n_classes, *config.model.units(config.task, n_rows)


def storage(config: RunConfig, steps: int) -> int:
    """Bytes of a finished run's folder: checkpoints (weights, two moments), best weights, snapshots of arrays, history, texts."""
    rows = steps // config.eval_every + 2
    checkpoints, snapshots = (1 + (steps // every + 1 if every else 0) for every in (config.save_every, config.snapshot_every))
    states = (12 * checkpoints + 4) * config.n_parameters()
    return states + snapshots * config.snapshot_bytes() + BYTES_FIXED + BYTES_VALUE * len(config.columns()) * rows


@cache
def rate() -> float:
    """Float32 operations a second of one thread, by products of matrices so small that no library shares them out. Takes PROBE_S."""
    import numpy as np

    a = np.random.default_rng(0).standard_normal((64, 64), dtype=np.float32)
    product = np.empty_like(a)
    seconds: list[float] = []
    begun = perf_counter()
    while perf_counter() - begun < PROBE_S or len(seconds) < 100:
        since = perf_counter()
        np.matmul(a, a, out=product)
        seconds.append(perf_counter() - since)
    return 2 * 64**3 / median(seconds)
