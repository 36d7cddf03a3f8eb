"""The tree of the package that group composition was first trained with: a folder an experiment, in it one a seed, and YAML summaries across seeds.

    sweep_metadata.yaml, sweep_summary.yaml, configs/<experiment>_config.yaml
    <experiment>/experiment_summary.yaml
    <experiment>/seed_<n>/run_summary.yaml, or error_summary.yaml of a run without results
    <experiment>/seed_<n>/config.yaml, metadata.json, template.npy, train_loss_history.npy, val_loss_history.npy, steps.npy,
        samples_seen.npy, fraction_of_space_seen.npy, param_history.pt, checkpoints/final_model.pt, and plots where `lal report RUN --pdf` made some

Histories hold one value an evaluation, of which `steps.npy` has the steps. Standard deviations are of the population, as there. Nothing here records
when a run ended, so that all times are null. Snapshots are what parameters are read from: a run of which one cannot be read counts as one without results,
since a history of parameters with gaps would be taken for a whole one. A run that went on beyond the sweep's budget may have kept no snapshot at its end
as the sweep sees it: then it has no final model here, and without any snapshot no history of parameters.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from lal.errors import Refused
from lal.store import Store, checked_name

if TYPE_CHECKING:
    import numpy as np

    from lal.reading import Reading

WEIGHTS = {"w_in": "W_in", "w_drive": "W_drive", "w_mix": "W_mix", "w_out": "W_out"}
STATISTICS = ("mean", "std", "min", "max", "median")


@dataclass(frozen=True)
class Run:
    """One run of the manifest with what is stored of it: its final losses and seconds, or the error that there is instead.

    Attributes:
        states: by step the weights of every snapshot, where they were read.
    """

    run_id: str
    experiment: str
    seed: int
    reading: Reading
    error: str | None
    states: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where its files go."""
        return f"{self.experiment}/seed_{self.seed}"


def write(store: Store, folder: str, into: Store) -> tuple[int, list[str]]:
    """Writes the tree of sweep `folder` into the root of `into`; how many runs have results there, and of each that has none which it is, and why.

    Raises:
        Refused: the sweep is not of group composition, two of its experiments would share a folder, or `into` holds something.
    """
    manifest = store.manifest(folder)
    if into.names(""):  # what an export before has, and this one has not, would be read with it
        raise Refused(f"an export is written into a new folder, but {into.where()} holds files; name another, or remove it")
    names = experiments(manifest["runs"], len(manifest["arms"]))
    runs = [_read(store, manifest, entry, name) for entry, name in zip(manifest["runs"], names, strict=True)]
    records = [each.reading.record for each in runs if each.reading.record is not None]
    if any(record.trajectory.get("kind") != "composition" for record in records):
        raise Refused(f"layout group-agf is of runs of kind composition, but {folder!r} has others; export another sweep")
    runs = [_written(store, each, into) for each in runs]
    groups = {name: [each for each in runs if each.experiment == name] for name in dict.fromkeys(each.experiment for each in runs)}
    for name, group in groups.items():
        into.put(f"{name}/experiment_summary.yaml", _yaml(_summary(name, group) | {"run_details": [_told(each) for each in group]}))
        first = next((each.reading.record.trajectory for each in group if each.reading.record is not None), None)
        if first is not None:
            into.put(f"configs/{name}_config.yaml", _yaml(first))
    into.put("sweep_summary.yaml", _yaml(_whole(groups)))
    into.put("sweep_metadata.yaml", _yaml(_metadata(manifest, folder, groups)))
    lacking = [f"{each.folder} ({each.run_id}): {each.error}" for each in runs if each.error is not None]
    return len(runs) - len(lacking), lacking


def _read(store: Store, manifest: Mapping[str, Any], entry: Mapping[str, Any], experiment: str) -> Run:
    from lal.events import Goal
    from lal.reading import COUNTED, reading

    goal, fit = Goal(**manifest["goal"]), Goal(**manifest["fit"]) if manifest["fit"] else None
    found = reading(store.run(entry["run_id"]).listed(), entry, goal, fit)
    error = None if found.state in COUNTED else found.reason or f"the run is {found.state}"
    return Run(entry["run_id"], experiment, int(entry["seed"]), found, error)


def _written(store: Store, run: Run, into: Store) -> Run:
    """Writes the folder of one seed; the run, with an error where its snapshots cannot be read."""
    found = {} if run.error else _states(store, run)
    settled = replace(run, error=found) if isinstance(found, str) else run
    for name, data in _files(store, settled if isinstance(found, str) else replace(run, states=found)):
        into.put(f"{run.folder}/{name}", data)
    return settled  # without the weights: there may be many runs


def _states(store: Store, run: Run) -> Mapping[int, Mapping[str, Any]] | str:
    """By step the weights of every snapshot of a run, or why they are not whole."""
    import torch

    folder = store.run(run.run_id)
    steps = [step for step in folder.snapshots() if step <= run.reading.step]
    found = [folder.arrays(step) for step in steps]
    bad = [step for step, each in zip(steps, found, strict=True) if each is None or not WEIGHTS.keys() & each.keys()]
    if bad:
        return f"{len(bad)} of its {len(steps)} snapshots cannot be read, the first of step {bad[0]:,}"
    record = run.reading.record
    if record is not None and record.steps == run.reading.step and run.reading.step not in steps:  # every run keeps its end; one that went on may not keep ours
        return f"its snapshot of step {run.reading.step:,}, the last, is missing"
    arrays = zip(steps, found, strict=True)
    return {step: {WEIGHTS[name]: torch.from_numpy(each) for name, each in (kept or {}).items() if name in WEIGHTS} for step, kept in arrays}


def experiments(entries: Sequence[Mapping[str, Any]], n_arms: int) -> list[str]:
    """For each run the name of its experiment: its arm, its point's name, and the values of its point; where that has a name, those alone that differ.

    Raises:
        Refused: two experiments have one name.
    """
    named = [(*([entry["arm"]] if n_arms > 1 else ()), *([entry["name"]] if entry["name"] else ())) for entry in entries]
    seen: dict[tuple[tuple[str, ...], str], set[str]] = {}
    for head, entry in zip(named, entries, strict=True):
        for path, value in entry["point"].items():
            seen.setdefault((head, path), set()).add(json.dumps(value))
    found: list[str] = []
    points: dict[str, Any] = {}
    for head, entry in zip(named, entries, strict=True):
        told = [path for path in entry["point"] if not entry["name"] or len(seen[head, path]) > 1]
        name = "_".join([*head, *(f"{path.rpartition('.')[2]}{_plain(entry['point'][path])}" for path in told)]) or "all"
        found.append(checked_name(name, "the name of an experiment"))
        if points.setdefault(name, (head, entry["point"])) != (head, entry["point"]):
            raise Refused(f"experiments must have folders of their own, but two are called {name!r}; name the sweep's points")
    return found


def _plain(value: Any) -> str:
    """A value as it may stand in the name of a folder."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in text)


def _files(store: Store, run: Run) -> Iterator[tuple[str, bytes]]:
    """The files of one seed's folder."""
    yield ("error_summary.yaml" if run.error else "run_summary.yaml"), _yaml(_told(run))
    record, rows = run.reading.record, run.reading.rows
    if run.error or record is None or rows is None:
        return
    import numpy as np

    task = record.trajectory["task"]
    steps = np.array(rows["step"].to_pylist())
    seen = steps * batch_of(task)
    template = _encoding(task)
    yield "config.yaml", _yaml(record.trajectory | {"measure": record.measure, "budget": record.budget})
    yield "metadata.json", json.dumps(_facts(run), indent=2).encode()
    yield "steps.npy", _npy(steps)
    yield "template.npy", _npy(template.values.reshape(template.group.shape))
    yield "samples_seen.npy", _npy(seen)
    yield "fraction_of_space_seen.npy", _npy(seen / float(template.group.order) ** task["k"])
    for name, column in (("train", "train_loss"), ("val", "test_loss")):
        yield f"{name}_loss_history.npy", _npy(np.array(rows[column].to_pylist(), float))
    if run.states:
        yield "param_history.pt", _pt(list(run.states.values()))
    if run.reading.step in run.states:
        yield "checkpoints/final_model.pt", _pt(run.states[run.reading.step])
    place = store.run(run.run_id).path
    for name in store.names(f"{place}/plots"):
        if name.endswith(".pdf") and (data := store.get(f"{place}/plots/{name}")) is not None:
            yield name, data


def batch_of(task: Mapping[str, Any]) -> int:
    """Tuples of one step."""
    from lal.composition.task import GroupTask

    return GroupTask.model_validate(task).batch


def _encoding(task: Mapping[str, Any]) -> Any:
    from lal.composition.task import GroupTask

    return GroupTask.model_validate(task).encoding()


def _losses(run: Run) -> dict[str, float]:
    rows = run.reading.rows
    assert rows is not None
    return {"final_train_loss": float(rows["train_loss"].to_pylist()[-1]), "final_val_loss": float(rows["test_loss"].to_pylist()[-1])}


def _facts(run: Run) -> dict[str, Any]:
    """What metadata.json says."""
    record, rows = run.reading.record, run.reading.rows
    assert record is not None and rows is not None
    from lal.config import parse

    n_parameters = parse({**record.trajectory, "budget": record.budget}).n_parameters()
    return {
        **_losses(run),
        "training_time_seconds": float(rows["seconds"].to_pylist()[-1]),
        "num_parameters": n_parameters,
        "device": record.environment.get("device"),
        "description": f"run {run.run_id}: {run.reading.reason}",
    }


def _told(run: Run) -> dict[str, Any]:
    """What the summary of one run says."""
    head: dict[str, Any] = {"experiment_name": run.experiment, "seed": run.seed}
    if run.error:
        return {**head, "status": "failed", "error": run.error, "failed_at": None}
    assert run.reading.rows is not None
    seconds = float(run.reading.rows["seconds"].to_pylist()[-1])
    return {**head, "status": "completed", "seed_dir": run.folder, **_losses(run), "training_time": seconds, "completed_at": None}


def _summary(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    """One experiment across its seeds."""
    good = [_losses(each) for each in runs if not each.error]
    found = {"experiment_name": name, "experiment_completed_at": None, "total_seeds": len(runs), "successful_runs": len(good)}
    found |= {"failed_runs": len(runs) - len(good), "success_rate": len(good) / len(runs)}
    return found | {f"{of}_loss_stats": statistics([each[f"final_{of}_loss"] for each in good]) for of in ("train", "val") if good}


def statistics(values: Sequence[float]) -> dict[str, float]:
    """Mean, population standard deviation, least, largest and median."""
    import numpy as np

    return {name: float(getattr(np, name)(values)) for name in STATISTICS}


def _whole(groups: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    runs = [each for group in groups.values() for each in group]
    good = sum(not each.error for each in runs)
    kept = ("successful_runs", "failed_runs", "success_rate", "train_loss_stats", "val_loss_stats")
    each = {name: {"total_runs": len(group)} | {key: value for key, value in _summary(name, group).items() if key in kept} for name, group in groups.items()}
    counts = {"total_experiments": len(groups), "total_runs": len(runs), "total_successful_runs": good, "total_failed_runs": len(runs) - good}
    return {"sweep_completed_at": None, **counts, "overall_success_rate": good / len(runs), "experiment_statistics": each}


def _metadata(manifest: Mapping[str, Any], folder: str, groups: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    n_runs = sum(map(len, groups.values()))
    head = {"sweep_name": folder, "base_config_file": None, "n_seeds": max(map(len, groups.values())), "n_experiments": len(groups), "total_runs": n_runs}
    return {**head, "created_at": None, "command": manifest["command"], "experiments": [{"name": name} for name in groups]}


def _yaml(values: Any) -> bytes:
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True).encode()


def _npy(values: np.ndarray) -> bytes:
    import numpy as np

    sink = io.BytesIO()
    np.save(sink, values, allow_pickle=False)
    return sink.getvalue()


def _pt(values: Any) -> bytes:
    import torch

    sink = io.BytesIO()
    torch.save(values, sink)
    return sink.getvalue()
