"""What is nobody's fault is tried again; what is a run's own is not, and neither costs the others anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.launch.cli import TINY, lal, written

FAULTS = """
import errno, os, signal
from pathlib import Path
from typing import Literal
from lal.models.mlp import Mlp

class Faulty(Mlp):
    kind: Literal["faulty"] = "faulty"
    how: Literal["code", "worker", "storage"] = "code"

    def build(self, task, generator):
        log = Path(os.environ["FAULTS"]) / self.how
        with log.open("a") as file:
            file.write("x")
        first = log.stat().st_size == 1
        if self.how == "code":
            raise RuntimeError("a mistake")
        if self.how == "worker" and first:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "storage" and first:
            raise OSError(errno.ESTALE, "Stale file handle")
        return super().build(task, generator)
"""


@pytest.mark.ray
@pytest.mark.slow
def test_infrastructure_is_tried_again_and_code_is_not(tmp_path: Path) -> None:
    """A worker that is killed and storage that is away are fine the second time; a mistake is made once a call."""
    info = tmp_path / "plugin/faulty-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "plugin/faulty.py").write_text(FAULTS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lal.models]\nfaulty = faulty:Faulty\n")
    arms = {how: {"base": {"model": {"kind": "faulty", "width": 16, "how": how}}} for how in ("code", "worker", "storage")}
    written(tmp_path, {**TINY, "axes": {}, "seeds": 1, "arms": arms})
    env = {"PYTHONPATH": str(tmp_path / "plugin"), "FAULTS": str(tmp_path)}
    done = lal("sweep", "tiny.yaml", "--no-report", "--json", "--cpus", "1", cwd=tmp_path, env=env)
    assert done.returncode == 1, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert {how: (tmp_path / how).read_text() for how in arms} == {"code": "x", "worker": "xx", "storage": "xx"}
    assert summary["outcomes"] == {"budget": 2}
    assert [(each["outcome"], each["reason"]) for each in summary["failures"]] == [("error", "RuntimeError: a mistake")]
