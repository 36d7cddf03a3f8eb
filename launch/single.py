"""`lal train`: one run of a sweep, in this process, row by row."""

from __future__ import annotations

from rich.console import Console

from lal.config import RunConfig
from lal.errors import Refused
from lal.runs.run import Row
from lal.store import Record, Store
from lal.terminal import harmless
from launch.driving.interrupts import interruptible
from launch.sweep import Expanded

SHOWN = ("train_loss", "test_loss", "train_acc", "test_acc", "return", "greedy_return", "effective_depth", "functional_depth", "routing_entropy")


def chosen(sweep: Expanded, wanted: str | None) -> RunConfig:
    """The one run of `sweep` whose id is or begins with `wanted`; the only one where there is one.

    Raises:
        Refused: there is none, or more than one.
    """
    by_id = {run.run_id: run.config for run in sweep.runs}
    ids = [run_id for run_id in by_id if wanted is None or run_id.startswith(wanted)]
    if wanted in by_id:
        ids = [wanted]
    if len(ids) != 1:
        few = ", ".join((ids or list(by_id))[:6])
        what = f"{len(ids)} of the {len(by_id)} runs of {sweep.folder} match {wanted or 'no --run'}"
        raise Refused(f"lal train takes one run, but {what}; name one with --run, such as: {few}")
    return by_id[ids[0]]


def train_one(sweep: Expanded, wanted: str | None, store: Store, device: str, console: Console) -> int:
    """Trains one run to its end and returns the exit code. Interrupted, it goes on from where it was next time."""
    import torch

    from lal.runs.session import Interrupted, attempt

    config = chosen(sweep, wanted)
    for text in sweep.left_out:
        console.print(f"! {text}", style="yellow", highlight=False, markup=False)
    torch.set_num_threads(max(1, int(sweep.resources["cpu"])))
    with interruptible(raises=False) as came:  # the run is asked to stop, and saves first
        try:
            result = attempt(
                config,
                store,
                device=device,
                report=lambda row: tell(row, config.goal.column, console),
                resumed=lambda rows: console.print(f"Goes on from step {rows[-1]['step']:,}.", highlight=False),
                stop_asked=lambda: bool(came),
            )
        except Interrupted:
            console.print("Interrupted; the same command goes on from what was saved.", highlight=False)
            return 128 + came[0]
    for note in result.environment.get("notes", ()):
        console.print(harmless(f"! {note}"), style="yellow", highlight=False, markup=False)
    console.print(harmless(f"{result.outcome}: {result.reason}"), highlight=False, markup=False)
    console.print(store.where(f"runs/{result.run_id}"), highlight=False, markup=False, soft_wrap=True)
    return 0 if isinstance(result, Record) else 1


def tell(row: Row, goal: str, console: Console) -> None:
    """One row as one line, what the run aims at in any case; pulses are not told."""
    words = [f"{name} {row[name]:.4g}" for name in dict.fromkeys((*SHOWN, goal)) if row.get(name) is not None]
    if words:
        console.print(f"step {row['step']:>7,}  " + "  ".join(words), highlight=False, soft_wrap=True)
