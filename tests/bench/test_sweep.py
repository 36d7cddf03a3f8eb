"""A whole `lal sweep` of 40 runs of about two seconds against the same Run loops in two plain processes. Reports; asserts no times."""

from __future__ import annotations

import copy
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.launch.cli import TINY, environment, lal, written

pytestmark = [pytest.mark.bench, pytest.mark.ray]

PLAIN = """
import sys, torch
torch.set_num_threads(1)
from launch.sweep import load
from lal.stopping import Stopper
for config in list(load(sys.argv[1]).configs().values())[int(sys.argv[2])::2]:
    for row in config.start().rows(Stopper(config.budget, config.goal, config.fit, config.eval_every)):
        pass
"""


def test_a_sweep_against_two_plain_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = copy.deepcopy(TINY) | {"seeds": 20}
    sweep["base"]["task"]["p"] = 31
    sweep["base"]["model"] |= {"depth": 4, "width": 64}
    sweep["base"]["measure"]["eval_every"] = 50
    sweep["base"]["budget"]["steps"] = 1000
    written(tmp_path, sweep)
    begun = time.perf_counter()
    plain = [subprocess.Popen([sys.executable, "-c", PLAIN, "tiny.yaml", str(half)], cwd=tmp_path, env=environment(None)) for half in (0, 1)]
    assert [each.wait() for each in plain] == [0, 0]
    middle = time.perf_counter()
    done = lal("sweep", "tiny.yaml", "--no-report", "--quiet", cwd=tmp_path)
    ended = time.perf_counter()
    assert done.returncode == 0, done.stderr
    ours, theirs = ended - middle, middle - begun
    with capsys.disabled():
        bound = 1.25 * theirs + 10
        print(f"\n40 runs: lal sweep {ours:.1f} s, two plain processes {theirs:.1f} s; 1.25 x + 10 s is {bound:.1f} s, ratio to it {ours / bound:.2f}")
