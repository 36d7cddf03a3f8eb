"""`lal export`: the tree of another program, written from a tiny real sweep of which one run has failed, with statistics that NumPy gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner

from analysis import report
from lal.cli import lal
from lal.errors import Refused
from lal.runs.session import attempt
from lal.store import Failure, Store
from lal.store.folder import arrays_name
from launch.exporting.group_agf import experiments
from launch.sweep import load, manifest
from tests.analysis.synthetic import WHERE, Truth, filled

BASE = {
    "data": {"dimension": 2, "p1": 3, "p2": 2, "k": 3, "n_freqs": 2, "batch_size": 20},
    "model": {"model_type": "QuadraticRNN", "init_scale": 0.3},
    "training": {"num_steps": 30, "save_param_interval": 10, "learning_rate": 0.01},
}
EXPERIMENTS = [{"name": f"hidden_dim_{width}", "overrides": {"model": {"hidden_dim": width}}} for width in (6, 8)]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """Two experiments of two seeds, trained; the last run has failed."""
    root = tmp_path_factory.mktemp("exported")
    (root / "old.yaml").write_text(yaml.safe_dump({"base_config": BASE, "n_seeds": 2, "experiments": EXPERIMENTS}), encoding="utf-8")
    sweep, store = load(str(root / "old.yaml"), None, []), Store(root / "results")
    for run in sweep.runs[:-1]:
        attempt(run.config, store)
    store.run(sweep.runs[-1].run_id).fail(Failure(sweep.runs[-1].run_id, "error", "ValueError: boom", 7, "", WHERE))
    store.put_json(f"{store.sweep(sweep.folder)}/manifest.json", manifest(sweep))
    return store


def exported(store: Store, sweep: str, into: Path) -> str:
    """What `lal export` says."""
    words = ["export", sweep, "--layout", "group-agf", "-o", str(into), "--results", str(store.place.root)]
    return CliRunner().invoke(lal, words, catch_exceptions=False, standalone_mode=False).output


@pytest.fixture(scope="module")
def tree(store, tmp_path_factory) -> Path:
    into = tmp_path_factory.mktemp("into") / "tree"
    said = exported(store, "old", into).splitlines()
    assert said[0] == f"Exported 3 runs, and 1 without results: {into}" and len(said) == 2
    assert said[1].startswith("  without results: hidden_dim_8/seed_1 (") and said[1].endswith("): ValueError: boom")
    return into


def read(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_tree_is_the_other_program_s(tree):
    good = {"run_summary.yaml", "config.yaml", "metadata.json", "steps.npy", "template.npy", "train_loss_history.npy", "val_loss_history.npy"}
    good |= {"samples_seen.npy", "fraction_of_space_seen.npy", "param_history.pt", "checkpoints"}
    assert {each.name for each in tree.iterdir()} == {"sweep_metadata.yaml", "sweep_summary.yaml", "configs", "hidden_dim_6", "hidden_dim_8"}
    for name in ("hidden_dim_6", "hidden_dim_8"):
        assert {each.name for each in (tree / name).iterdir()} == {"experiment_summary.yaml", "seed_0", "seed_1"}
        assert read(tree / "configs" / f"{name}_config.yaml")["model"]["width"] == int(name[-1])
    assert {each.name for each in (tree / "hidden_dim_6" / "seed_1").iterdir()} == good
    assert {each.name for each in (tree / "hidden_dim_8" / "seed_1").iterdir()} == {"error_summary.yaml"}
    assert read(tree / "hidden_dim_8" / "seed_1" / "error_summary.yaml") == {
        "experiment_name": "hidden_dim_8",
        "seed": 1,
        "status": "failed",
        "error": "ValueError: boom",
        "failed_at": None,
    }


def test_statistics_are_those_of_the_saved_histories(tree):
    losses = {of: [np.load(tree / "hidden_dim_6" / f"seed_{seed}" / f"{of}_loss_history.npy")[-1] for seed in (0, 1)] for of in ("train", "val")}
    found, whole = read(tree / "hidden_dim_6" / "experiment_summary.yaml"), read(tree / "sweep_summary.yaml")
    for of, values in losses.items():
        expected = {"mean": np.mean(values), "std": np.std(values), "min": min(values), "max": max(values), "median": np.median(values)}
        assert found[f"{of}_loss_stats"] == pytest.approx(expected, rel=1e-12)
        assert whole["experiment_statistics"]["hidden_dim_6"][f"{of}_loss_stats"] == found[f"{of}_loss_stats"]
    assert (found["successful_runs"], found["failed_runs"], found["success_rate"]) == (2, 0, 1.0)
    assert (whole["total_runs"], whole["total_successful_runs"], whole["total_failed_runs"], whole["overall_success_rate"]) == (4, 3, 1, 0.75)
    assert read(tree / "hidden_dim_8" / "experiment_summary.yaml")["success_rate"] == 0.5


def test_arrays_and_parameters_are_those_of_the_run(tree):
    seed = tree / "hidden_dim_8" / "seed_0"
    steps, template = np.load(seed / "steps.npy"), np.load(seed / "template.npy")
    assert steps.tolist() == [0, 10, 20, 30] and template.shape == (3, 2) and abs(template.mean()) < 1e-15
    assert np.load(seed / "samples_seen.npy").tolist() == [0, 200, 400, 600]
    assert np.load(seed / "fraction_of_space_seen.npy")[-1] == pytest.approx(600 / 6**3)
    states = torch.load(seed / "param_history.pt", weights_only=True)
    assert [{name: tuple(each.shape) for name, each in state.items()} for state in states] == [
        {"W_in": (8, 6), "W_drive": (8, 6), "W_mix": (8, 8), "W_out": (6, 8)}
    ] * 4
    last = torch.load(seed / "checkpoints" / "final_model.pt", weights_only=True)
    assert all((last[name] == states[-1][name]).all() for name in last) and not (last["W_in"] == states[0]["W_in"]).all()
    facts = json.loads((seed / "metadata.json").read_text())
    assert facts["num_parameters"] == 3 * 8 * 6 + 8 * 8 and facts["final_val_loss"] == np.load(seed / "val_loss_history.npy")[-1]


def test_exporting_again_writes_the_same_and_never_over_an_export(store, tree, tmp_path):
    with pytest.raises(Refused, match="holds files; name another, or remove it"):
        exported(store, "old", tree)
    exported(store, "old", tmp_path / "again")
    first, second = ({path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()} for root in (tree, tmp_path / "again"))
    assert {path: data for path, data in first.items() if path.suffix != ".pt"} == {path: data for path, data in second.items() if path.suffix != ".pt"}
    assert first.keys() == second.keys()


def test_a_run_whose_snapshots_cannot_be_read_is_named_and_has_no_results(store, tmp_path):
    shutil.copytree(store.place.root, tmp_path / "results")
    damaged, into = Store(tmp_path / "results"), tmp_path / "tree"
    ids = [each["run_id"] for each in damaged.manifest("old")["runs"]]
    for step in (10, 30):
        damaged.run(ids[0]).put_bytes(arrays_name(step), b"garbage")
    shutil.rmtree(tmp_path / "results" / damaged.run(ids[1]).path / "arrays")
    said = exported(damaged, "old", into)
    assert said.startswith("Exported 1 runs, and 3 without results")
    reasons = {0: "2 of its 4 snapshots cannot be read, the first of step 10", 1: "its snapshot of step 30, the last, is missing"}
    for seed, reason in reasons.items():
        assert f"hidden_dim_6/seed_{seed} ({ids[seed]}): {reason}" in said
        assert [each.name for each in (into / "hidden_dim_6" / f"seed_{seed}").iterdir()] == ["error_summary.yaml"]
        assert read(into / "hidden_dim_6" / f"seed_{seed}" / "error_summary.yaml")["error"] == reason
    assert read(into / "sweep_summary.yaml")["total_successful_runs"] == 1


def test_an_experiment_is_what_differs_but_for_seeds():
    def entry(name, arm="all", **point):
        return {"arm": arm, "name": name, "point": {key.replace("__", "."): value for key, value in point.items()}}

    plain = [entry("", optim__lr=lr) for lr in (0.1, 0.2, 0.1)]
    assert experiments(plain, 1) == ["lr0.1", "lr0.2", "lr0.1"]
    crossed = [entry("big", model__width=64, optim__lr=lr) for lr in (0.1, 0.2)] + [entry("small", model__width=8, optim__lr=0.1)]
    assert experiments(crossed, 1) == ["big_lr0.1", "big_lr0.2", "small"]
    assert experiments([entry("", arm=arm) for arm in ("a", "b")], 2) == ["a", "b"]
    with pytest.raises(Refused, match="two are called 'lr-x-'"):
        experiments([entry("", optim__lr="(x)"), entry("", optim__lr="[x]")], 1)


def test_what_cannot_be_exported_is_refused(store, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Refused, match="holds files; name another, or remove it"):
        exported(store, "old", tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(Refused, match="lal export takes one run, but 'qrnn6' begins 2 of them"):
        exported(store, "qrnn6", tmp_path / "new")
    other = Store(tmp_path / "other")
    filled(other, lambda *_: Truth(), weights=(0.0,), seeds=1)
    with pytest.raises(Refused, match="layout group-agf is of runs of kind composition, but 'synthetic' has others"):
        exported(other, "synthetic", tmp_path / "new")


def test_the_same_sweep_has_its_report(store):
    """Columns and arrays of real runs are what figures read."""
    written = report.write(store, "old", png=False)
    assert any("plateau" in each for each in written.findings) and not any("staircase" in each for each in written.left_out)
