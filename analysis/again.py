"""Commands that a person can copy and run: with the results folder where it is not the usual one, and each override once."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lal.store import is_uri

USUAL_RESULTS = "results"


def command(manifest: Mapping[str, Any], results: str | None, overrides: Mapping[str, Any] | None = None, run: str | None = None) -> str:
    """The command that trains what is missing of a sweep, or with `run` that one run here and now.

    Args:
        manifest: of the sweep, with the `command` it was made by.   results: its folder of results; None: not to be said.
        overrides: values by dotted path; one that the command gives already takes its place.
    """
    words = shlex.split(manifest["command"])
    options = words.index("--profile") if "--profile" in words else len(words)
    asked = {path: f"{path}={value}" for path, value in (overrides or {}).items()}
    kept = [asked.pop(word.partition("=")[0], word) for word in words[:options]]
    told = [*kept, *asked.values(), *words[options:], *(["--results", results] if results else []), *(["--run", run] if run else [])]
    return shlex.join(["lal", "train", *told[2:]] if run else told)


def results_word(address: str) -> str | None:
    """How `--results` names the folder of `address` from here; None where it need not."""
    if is_uri(address):
        return address
    root = Path(address)
    if root == Path(USUAL_RESULTS).absolute():
        return None
    return os.path.relpath(root) if root.is_relative_to(Path.cwd()) else str(root)
