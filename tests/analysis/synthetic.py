"""Results folders with a known truth, written through the store as real runs would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from analysis import report
from analysis.collect import Tables
from analysis.report import drawn
from lal.budget import Budget
from lal.events import Goal
from lal.stopping import Stopper, end_of
from lal.store import Failure, Record, Store

GOAL, FIT = Goal("test_acc", 0.99), Goal("train_acc", 0.99)
BUDGET: dict[str, Any] = {"steps": 3000, "stop": {"at_least": 0.99, "sustain": 200, "tail": {"factor": 1.0, "min_steps": 500}}}
EVERY = 25
WEIGHT = "penalties.compute.weight"
WHERE = {
    "commit": "0123456789abcdef",
    "dirty": False,
    "versions": {"python": "3.11.9", "torch": "2.13.0"},
    "host": "bench",
    "machine": "x86_64",
    "device": "cpu",
    "threads": 1,
}


@dataclass(frozen=True)
class Truth:
    """What one synthetic run does.

    Attributes:
        grok: step at which test accuracy jumps to `acc`; None = never.   breaks: step at which it falls back to 0.1.
        diverges: step at which the loss becomes NaN.
        gates: sum of gates at the end (4 at the start), shrinking exponentially.   functional: layers needed at the end.
        entropy: final normalised routing entropy, for routed runs (then there are no gates).
        fails: outcome of a failure instead of a record.   missing: nothing is written.
    """

    grok: int | None = 500
    memorise: int = 100
    acc: float = 1.0
    breaks: int | None = None
    diverges: int | None = None
    gates: float = 4.0
    functional: int = 4
    entropy: float | None = None
    fails: str | None = None
    missing: bool = False


def rows_of(truth: Truth, seed: int, steps: int = 3000, every: int = EVERY) -> list[dict[str, Any]]:
    """The whole history that `truth` gives, up to `steps`."""
    rng = np.random.default_rng(seed)
    rows = []
    for step in range(0, steps + 1, every):
        up = truth.grok is not None and step >= truth.grok and not (truth.breaks is not None and step >= truth.breaks)
        test = truth.acc if up else min(0.3, 0.03 + step / 4000) + 0.01 * rng.random()
        train = 1.0 if step >= truth.memorise else 0.03 + 0.9 * step / truth.memorise
        loss = float("nan") if truth.diverges is not None and step >= truth.diverges else 3.4 * (1 - train) + 0.001
        row: dict[str, Any] = {"step": step, "seconds": step / 250, "lr": 5e-3, "tau": step * 5e-3, "train_loss": loss, "test_loss": 3.4 * (1 - test)}
        row |= {"train_acc": train, "test_acc": float(test)}
        if truth.entropy is None:
            gates = 1 + (truth.gates / 4 - 1) * (1 - np.exp(-step / 400)) * np.array([1.15, 1.05, 0.95, 0.85])
            row |= {"gate_values": np.clip(gates, 0, 1).tolist(), "effective_depth": float(np.clip(gates, 0, 1).sum())}
            depth = 4 if step < 300 else truth.functional
            row |= {"functional_depth": depth, "rounded_acc": float(test)} if step % (10 * every) == 0 else {}
        else:
            norm = truth.entropy + (1 - truth.entropy) * float(np.exp(-step / 600))
            row |= {"routing_entropy": norm * 1.386, "routing_entropy_norm": norm, "effective_heads": 3.8, "hard_acc": test * (1 - 0.5 * norm)}
        rows.append(row)
        if truth.diverges is not None and step >= truth.diverges:
            break
    return rows


@dataclass
class Folder:
    """Builds one sweep's results."""

    store: Store
    name: str = "synthetic"
    axes: tuple[str, ...] = (WEIGHT,)
    arms: tuple[str, ...] = ("soft", "hard")
    budget: Mapping[str, Any] = field(default_factory=lambda: BUDGET)
    report: Mapping[str, Any] = field(default_factory=lambda: {"pareto": {"maximise": {"test_acc": "end"}, "minimise": {"functional_depth": "end"}}})
    question: str = "Does charging a network for depth make it generalise with fewer layers?"
    every: int = EVERY
    runs: list[dict[str, Any]] = field(default_factory=list)

    def add(self, arm: str, point: Mapping[str, Any], seed: int, truth: Truth, name: str | None = None) -> str:
        """Writes one run as its session would have, and lists it."""
        run_id = f"{self.name}-{arm}-{len(self.runs):04d}-s{seed}"
        budget = Budget.model_validate(self.budget)
        self.runs.append(
            {"run_id": run_id, "arm": arm, "name": name, "point": dict(point), "seed": seed, "budget": budget.model_dump(mode="json"), "eval_every": self.every}
        )
        folder = self.store.run(run_id)
        if truth.fails:
            folder.fail(
                Failure(
                    run_id,
                    truth.fails,
                    f"ValueError: {truth.fails} at step 40",
                    40,
                    'Traceback (most recent call last):\n  File "<x>"\nValueError: boom',
                    WHERE,
                )
            )
        elif not truth.missing:
            self.finish(run_id, rows_of(truth, seed, budget.steps, self.every), budget)
        return run_id

    def finish(self, run_id: str, rows: Sequence[Mapping[str, Any]], budget: Budget, every: int | None = None) -> None:
        """Writes history and record, cut where the run's own stopper ends it; `every`: the cadence it was measured at, if not the sweep's."""
        end = end_of(rows, Stopper(budget, GOAL, FIT, every or self.every))
        assert end is not None
        kept = [row for row in rows if row["step"] <= end.step]
        last = dict(kept[-1])
        if "functional_depth" not in last and any("functional_depth" in row for row in kept):
            kept[-1] = last | {name: next(row[name] for row in reversed(kept) if name in row) for name in ("functional_depth", "rounded_acc")}
        folder = self.store.run(run_id)
        size = folder.join(kept)
        folder.finish(
            Record(run_id, end.outcome, end.reason, end.step, kept[-1]["seconds"], {}, {"eval_every": self.every}, budget.model_dump(mode="json"), size, WHERE)
        )

    def write(self) -> str:
        """Writes the manifest; returns the folder's name."""
        manifest = {
            "schema": 1,
            "name": self.name,
            "profile": None,
            "folder": self.name,
            "question": self.question,
            "expect": None,
            "command": f"lal sweep {self.name}",
            "report": dict(self.report),
            "arms": list(self.arms),
            "axes": list(self.axes),
            "goal": {"column": "test_acc", "at_least": 0.99, "direction": "max"},
            "fit": {"column": "train_acc", "at_least": 0.99, "direction": "max"},
            "runs": self.runs,
        }
        self.store.put_json(f"{self.store.sweep(self.name)}/manifest.json", manifest)
        return self.name


def filled(store: Store, truth: Callable[[str, float, int], Truth], weights: Sequence[float] = (0.0, 0.01, 0.1), seeds: int = 3, **settings: Any) -> str:
    """A sweep of arms x weights x seeds in which each run does what `truth(arm, weight, seed)` says; returns its folder's name."""
    folder = Folder(store, **settings)
    for arm in folder.arms:
        for weight in weights:
            for seed in range(seeds):
                folder.add(arm, {WEIGHT: weight}, seed, truth(arm, weight, seed))
    return folder.write()


def quickstart_truth(arm: str, weight: float, seed: int) -> Truth:
    """What the literature of this house found: soft gates evade the charge, hard gates lose layers until they break."""
    rng = np.random.default_rng([seed, int(weight * 1000), arm == "hard"])
    if arm == "soft":
        gates = {0.0: 3.98, 0.01: 3.6, 0.1: 1.5, 0.3: 0.7, 1.0: 0.3}[weight] * (1 + 0.03 * rng.standard_normal())
        acc = 1.0 if rng.random() < 0.8 else 0.9
        return Truth(grok=int(rng.integers(36, 60)) * 25 if acc == 1 else None, gates=min(gates, 4.0), functional=4)
    functional = {0.0: 4, 0.01: 3, 0.03: int(rng.integers(2, 4)), 0.1: int(rng.integers(1, 3)), 0.3: 1, 1.0: 0}[weight]
    grok = {0.0: 1100, 0.01: 2000, 0.03: 1400, 0.1: 1000, 0.3: 1300}.get(weight)
    jitter = int(rng.integers(-8, 9)) * 25
    return Truth(
        grok=None if grok is None or (weight == 0 and seed < 2) else grok + jitter,
        breaks=2200 if weight == 0.3 else None,
        gates=float(functional),
        functional=functional,
        memorise=100 if weight < 1 else 10**6,
        diverges=900 if weight == 1.0 and seed == 4 else None,
        fails="error" if weight == 0.3 and seed == 3 else None,
    )


def quickstart(store: Store) -> str:
    """Results like those of the quickstart, failures included."""
    folder = Folder(store, name="quickstart")
    for arm, weights in (("soft", (0.0, 0.01, 0.1, 0.3, 1.0)), ("hard", (0.0, 0.01, 0.03, 0.1, 0.3, 1.0))):
        for weight in weights:
            for seed in range(5):
                folder.add(arm, {WEIGHT: weight}, seed, quickstart_truth(arm, weight, seed))
    return folder.write()


def single(store: Store) -> str:
    """One run, no axes."""
    folder = Folder(store, name="single", axes=(), arms=("all",))
    folder.add("all", {}, 0, Truth())
    return folder.write()


def cube(store: Store) -> str:
    """Two arms and three axes, one of text, 48 cells."""
    folder = Folder(store, name="cube", axes=(WEIGHT, "model.depth", "task.operation"))
    for arm in folder.arms:
        for weight in (0.0, 1e-5, 0.1, 1.0):
            for depth in (2, 4, 8):
                for operation in ("multiply", "add"):
                    point = {WEIGHT: weight, "model.depth": depth, "task.operation": operation}
                    folder.add(arm, point, 0, Truth(grok=None if weight == 1.0 else 400 + 50 * depth, functional=min(4, depth)))
    return folder.write()


def named(store: Store) -> str:
    """Named points that no axis tells apart, with names that a page must not believe."""
    folder = Folder(store, name="named", axes=(), arms=("all",), question="<script>alert(1)</script> & more?")
    for name in ('<img src=x onerror="alert(1)">', "</script><b>bold</b>", "plain"):
        for seed in range(2):
            folder.add("all", {}, seed, Truth(fails="error") if name == "plain" and seed else Truth(), name=name)
    return folder.write()


def routed(store: Store) -> str:
    """Routed networks: a charge makes routing decisive, in one arm of two."""
    return filled(
        store, lambda arm, weight, seed: Truth(entropy=0.9 - (8 * weight if arm == "entropy" else 0) + 0.01 * seed), name="routed", arms=("entropy", "none")
    )


def without_numbers(store: Store) -> str:
    """Finished runs whose measurements are NaN throughout, as after an immediate divergence."""
    return filled(store, lambda *_: Truth(grok=None, memorise=10**6, diverges=0, gates=float("nan")), name="nan")


def drawn_twice(tables: Tables) -> tuple[list[report.Drawn], list[str]]:
    """As for a page, but for narrow figures with their own traces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "for_page", nullcontext)
        return drawn(tables)


ODD: dict[str, Callable[[Store], str]] = {
    "quickstart": quickstart,
    "single": single,
    "cube": cube,
    "named": named,
    "routed": routed,
    "nan": without_numbers,
    "one seed": lambda store: filled(store, lambda *_: Truth(), seeds=1, name="one-seed"),
    "all failed": lambda store: filled(store, lambda *_: Truth(fails="timeout"), name="all-failed"),
    "all missing": lambda store: filled(store, lambda *_: Truth(missing=True), name="all-missing"),
    "all censored": lambda store: filled(store, lambda *_: Truth(grok=None), name="all-censored"),
}
