"""`lal show`: what is stored of a run or a sweep."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from lal.config import parse
from lal.standing import standing
from lal.store import Record, RunFolder, Store
from lal.terminal import harmless
from launch.stored import meant


def facts(store: Store, name: str) -> dict[str, Any]:
    """The facts of a sweep or a run; a run may be named by the beginning of its id.

    Raises:
        Refused: nothing, or more than one run, has that name.
    """
    sweep, run_id = meant(store, name, None, "lal show")
    return sweep_facts(store, sweep) if sweep else run_facts(store, run_id or "")


def sweep_facts(store: Store, folder: str) -> dict[str, Any]:
    """Counts of a sweep's runs by outcome; `missing` are those without a record."""
    manifest = store.manifest(folder)
    seen = store.listed("runs")
    outcomes = Counter(seen.map(lambda run_id: outcome_of(seen.run(run_id)), {run["run_id"] for run in manifest["runs"]}))
    return {
        "sweep": folder,
        "question": manifest.get("question"),
        "runs": sum(outcomes.values()),
        "outcomes": dict(sorted(outcomes.items())),
        "folder": store.where(store.sweep(folder)),
    }


def outcome_of(folder: RunFolder) -> str:
    """How the last attempt at a run ended; a failure of one that is finished was noted too late."""
    failure, record = folder.failure(), folder.record()
    if failure is None or (record is not None and finished(folder, record)):
        return record.outcome if record else "missing"
    return failure.outcome


def finished(folder: RunFolder, record: Record) -> bool:
    """Whether a run is all that was asked for last, rather than one that was to go on."""
    config = folder.config()
    with suppress(ValueError):
        return config is not None and standing(parse(config), folder.store, record.schedule).state == "done"
    return False


def run_facts(store: Store, run_id: str) -> dict[str, Any]:
    """A run's configuration, record or failure, and last row; and what of these is damaged, None where nothing is."""
    found = store.run(run_id).listed()
    record, failure = found.record(), found.failure()
    rows = found.history() or []
    last = {name: value for name, value in rows[-1].items() if "/" not in name} if rows else {}
    return {
        "run": run_id,
        "config": found.config(),
        "record": asdict(record) if record else None,
        "failure": asdict(failure) if failure else None,
        "damaged": damage(found, record),
        "rows": len(rows),
        "last_row": last,
        "snapshots": found.snapshots(),
        "checkpoints": found.kept(),
        "measured_later": found.measured_names(),
        "folder": store.where(found.path),
    }


def damage(folder: RunFolder, record: Record | None) -> str | None:
    """What of a run is not as it was written, so that no report counts it."""
    if record is None:
        return "its record cannot be read" if folder.has("record.json") else None
    return None if folder.history_intact(record) and folder.history() is not None else "its history cannot be read"


def print_facts(found: dict[str, Any], console: Console) -> None:
    """The same for a person."""
    table = Table(box=None, show_header=False, pad_edge=False)
    record, failure = found.get("record"), found.get("failure")
    if "sweep" in found:
        pairs = {"sweep": found["sweep"], "question": found["question"] or "", "runs": found["runs"], **found["outcomes"]}
    elif record:
        pairs = {"run": found["run"], **{name: record[name] for name in ("outcome", "reason", "steps", "seconds")}, "rows": found["rows"]}
    elif failure:
        pairs = {"run": found["run"], "outcome": failure["outcome"], "reason": failure["reason"], "traceback": failure["traceback"]}
    else:
        pairs = {"run": found["run"], "outcome": "not finished"}
    if found.get("damaged"):
        pairs = {**pairs, "damaged": f"{found['damaged']}; no report counts the run; `lal sweep` of its sweep trains it again"}
    kept = {name.replace("_", " "): ", ".join(map(str, found[name])) for name in ("snapshots", "checkpoints", "measured_later") if found.get(name)}
    for name, value in {**pairs, **found.get("last_row", {}), **kept, "folder": found["folder"]}.items():
        table.add_row(harmless(name), f"{value:.4g}" if isinstance(value, float) else harmless(str(value)))
    console.print(table, highlight=False, markup=False)
