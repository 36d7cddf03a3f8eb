"""How long a person waits for `lal --help`, and for `lal plan` of a sweep of 1,000 runs. Reports; asserts no times."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from statistics import median

import pytest

from tests.launch.cli import TINY, lal, written

pytestmark = pytest.mark.bench


def test_waiting_for_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = copy.deepcopy(TINY) | {"axes": {"optim.lr": {"log": [1e-3, 1e-1, 10]}, "model.depth": [2, 3, 4, 5, 6]}, "seeds": 20}
    written(tmp_path, sweep)
    for words in (("--help",), ("plan", "tiny.yaml")):
        seconds = []
        for _ in range(5):
            begun = time.perf_counter()
            done = lal(*words, cwd=tmp_path)
            seconds.append(time.perf_counter() - begun)
            assert done.returncode == 0, done.stderr
        with capsys.disabled():
            print(f"\nlal {' '.join(words)}: {median(seconds):.2f} s (median of 5)")
    assert "1000 runs to train" in done.stdout.replace(",", "").replace("\n", " ")
