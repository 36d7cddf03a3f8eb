"""A small finished sweep, and the command line on it within this process."""

from __future__ import annotations

import copy
import io
import json
import pickle
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import yaml

from lal.cli import main
from lal.runs.session import attempt
from lal.store import Store
from launch.sweep import load, manifest

SWEEP: dict[str, Any] = {
    "name": "tiny",
    "question": "Does it hold?",
    "base": {
        "task": {"kind": "modular", "p": 5, "train_frac": 0.6},
        "model": {"kind": "routed", "heads": 2, "depth": 1, "width": 4},
        "measure": {"eval_every": 2, "metrics": ["accuracy"], "snapshot_every": 4, "save_every": 4},
        "budget": {"steps": 8, "stop": None},
    },
    "axes": {"penalties.routing": [None, {"kind": "entropy", "weight": 0.1}]},
}


def finished(place: Path) -> list[str]:
    """Trains the sweep in `place`/results, with one metric measured later; returns its run ids."""
    (place / "tiny.yaml").write_text(yaml.safe_dump(SWEEP))
    expanded, store = load(str(place / "tiny.yaml")), Store(place / "results")
    for config in expanded.configs().values():
        attempt(config, store)
    store.put_json("sweeps/tiny/manifest.json", manifest(expanded))
    code, said = ran("measure", "tiny", "--metric", "weight_norm", "--results", str(place / "results"))
    assert code == 0, said
    return list(expanded.configs())


def ran(*words: str) -> tuple[int, str]:
    """The exit code of a command and what it said. A traceback, which would be its end, is the end of the test."""
    out = io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(out):
            main(list(words))
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    raise AssertionError("a command ends with an exit code")


def readers(place: Path, run_id: str) -> list[list[str]]:
    """Every command that reads a folder of results, a resumed run among them."""
    at = ["--results", str(place / "results")]
    return [
        ["show", "tiny", *at],
        ["show", run_id, *at],
        ["report", "tiny", "--no-png", *at],
        ["report", run_id, "--no-png", *at],
        ["plot", "curves", "tiny", "-o", str(place / "curves.html"), *at],
        ["plan", str(place / "tiny.yaml"), *at],
        ["measure", "tiny", "--metric", "weight_norm,accuracy", "--quiet", *at],
        ["train", str(place / "tiny.yaml"), "--run", run_id, *at],
    ]


def changed(file: Path, path: Sequence[Any], value: Any) -> None:
    """Sets the value at `path` of a JSON file."""
    whole = json.loads(file.read_text())
    part = whole
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = copy.deepcopy(value)
    file.write_text(json.dumps(whole))


def bomb(trace: Path, form: Callable[[bytes], bytes] = lambda data: data) -> bytes:
    """A pickle that makes folder `trace` when it is loaded, in a file of another form."""

    class Hostile:
        def __reduce__(self):
            return (Path.mkdir, (trace,))

    return form(pickle.dumps(Hostile(), protocol=2))


def zipped(entries: dict[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()
