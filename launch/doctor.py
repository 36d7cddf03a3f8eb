"""`lal doctor`: what this machine has, and what is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from rich.console import Console

from lal.errors import Refused
from lal.store import Store

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def checks(results: str) -> list[dict[str, Any]]:
    """One entry a check: {"name", "ok", "needed", "found", "remedy"}."""
    return [_check(*each) for each in _checks(results)]


def _checks(results: str) -> list[tuple[str, bool, Callable[[], str], str]]:
    return [
        ("torch", True, lambda: version("torch"), "install lal with its dependencies: pip install lal"),
        ("ray", True, lambda: version("ray"), "pip install 'ray[default,tune]'"),
        ("dashboard", False, _dashboard, "pip install 'ray[default]': no dashboard and no jobs without it"),
        ("cores and threads", False, _cores, "set OMP_NUM_THREADS=1: one thread a run, one run a core"),
        ("results folder", True, lambda: _writable(results), "choose another --results, free space, or see to the access that is missing"),
        ("browser for pictures", False, _browser, "install chromium and pip install 'lal[images]'; pages work without it"),
        ("token mode", False, lambda: os.environ.get("RAY_AUTH_MODE", "Ray's default"), ""),
    ]


def _check(name: str, needed: bool, find: Callable[[], str], remedy: str) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "needed": needed, "found": find(), "remedy": ""}
    except (LookupError, OSError, PackageNotFoundError, Refused) as error:
        return {"name": name, "ok": False, "needed": needed, "found": str(error), "remedy": remedy}


def _dashboard() -> str:
    if find_spec("aiohttp_cors") is None:
        raise LookupError("Ray is installed without its dashboard")
    return "installed"


def _cores() -> str:
    cores, threads = os.cpu_count() or 1, os.environ.get("OMP_NUM_THREADS", "unset")
    if threads not in ("1", "unset"):
        raise LookupError(f"{cores} cores, OMP_NUM_THREADS={threads}")
    return f"{cores} cores, one thread a run"


def _writable(results: str) -> str:
    store = Store(results)
    store.put("doctor", b"whole")
    store.remove("doctor")
    free = store.free_bytes()
    return store.where() if free is None else f"{store.where()}, {free / 2**30:.0f} GiB free"


def _browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None or find_spec("kaleido") is None:
        raise LookupError("no browser" if found is None else "kaleido is not installed")
    return found


def print_checks(found: list[dict[str, Any]], console: Console) -> None:
    """A line a check."""
    for each in found:
        mark = "ok     " if each["ok"] else "MISSING" if each["needed"] else "absent "
        remedy = f"; {each['remedy']}" if each["remedy"] else ""
        console.print(f"{mark}  {each['name']}: {each['found']}{remedy}", highlight=False, markup=False, soft_wrap=True)
