"""What a run costs on this machine, by a model of its parts: for runs that nobody has finished yet. Torch-free.

The constants are those of `python -m tests.bench.fit_machine`: non-negative least squares on relative errors of CPU time, one thread.
"""

from __future__ import annotations

from functools import cache
from statistics import median
from time import perf_counter
from typing import Any

from lal.config import RunConfig
from lal.metrics import METRICS

REFERENCE_RATE = 85e9  # what `rate` measured where the constants are from
# seconds for each kind of work that `work` counts
STEP = (3.5e-4, 8.9e-5, 1.5e-11, 5.3e-9, 3.7e-9, 2.2e-9)  # model over measured: 0.67 to 1.21, standard deviation 11 %
LOOK = (3.8e-4, 5.5e-5, 2.1e-11, 5.8e-9, 4.2e-10, 8.6e-10)  # 0.59 to 1.37, standard deviation 20 %
SUBSET_RATE = 21e9  # operations a second of the search for the functional depth, which memory holds back
PROBE_S = 0.04
OPERATIONS = {"mlp": 1, "gated": 2, "routed": 6, "transformer": 15}  # on each layer, by kind of model
EXACT_UP_TO = 8  # layers, as in lal/metrics/depth.py
BYTES_FIXED, BYTES_VALUE = 40_000, 9


def modelled(config: RunConfig, steps: int) -> float:
    """Seconds of `steps` steps and their evaluations on one thread of this machine."""
    n_looks = steps / config.eval_every + 1
    n_train, n_rows = rows_of(config)
    flops = config.flops_per_step()
    step = cost(STEP, work(config, n_train, flops))
    seconds = (steps + metric_steps(config, steps)) * step + n_looks * cost(LOOK, work(config, n_rows, look_flops(config, n_rows)))
    cadence = depth_cadence(config)
    searches = (steps / cadence + 1) * search_seconds(config) if cadence else 0.0
    return (seconds + searches) * REFERENCE_RATE / rate()


def metric_steps(config: RunConfig, steps: int) -> float:
    """Training steps that costly metrics take over a run of `steps` steps, but for the search for the functional depth."""
    names = config.metrics() if hasattr(config, "metrics") else ()  # type: ignore[attr-defined]
    return sum(METRICS[name].cost * (steps / config.measure.cadence(name) + 1) for name in names)  # type: ignore[attr-defined]


def look_flops(config: RunConfig, n_rows: int) -> float:
    """Floating-point operations of one forward pass over `n_rows` rows."""
    model, task = getattr(config, "model", None), getattr(config, "task", None)
    return config.flops_per_step() / 3 if model is None or task is None else model.flops(task, n_rows)


def cost(constants: tuple[float, ...], amounts: tuple[float, ...]) -> float:
    """Seconds on the reference machine."""
    return sum(constant * amount for constant, amount in zip(constants, amounts, strict=True))


def work(config: RunConfig, n_rows: int, flops: float) -> tuple[float, ...]:
    """What one pass over `n_rows` rows is made of: a pass, operations on layers, floating-point operations, logits, hidden units behind
    a norm or gate, and behind a GELU. Of kinds of run without model and task, the first and third alone are known."""
    model, task = getattr(config, "model", None), getattr(config, "task", None)
    if model is None or task is None:
        return 1, 0, flops, 0, 0, 0
    operations = OPERATIONS.get(model.kind, max(OPERATIONS.values())) * model.n_layers
    units = model.hidden_units(task, n_rows) if hasattr(model, "hidden_units") else n_rows * model.n_layers * layer_units(model)
    scaled = model.kind != "mlp" or model.norm != "none"
    return 1, operations, flops, n_rows * task.n_classes, units if scaled else 0, units if model.activation == "gelu" else 0


def layer_units(model: Any) -> int:
    """Hidden units of one layer."""
    return getattr(model, "heads", 1) * (getattr(model, "head_width", None) or model.width)


def rows_of(config: RunConfig) -> tuple[int, int]:
    """(rows of a step, rows of an evaluation)."""
    task, optim = getattr(config, "task", None), getattr(config, "optim", None)
    return ((optim and optim.batch_size) or task.n_train, task.n_rows) if task else (1, 1)


def depth_cadence(config: RunConfig) -> int:
    """Steps between searches for the functional depth; 0 for none."""
    wanted = "functional_depth" in config.metrics() if hasattr(config, "metrics") else False  # type: ignore[attr-defined]
    return config.measure.cadence("functional_depth") if wanted else 0  # type: ignore[attr-defined]


def search_seconds(config: RunConfig) -> float:
    """Seconds of one search for the functional depth with all gates open: over all subsets of layers, or greedy over many."""
    model, task = config.model, config.task  # type: ignore[attr-defined]
    n_test, depth, width = task.n_rows - task.n_train, model.n_layers, model.width
    if depth <= EXACT_UP_TO:
        return 2 * n_test * width * ((2**depth - 1) * width + 2**depth * task.n_classes) / SUBSET_RATE
    return depth * (depth + 1) / 2 * model.flops(task, n_test) / SUBSET_RATE


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
