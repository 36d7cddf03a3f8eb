"""Ctrl-C and SIGTERM at any moment: the command that goes on is said, and nothing is left running."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.launch.cli import environment, started, written
from tests.launch.reliability.disturbed import alive, gone, many, marked

DEAF = """
import time
from launch.driving.interrupts import interruptible, leaving_in_time
with interruptible(), leaving_in_time(lambda: print("last words", flush=True), within_s=0.1):
    print("ready", flush=True)
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:  # as a callback from native code loses it
            pass
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_who_does_not_listen_leaves_too(signum: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", DEAF], env=environment(None), stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "ready\n"
    process.send_signal(signum)
    assert process.communicate(timeout=60)[0] == "last words\n"
    assert process.returncode == 128 + signum


LONG_REPORT = """
import sys, time
from rich.console import Console
from launch.commands import written
def report(results, folder, quiet):
    print("ready", flush=True)
    time.sleep(60)
written(report, "my results", "tiny", Console(), quiet=True)
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_during_the_report_it_says_how_to_write_it(signum: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", LONG_REPORT], env=environment(None), stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "ready\n"
    process.send_signal(signum)
    assert process.communicate(timeout=60)[0].endswith("To write it:\n  lal report tiny --results 'my results'\n")
    assert process.returncode == 128 + signum


@pytest.mark.ray
@pytest.mark.slow
def test_interrupted_at_ten_random_moments_it_says_how_to_go_on_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """From the plan, which is the first thing that is said, over Ray's start to the training."""
    written(tmp_path, many(8, 100_000))
    draw = random.Random(7)
    for moment in range(10):
        env, signum = marked(), draw.choice([signal.SIGINT, signal.SIGTERM])
        process = started("sweep", "tiny.yaml", "--no-report", cwd=tmp_path, env=env)
        assert process.stdout
        said = iter(process.stdout.readline, "")
        first = next(line for line in said if "runs to train" in line)
        time.sleep(0.1 + draw.uniform(0, moment))
        process.send_signal(signum)
        output = first + process.communicate(timeout=60)[0]
        assert process.returncode == 128 + signum, output
        assert output.rstrip().endswith("To go on:\n  lal sweep tiny.yaml --no-report"), output
        assert gone(env), alive(env)
