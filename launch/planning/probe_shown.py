"""What a probe measured, for scripts and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.planning.probe import BOUND_S, Cell, Probe

if TYPE_CHECKING:
    from rich.console import Console

BUSY = 0.5  # processes that want a core


def facts(probe: Probe) -> dict[str, Any]:
    """The probe as plain data."""
    cells = [
        {"run_id": cell.run_id, **vars(cell.place), "steps_per_s": round(cell.rate, 3), "total_steps_per_s": round(cell.total, 3)}
        | {"peak_mib": cell.peak_mib, "trouble": cell.trouble}
        for cell in probe.cells
    ]
    return {"cells": cells, "suggested": probe.best and probe.best.resources, "words": probe.words(), "left_out": probe.left_out, "load": round(probe.busy, 2)}


def show(probe: Probe, console: Console) -> None:
    """The probe for a person."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("run", "device", "threads", "gpu", "at once", "steps/s", "in all", "memory"):
        table.add_column(heading, justify="left" if heading in ("run", "device") else "right", no_wrap=True)
    for cell in probe.cells:
        place = cell.place
        table.add_row(label(cell), place.device, str(place.threads), f"{place.gpu:g}" if place.gpu else "", str(place.slots), *numbers(cell))
    console.print(table, highlight=False)
    for cell in probe.cells:
        if cell.trouble:
            console.print(f"! {label(cell)} on {cell.place.device}: {cell.trouble}", style="yellow", highlight=False, markup=False, soft_wrap=True)
    if probe.left_out:
        console.print(f"! {probe.left_out} more were left out: {BOUND_S:g} s were over", style="yellow", highlight=False)
    if probe.busy > BUSY:
        console.print(f"! this machine was busy (load {probe.busy:.1f}): alone, runs may be faster", style="yellow", highlight=False)
    console.print(f"Suggested by what was measured here: {probe.words()}", highlight=False, markup=False, soft_wrap=True)


def label(cell: Cell) -> str:
    """The readable part of a run's id."""
    return cell.run_id.rpartition("-")[0]


def numbers(cell: Cell) -> tuple[str, str, str]:
    """What was measured, in words."""
    return ("failed", "", "") if cell.trouble else (f"{cell.rate:,.1f}", f"{cell.total:,.1f}", f"{cell.peak_mib:,} MiB")
