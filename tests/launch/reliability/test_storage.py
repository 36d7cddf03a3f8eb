"""The place of the results is full, or away, while a sweep runs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lal.store import Store
from tests.launch.cli import content, lal, started, written
from tests.launch.reliability.disturbed import LONG, Undisturbed, assert_same, finished, many, until
from tests.object_store import ObjectStore
from tests.small_disk import small_disk

pytestmark = [pytest.mark.ray, pytest.mark.slow]
WORDS = ("sweep", "tiny.yaml", "--no-report")


@pytest.fixture
def little(tmp_path: Path) -> Iterator[Path]:
    """A disk that a sweep does not fit on."""
    with small_disk(tmp_path / "small", "600k") as place:
        yield place


def test_a_disk_that_is_full_fails_runs_with_the_reason_and_when_there_is_room_all_goes_on(tmp_path: Path, undisturbed: Undisturbed, little: Path) -> None:
    written(tmp_path, many())
    results = little / "results"
    words = (*WORDS, "budget.checkpoint_every_s=60", "--results", str(results))  # no parts, of which there are more the slower the machine
    first = lal(*words, cwd=tmp_path)
    assert first.returncode == 1, first.stdout + first.stderr
    assert "No space left on device" in first.stdout, first.stdout + first.stderr
    assert f"lal {' '.join(words)}" in first.stdout
    before = finished(results)
    assert 0 < len(before) < 8
    subprocess.run(["mount", "-o", "remount,size=64m", str(little)], check=True)
    second = lal(*words, cwd=tmp_path)
    assert second.returncode == 0, second.stdout + second.stderr
    assert before.items() <= finished(results).items()
    assert_same(results, undisturbed(many()))


def test_a_disk_without_any_room_is_refused_in_one_line(tmp_path: Path, little: Path) -> None:
    written(tmp_path, many())
    with (little / "hoard").open("wb", buffering=0) as hoard, pytest.raises(OSError, match="No space left"):
        while True:
            hoard.write(bytes(4096))
    done = lal(*WORDS, "--results", str(little / "results"), cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "No space left on device" in done.stderr
    assert "then run the same command again" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_an_object_store_that_is_gone_for_long_costs_no_run(tmp_path: Path, undisturbed: Undisturbed, remote: Store, object_store: ObjectStore) -> None:
    """Connections break off, for longer than a run's patience: they are lost, which is nobody's fault, and tried again after a while."""
    written(tmp_path, LONG)
    folder = remote.where().removeprefix("s3://results/")

    def records() -> list[str]:
        return [key for key in object_store.keys(folder) if key.endswith("/record.json")]

    process = started(*WORDS, "--results", remote.address, cwd=tmp_path)
    until(lambda: any(key.endswith("/checkpoint.pt") for key in object_store.keys(folder)), process)
    with object_store.failing(lambda method, path: 0):
        time.sleep(75)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    assert len(records()) == 4
    expected = Store(undisturbed(LONG))
    assert all(content(remote, name) == content(expected, name) for name in expected.names("runs"))
