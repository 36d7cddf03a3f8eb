"""Our code on other machines: what is sent, and what is said of it. Imports neither torch nor ray."""

from __future__ import annotations

import os
import shutil
from importlib.resources import files
from pathlib import Path

import yaml

from lal.environment import COMMIT_VARIABLE, commit, commit_text
from lal.errors import Refused
from launch.sweep import Expanded, document_of, load

ROOMS = ("lal", "launch")  # what a worker needs
HOUSE = (*ROOMS, "analysis", "sweeps")  # what a driver needs: it reports, too
ASKED_VARIABLE = "LAL_ASKED_AS"
IGNORED = ("__pycache__", "*.pyc")


def root() -> Path:
    """The folder that holds the rooms: of a clone, or where packages are installed."""
    return Path(str(files("launch"))).parent


def packages() -> list[str]:
    """Folders of the packages that workers import."""
    return [str(root() / name) for name in ROOMS]


def environment_variables() -> dict[str, str]:
    """What workers are told of the code they run, which is no clone where they are."""
    head, dirty = commit()
    return {COMMIT_VARIABLE: commit_text(head, dirty)} if head else {}


def asked_as() -> str | None:
    """The command that a person typed on another machine, where this one is a job that it sent."""
    return os.environ.get(ASKED_VARIABLE)


def staged(sweep: Expanded, folder: Path) -> str:
    """Fills `folder` with all that a job needs: the packages, and the sweep as one file in this program's format, whatever it was written in.

    Returns what to call the sweep there.

    Raises:
        Refused: the file would not be the same sweep.
    """
    for name in HOUSE:
        shutil.copytree(root() / name, folder / name, ignore=shutil.ignore_patterns(*IGNORED))
    source = Path(sweep.source)
    if not source.is_file():
        return sweep.source
    name = f"{source.stem}.yaml"
    (folder / name).write_text(yaml.safe_dump(dict(document_of(sweep.source).values), sort_keys=False), encoding="utf-8")
    again = load(str(folder / name), sweep.profile, sweep.overrides)
    if [run.run_id for run in again.runs] != [run.run_id for run in sweep.runs]:
        raise Refused(f"a sweep must be the same when it is sent, but {source} is not; write it in this program's own format, in one file")
    return os.fspath(name)
