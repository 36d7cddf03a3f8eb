"""Peak memory of a trial process, and of importing what it needs. Reports; the bound of 600 MB at p=31 is asserted: memory is not noisy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.launch.cli import environment

pytestmark = pytest.mark.bench

TRIAL = """
import resource, sys, tempfile, torch, ray, ray.tune, pyarrow.parquet
torch.set_num_threads(1)
from lal.config import parse
from lal.runs.session import attempt
from lal.store import Store
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
parse({"budget": {"steps": 1}, "task": {"kind": "modular", "p": 11, "train_frac": 0.5}}).start()
imports = peak()
p = int(sys.argv[1])
model = {"kind": "gated", "depth": 4, "width": 128}
task = {"kind": "modular", "p": p, "train_frac": 0.5}
config = parse({"task": task, "model": model, "budget": {"steps": 30}, "measure": {"eval_every": 10}})
attempt(config, Store(tempfile.mkdtemp()))
activations = 4 * config.task.n_train * (128 * (1 + 4 * 4) + 3 * p) / 2**20
print(imports, peak(), activations)
"""


@pytest.mark.parametrize("p", [31, 113, 251])
def test_peak_memory_of_a_trial(p: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run([sys.executable, "-c", TRIAL, str(p)], capture_output=True, text=True, cwd=tmp_path, env=environment(None), check=True)
    imports, peak, activations = map(float, done.stdout.split())
    with capsys.disabled():
        growth = (peak - imports) / activations
        print(f"\np={p}: {peak:.0f} MiB at its peak; imports {imports:.0f}; activations {activations:.0f}; growth is {growth:.1f} x these")
    assert p > 31 or peak < 600
