"""Fits the constants of launch/planning/machine.py to networks on this machine and prints them: `OMP_NUM_THREADS=1 python -m tests.bench.fit_machine`."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import numpy as np
import torch
from scipy.optimize import nnls

from lal.config import parse
from lal.metrics import METRICS
from lal.metrics.depth import EXACT_UP_TO
from lal.metrics.probe import Probe, looking
from lal.runs.measured import values_of
from lal.runs.supervised import Supervised
from lal.runs.supervised_loop import SupervisedRun
from launch.planning import machine

MODELS = (
    *({"kind": "mlp", "width": width} for width in (64, 128, 256)),
    *(
        {"kind": "gated", "width": width, "depth": depth, "activation": each}
        for width, depth in ((16, 2), (64, 4), (128, 4), (64, 8))
        for each in ("relu", "gelu")
    ),
    *({"kind": "routed", "width": width, "activation": each, "norm": norm} for width in (32, 64) for each, norm in (("relu", "layer"), ("gelu", "none"))),
    {"kind": "routed", "width": 128, "depth": 2},
    *({"kind": "transformer", "depth": depth, "feed_forward": {"kind": kind}} for depth in (1, 2) for kind in ("plain", "routed")),
)
TASKS = ((11, 0.6), (31, 0.7), (59, 0.5), (113, 0.3))
REPEATS = 8


def best(call: Callable[[], object], times: int) -> float:
    """Least CPU seconds of a call, of `REPEATS` averages over `times`: what others do on the machine is left out."""
    call()
    seconds = []
    for _ in range(REPEATS):
        since = process_time()
        for _ in range(times):
            call()
        seconds.append((process_time() - since) / times)
    return min(seconds)


def look(run: SupervisedRun, names: list[str]) -> None:
    with looking(run.network):
        values_of(METRICS, names, Probe(run.config, run.network, run.data))


def measured(config: Supervised) -> tuple[float, float, float]:
    """Seconds of a step, of an evaluation without functional depth, and of the search for that."""
    run = SupervisedRun(config)
    few = 10 if config.task.p < 100 else 3
    names = [name for name in config.metrics() if name != "functional_depth" and not METRICS[name].cost]
    plain = best(lambda: look(run, names), few)
    gated = config.model.has_gates and config.model.n_layers <= EXACT_UP_TO
    search = best(lambda: look(run, [*names, "functional_depth"]), 1) - plain if gated else 0.0
    return best(run.advance, few), plain, search


def fitted(amounts: list[tuple[float, ...]], seconds: list[float], title: str) -> None:
    """Prints the constants, and how far the model is off."""
    weighed = np.array(amounts) / np.array(seconds)[:, None]
    scale = weighed.max(0)
    constants = nnls(weighed / scale, np.ones(len(seconds)))[0] / scale
    ratios = weighed @ constants
    print(
        title,
        "(" + ", ".join(f"{constant:.2g}" for constant in constants) + ")",
        f"model over measured {ratios.min():.2f} to {ratios.max():.2f}, sd {np.log(ratios).std():.2f}",
    )


def main() -> None:
    torch.set_num_threads(1)
    print(f"REFERENCE_RATE {machine.rate():.3g}")
    steps, looks, step_s, look_s, rates = [], [], [], [], []
    for model in MODELS:
        for p, frac in TASKS:
            penalties = {"compute": {"kind": "sum", "weight": 0.01}} if model["kind"] == "gated" else {}
            config = parse({"task": {"kind": "modular", "p": p, "train_frac": frac}, "model": model, "optim": {"kind": "adamw"}, "penalties": penalties})
            assert isinstance(config, Supervised)
            step, plain, search = measured(config)
            steps.append(machine.step_work(config))
            looks.append(machine.look_work(config))
            step_s.append(step)
            look_s.append(plain)
            rates += [machine.one_search_seconds(config) * machine.SUBSET_RATE / search] if search > 1e-3 else []
            print(f"{model} p={p}: step {step * 1e3:.2f} ms, evaluation {plain * 1e3:.2f} ms, search {search * 1e3:.2f} ms", flush=True)
    fitted(steps, step_s, "STEP")
    fitted(looks, look_s, "LOOK")
    print(f"SUBSET_RATE {np.median(rates):.2g} ({min(rates):.2g} to {max(rates):.2g})")


if __name__ == "__main__":
    main()
