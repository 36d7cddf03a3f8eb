"""Every file that a sweep keeps is damaged in turn: what is lost is made good, and said; nothing begins anew without a word."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lal.config import RunConfig, parse, run_id
from lal.errors import Refused
from lal.runs.session import Interrupted, attempt
from lal.store import Failure, Store
from launch.sweep import load
from tests.lal.sessions import DAMAGES, stop_after
from tests.launch.cli import TINY, lal, written
from tests.launch.reliability.disturbed import Undisturbed, histories, saved
from tests.launch.test_searching import hunted, hunting, searched

FINISHED = ("config.json", "history.parquet", "checkpoint.pt", "best.pt", "record.json", "arrays/*", "checkpoints/*")
HALFWAY = ("config.json", "history/*", "checkpoint.pt", "best.pt", "failure.json", "claim.json", "arrays/*", "checkpoints/*")
WAYS = ("half", "zeroed", "empty")
CASES = [(way, state, name) for way in WAYS for state, names in (("finished", FINISHED), ("halfway", HALFWAY)) for name in names]
LOST = (*(("halfway", name) for name in ("history/*", "checkpoint.pt", "best.pt", "arrays/*", "checkpoints/*")), ("finished", "history.parquet"))


def kept_sweep(seeds: int) -> dict:
    """A run for each of `seeds`, which leaves every kind of file."""
    measure = {**TINY["base"]["measure"], "snapshot_every": 20, "save_every": 20}
    return TINY | {"axes": {}, "seeds": seeds, "base": {**TINY["base"], "measure": measure}}


def halfway(config: RunConfig, store: Store) -> None:
    """The run was interrupted, after an attempt that failed, and the one before was killed."""
    with pytest.raises(Interrupted):
        attempt(config, store, **stop_after(5))
    folder = store.run(run_id(config))
    folder.fail(Failure(run_id(config), "error", "x", 40))
    folder.put_bytes("claim.json", json.dumps({"host": "elsewhere", "pid": 1, "started": "", "beat": 0}).encode())


def spoil(folder: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    """Damages the first file of that name."""
    path = min(folder.glob(name))
    path.write_bytes(damage(path.read_bytes()))


@pytest.mark.ray
@pytest.mark.slow
def test_whatever_file_is_damaged_the_sweep_ends_as_ever_and_says_what_was_lost(tmp_path: Path, undisturbed: Undisturbed) -> None:
    """One run for each file and way to damage it; the manifest, too."""
    written(tmp_path, kept_sweep(len(CASES)))
    expected, results = undisturbed(kept_sweep(len(CASES))), tmp_path / "results"
    shutil.copytree(expected, results)
    store, before = Store(results), {}
    configs = load(str(tmp_path / "tiny.yaml")).configs()
    for (damage, state, name), config in zip(CASES, configs.values(), strict=True):
        folder = results / "runs" / run_id(config)
        if state == "halfway":
            shutil.rmtree(folder)
            halfway(config, store)
        before[run_id(config)] = saved(results, run_id(config))
        spoil(folder, name, DAMAGES[damage])
    for damage in WAYS:  # the first finds all of it damaged, the others the manifest alone
        spoil(results / "sweeps/tiny", "manifest.json", DAMAGES[damage])
        done = lal("sweep", "tiny.yaml", "--no-report", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert store.manifest("tiny")["runs"] == Store(expected).manifest("tiny")["runs"]
        if damage == WAYS[0]:
            assert done.stdout.count("trained again from step 0") == 4
            assert f"! ... and {len(WAYS) * len(LOST) - 4} more runs whose files were damaged" in done.stdout
    assert histories(results) == histories(expected)
    restarted = {case for case, (name, rows) in zip(CASES, before.items(), strict=True) if began_again(store, name, rows, case)}
    assert restarted == {(damage, *lost) for damage in WAYS for lost in LOST}


def began_again(store: Store, name: str, rows: list[dict], case: tuple[str, str, str]) -> bool:
    """Whether run `name` does not hold the `rows` any more that it had; it says so, and is whole."""
    record = store.run(name).record()
    assert record, case
    notes = record.environment.get("notes", [])
    again = (store.run(name).history() or [])[: len(rows)] != rows
    assert again == any("trained again from step 0" in note for note in notes), (case, notes)
    if case[1:] != ("finished", "config.json"):  # a finished run is left alone: its record says all of it, and readers take it from there
        assert run_id(parse(store.run(name).config() or {})) == name, case
    assert store.run(name).failure() is None, case
    return again


@pytest.mark.parametrize("damage", ["empty", "half", "zeroed", "short of one byte"])
def test_a_damaged_study_is_made_anew_from_what_is_stored_or_refused_with_what_to_do(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path / "results")
    sweep = load(searched(tmp_path, hunting(3)))
    before = hunted(sweep, store)
    study = tmp_path / "results/sweeps/tiny/study.db"
    spoil(study.parent, study.name, DAMAGES[damage])

    def never(config: RunConfig, store: Store) -> None:
        raise AssertionError("all runs are there")

    try:
        again = hunted(sweep, store, train=never)
    except Refused as error:
        assert "study.db" in str(error)
        assert "move it away: the study is made anew from what is stored" in str(error)
        study.rename(tmp_path / "away.db")
        again = hunted(sweep, store, train=never)
    assert (again.report.points, again.report.told) == (3, 3)
    assert {run.run_id for run in again.sweep.runs} == {run.run_id for run in before.sweep.runs}
