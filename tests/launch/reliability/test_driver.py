"""The driver is killed at random moments, and the same command again goes on every time."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.launch.cli import lal, started, written
from tests.launch.reliability.disturbed import Undisturbed, alive, assert_same, finished, gone, many, marked

pytestmark = [pytest.mark.ray, pytest.mark.slow]
KILLS = {"grid": 7, "random": 3}
WORDS = ("sweep", "tiny.yaml", "--no-report")
RANDOM: dict[str, Any] = {"axes": {"optim.lr": {"log": [1e-3, 0.1]}}, "search": {"kind": "random", "points": 6, "seed": 3}, "seeds": 2}


@pytest.mark.parametrize("kind", [*KILLS])
def test_killed_at_random_moments_it_ends_as_if_nothing_had_been(tmp_path: Path, undisturbed: Undisturbed, kind: str) -> None:
    """Between two kills some run or none gets finished; where all are before the last kill, another folder is begun."""
    sweep = many(6) if kind == "grid" else many() | RANDOM
    written(tmp_path, sweep)
    expected, draw, kills, folders, env = undisturbed(sweep), random.Random(kind), 0, 0, marked()
    took = time.monotonic()
    assert lal(*WORDS, "--results", "first", cwd=tmp_path).returncode == 0
    took = time.monotonic() - took
    while kills < KILLS[kind]:
        folders += 1
        results, done, before = tmp_path / f"results{folders}", None, {}
        while done is None:
            done = (
                None if kills < KILLS[kind] and killed(results, draw.uniform(0.05, 0.7) * took, env) else lal(*WORDS, "--results", results.name, cwd=tmp_path)
            )
            kills += done is None
            assert before.items() <= finished(results).items(), "a finished run was trained again"
            before = finished(results)
        assert done.returncode == 0, done.stdout + done.stderr
        assert_same(results, expected)
    assert gone(env, 100), alive(env)  # Ray's agents look for what was killed for a minute


def killed(results: Path, after_s: float, env: dict[str, str]) -> bool:
    """Begins, or goes on, and is killed; False where all was done before that."""
    process = started(*WORDS, "--results", results.name, cwd=results.parent, env=env)
    deadline = time.monotonic() + after_s
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    in_time = process.poll() is None
    process.kill()
    process.communicate()
    return in_time
