"""Results of group composition with a known staircase, written through the store as real runs would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import yaml

from lal.config import RunConfig, dump
from lal.runs.composition import Composition
from lal.stopping import Stopper, end_of
from lal.store import Record, Store
from launch.parsing.reading import Document
from launch.sweep import expanded, manifest
from tests.analysis.synthetic import WHERE
from tests.analysis.synthetic_run import packed

EVERY, STEPS = 20, 2000
BASE: dict[str, Any] = {
    "kind": "composition",
    "task": {"group": {"kind": "cyclic", "p": 11}, "template": {"kind": "fourier", "n_modes": 3}, "k": 3},
    "model": {"kind": "quadratic_rnn", "width": 24},
    "optim": {"kind": "adam"},
    "measure": {"eval_every": EVERY},
    "budget": {"steps": STEPS, "stop": {"at_least": 0.99, "sustain": 100, "tail": {"factor": 0.0, "min_steps": 100}}},
}
AT = (100, 500, 1000)  # steps at which modes are learned, strongest first
Truth = Callable[[Any], Mapping[str, Any]]


def shares_learned(at: tuple[float, ...], step: int) -> np.ndarray:
    """Share of each mode's amplitude that outputs have at `step`: half of the power at the given steps, all of it soon after."""
    return 1 / (1 + (2**0.5 - 1) * (np.array(at) / max(step, 1)) ** 20)


def rows_of(config: Composition, at: tuple[float, ...] = AT, off: float = 1.0) -> list[dict[str, Any]]:
    """The history of a run that learns its template's modes `at` those steps; `off`: a factor on the error of all that is not learned after the first."""
    template = config.task.encoding()
    power = template.power[template.staircase.modes]
    rows = []
    for step in range(0, config.budget.steps + 1, config.measure.eval_every):
        learned = shares_learned(at, step)
        error = power * (1 - learned) ** 2 * np.array([1.0, *[off if step > 2 * at[0] else 1.0] * (len(power) - 1)])
        loss = float(error.sum() / template.group.order) + 1e-5
        start = float(power.sum() / template.group.order) + 1e-5
        row: dict[str, Any] = {
            "step": step,
            "seconds": step / 100,
            "train_loss": loss,
            "test_loss": loss,
            "reduction": 1 - loss / start,
            "test_acc": learned[0],
        }
        row |= {
            "mode_power": (power * learned**2).tolist(),
            "mode_error": (error / power).tolist(),
            "off_power": 1e-4,
            "learned_modes": int((learned > 0.7).sum()),
        }
        row |= {"step_loss": [loss / 2, loss], "specialisation": 0.9, "dead_units": 0.25, "mix_share": 0.3 + 0.6 * learned[0], "mix_chance": 0.35}
        rows.append(row)
    return rows


def arrays_of(config: Composition, step: int, at: tuple[float, ...] = AT) -> dict[str, np.ndarray]:
    """A snapshot: hidden unit j answers with a moved copy of mode j mod 3 alone; the last four are dead; W_mix keeps to modes."""
    task, template = config.task, config.task.encoding()
    group, modes = template.group, template.staircase.modes
    learned, rng = shares_learned(at[: len(modes)], step), np.random.default_rng(0)
    rank = np.arange(config.model.width) % len(modes)
    columns = np.stack([group.part(group.moved(template.values)[rng.integers(group.order)], modes[each]) for each in rank])
    columns[-4:] *= 0.01
    elements = rng.integers(group.order, size=(4, task.k))
    targets = group.moved(template.values)[group.products(elements)[:, 1:]]
    parts = sum(share * group.part(targets, mode) for share, mode in zip(learned, modes, strict=True))
    mix = np.where(rank[:, None] == rank, 1.0, 0.02) * rng.standard_normal((config.model.width,) * 2)
    return {
        "modes": np.array(group.modes),
        "template": template.values,
        "template_power": template.power,
        "levels": template.staircase.levels,
        "mode_order": modes,
        "shape": np.array(group.shape),
        "elements": elements,
        "predictions": np.asarray(parts, np.float32),
        "targets": targets.astype(np.float32),
        "w_out": columns.T.astype(np.float32),
        "w_mix": mix.astype(np.float32),
    }


def finish(store: Store, config: RunConfig, run_id: str, truth: Mapping[str, Any], snapshots: tuple[int, ...] = (0, 500, 1000)) -> None:
    """Writes history, snapshots and record of one run, cut where its own stopper ends it."""
    assert isinstance(config, Composition)
    rows = rows_of(config, **truth)
    end = end_of(rows, Stopper(config.budget, config.goal, config.fit, config.measure.eval_every))
    assert end is not None
    kept, values, folder = [row for row in rows if row["step"] <= end.step], dump(config), store.run(run_id)
    folder.put_config(values)
    for step in snapshots:
        folder.put_bytes(f"arrays/step-{step:09d}.npz", packed(arrays_of(config, step, truth.get("at", AT))))
    trajectory = {key: value for key, value in values.items() if key not in ("measure", "budget")}
    size = folder.join(kept)
    folder.finish(Record(run_id, end.outcome, end.reason, end.step, 1.0, trajectory, config.whole_measure(), values["budget"], size, WHERE))


def swept(store: Store, more: Mapping[str, Any], truth: Truth = lambda _: {}, base: Mapping[str, Any] = BASE) -> str:
    """A finished sweep of runs that do what `truth(planned run)` says; returns its folder's name."""
    text = yaml.safe_dump({"name": "composed", "base": dict(base), **more})
    sweep = expanded(Document(yaml.safe_load(text), {(): "composed.yaml"}), "composed.yaml")
    for run in sweep.runs:
        finish(store, run.config, run.run_id, truth(run))
    store.put_json(f"{store.sweep(sweep.folder)}/manifest.json", manifest(sweep))
    return sweep.folder
