"""The laws of group composition over seeds, by hand: `OMP_NUM_THREADS=1 python -m tests.bench.composition_study NAME [SEEDS]`; see docs/findings.md."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import permutations
from math import isfinite
from statistics import median
from typing import Any

import pandas as pd
import torch

from analysis.staircases import Climb, of_rows, theory_of
from lal.config import dump, parse
from lal.runs.composition import Composition
from lal.runs.run import Row
from lal.stopping import Stopper
from lal.terminal import harmless

STOP = {"sustain": 0, "tail": {"factor": 0, "min_steps": 0}}
RNN, MLP = {"kind": "quadratic_rnn"}, {"kind": "sequential_mlp"}
Rows = list[Row]


def config_of(p: int, k: int, n_modes: int, batch: int, model: dict, optim: dict, steps: int, **changes: Any) -> Composition:
    """A run on C_p; `changes`: group, outputs, reduction, eval_every, metrics."""
    task = {
        "group": changes.get("group", {"kind": "cyclic", "p": p}),
        "template": {"kind": "fourier", "n_modes": n_modes},
        "k": k,
        "sampling": {"kind": "online", "batch_size": batch},
        "outputs": changes.get("outputs", "last"),
    }
    budget = {"steps": steps, "stop": {"at_least": changes.get("reduction", 0.99), **STOP}}
    usual = ["loss", "spectrum", "neurons", "mixing"] if model["kind"] == RNN["kind"] and k > 2 else ["default"]
    measure = {"eval_every": changes.get("eval_every", 10), "metrics": changes.get("metrics", usual)}
    return parse({"kind": "composition", "task": task, "model": model, "optim": optim, "budget": budget, "measure": measure})  # type: ignore[return-value]


def started(config: Composition, seed: int) -> Any:
    """The run of one seed, which draws its template, too, at step 0."""
    template = config.task.template.model_copy(update={"seed": seed})
    return config.model_copy(update={"seed": seed, "task": config.task.model_copy(update={"template": template})}).start()


def trained(config: Composition, seed: int) -> tuple[Rows, Any]:
    """The rows of one seed, and the run."""
    run = started(config, seed)
    return [row for row in run.rows(Stopper(config.budget, config.goal, config.fit)) if "test_loss" in row], run


def steps_of(rows: Rows, config: Composition) -> int | None:
    """The evaluation at which the goal was reached."""
    return next((row["step"] for row in rows if config.goal.met(row["reduction"])), None)


def climbed(rows: Rows, run: Any) -> Climb:
    """How the run came down, as reports have it."""
    theory = theory_of(dump(run.config))
    assert theory is not None
    return of_rows(theory, pd.DataFrame(rows))


def permuted(run: Any) -> float:
    """Mean power of the difference between outputs for the same elements in two orders, as a share of the outputs' power; the largest over orders."""
    elements = torch.randint(run.config.task.order, (200, run.config.task.k), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first, *others = (run.network(elements[:, list(order)])[:, -1] for order in permutations(range(run.config.task.k)))
    return max(((each - first).square().mean() / first.square().mean()).item() for each in others)


def staircase(config: Composition, seeds: range) -> None:
    """One line a seed: plateaus against theory, the order of modes, the end, specialisation, and how much the order of the elements counts."""
    for seed in seeds:
        rows, run = trained(config, seed)
        untrained = run.config.start()
        found, last = climbed(rows, run), rows[-1]
        errors = " ".join(f"{100 * each.error:+.2f}" for each in found.plateaus)
        mixing = f" mix {last['mix_share']:.2f} chance {last['mix_chance']:.2f}" if "mix_share" in last else ""
        own = run.reader.template.power[run.reader.template.staircase.modes]
        off = max(abs(power / right - 1) for power, right in zip(last["mode_power"], own, strict=True))
        order = f"permuted {permuted(untrained):.3g} -> {permuted(run):.2g}"
        ends = f"99 % at {steps_of(rows, config)}, powers within {100 * off:.1f} %, others {100 * last['off_power'] / own.sum():.2g} %"
        modes, units = f"modes at {list(found.learned)}, in order {found.in_order}", f"specialisation {last['specialisation']:.3f}{mixing}"
        say(f"seed {seed}: plateaus {errors} %; {modes}; {ends}; {units}; {order}")


def times(configs: dict[str, Composition], seeds: range) -> None:
    """One line a configuration: steps to its goal, by seed."""
    for name, config in configs.items():
        found = [steps_of(trained(config, seed)[0], config) for seed in seeds]
        known = [config.budget.steps if each is None else each for each in found]
        say(f"{name}: median {median(known):g}, by seed {found}")


def say(line: str) -> None:
    sys.stdout.write(f"{harmless(line)}\n")
    sys.stdout.flush()


def init(seeds: range) -> None:
    """Steps to 95 % from weights of three scales."""
    optims = {
        "per_neuron 0.1": {"kind": "per_neuron", "lr": 0.1},
        "gradient descent 0.1": {"kind": "per_neuron", "lr": 0.1, "degree": 2},
        "adam 0.001": {"kind": "adam"},
    }
    cells = {(name, scale): config_of(11, 2, 1, 400, {**MLP, "width": 32, "init_scale": scale}, optim, 5_000, reduction=0.95, eval_every=1)
             for name, optim in optims.items() for scale in (1e-3, 1e-2, 3e-2)}  # fmt: skip
    times({f"{name} from {scale:g}": config for (name, scale), config in cells.items()}, seeds)


def outputs(seeds: range) -> None:
    """Steps to 99 %, asked for the product of all elements, or of the first t for each t."""
    times({each: config_of(10, 3, 3, 1000, {**RNN, "width": 128}, {"kind": "adam", "lr": 3e-3}, 15_000, outputs=each) for each in ("every", "last")}, seeds)


def optimizers(seeds: range) -> None:
    """Steps to 99 %, per neuron and by Adam."""
    optims = {"per_neuron 0.05": {"kind": "per_neuron", "lr": 0.05}, "adam 0.001": {"kind": "adam"}, "adam 0.003": {"kind": "adam", "lr": 3e-3}}
    times({name: config_of(11, 2, 4, 400, {**MLP, "width": 96}, optim, 15_000) for name, optim in optims.items()}, seeds)


def without_end(run: Any) -> list[float]:
    """Test losses every 50 steps of its budget, whatever a stopper would have said."""
    losses = []
    for step in range(run.config.budget.steps + 1):
        if step % 50 == 0:
            losses.append(run.measured(["loss"])["loss"]["test_loss"])
        run.advance()
    return losses


def rates(seeds: range) -> None:
    """How large the loss becomes, as a multiple of the first, and the least after that, at learning rates up to 1,000; divergence ends none of these."""
    cells = {f"{model['kind']} adam {lr:g}": (model, {"kind": "adam", "lr": lr}) for model in (RNN, MLP) for lr in (0.03, 0.1, 0.3, 1.0, 10.0, 1000.0)}
    cells |= {f"sequential_mlp per_neuron {lr:g}": (MLP, {"kind": "per_neuron", "lr": lr}) for lr in (0.3, 1.0, 3.0, 10.0, 100.0, 1000.0)}
    cells |= {f"quadratic_rnn hybrid {scaling:g}": (RNN, {"kind": "hybrid", "scaling": scaling}) for scaling in (-2.0, -3.0, -4.0)}
    for name, (model, optim) in cells.items():
        for k in (2, 3):
            said = []
            for seed in seeds:
                losses = without_end(started(config_of(7, k, 2, 200, {**model, "width": 32}, optim, 3000), seed))
                finite = [each for each in losses if isfinite(each)]
                top = finite.index(max(finite))
                end = "" if len(finite) == len(losses) else " -> not finite"
                said.append(f"{finite[top] / losses[0]:.2g} -> {min(finite[top:]) / losses[0]:.2g}{end}")
            say(f"{name} k {k}: {', '.join(said)}")


GRID = {"kind": "product", "p1": 4, "p2": 4}
STUDIES: dict[str, Callable[[range], None]] = {
    "init": init,
    "outputs": outputs,
    "optimizers": optimizers,
    "rates": rates,
    "feed_forward": lambda seeds: staircase(config_of(11, 2, 4, 400, {**MLP, "width": 96}, {"kind": "per_neuron", "lr": 0.05}, 20_000), seeds),
    "recurrent": lambda seeds: staircase(config_of(11, 3, 3, 500, {**RNN, "width": 96}, {"kind": "adam", "lr": 3e-3}, 20_000), seeds),
    "grid": lambda seeds: staircase(config_of(0, 3, 3, 500, {**RNN, "width": 64}, {"kind": "adam", "lr": 3e-3}, 20_000, group=GRID), seeds),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    STUDIES[sys.argv[1]](range(int(sys.argv[2]) if len(sys.argv) > 2 else 5))
