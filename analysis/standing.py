"""Sentences on how many runs were planned, and what became of them."""

from __future__ import annotations

from analysis.collect import Tables
from analysis.figures.theme import safe
from analysis.frame import Frame, Series
from analysis.goal_words import words_of
from analysis.ordered_cells import either
from lal.reading import LACKING


def standing(tables: Tables) -> str:
    """How many runs were planned, and what became of them; one that arms share is counted once."""
    runs = tables.distinct
    done = runs[runs["state"] == "done"]
    n_failed = int((runs["state"] == "failed").sum())
    parts = [f"{len(done)} of {len(runs)} planned runs finished"]
    kinds = ", ".join(f"{count} {str(kind).replace('_', ' ')}" for kind, count in runs.loc[runs["state"] == "failed", "outcome"].value_counts().items())
    parts += [f"{n_failed} failed ({kinds}) and {either(n_failed, 'counts', 'count')} for nothing"] if n_failed else []
    n_outgrown = int((runs["state"] == "outgrown").sum())
    stopped = either(n_outgrown, "counts as censored where it stopped", "count as censored where they stopped")
    n_refused = sum(tables.readings[index].failure is not None for index in runs.index[runs["state"] == "outgrown"])
    more = f"`{safe(tables.command())}` continues {either(n_outgrown, 'it', 'them')}{f'; {n_refused} failed at that' if n_refused else ''}"
    parts += [f"{n_outgrown} finished under a smaller budget than is asked now, and {stopped} ({more})"] if n_outgrown else []
    diverged = int(((done["outcome"] == "diverged") & ~done["event"]).sum())
    never = f"never {words_of(tables.manifest).going}"
    parts += [f"{diverged} diverged, and {either(diverged, 'counts', 'count')} as {never}"] if diverged else []
    pruned = int((done["outcome"] == "pruned").sum())
    parts += [f"{pruned} {either(pruned, 'was', 'were')} pruned by a scheduler, which biases what is said of late ones"] if pruned else []
    parts += left(tables, runs["state"])
    parts += unread(tables, runs)
    n_shared = len(tables.runs) - len(runs)
    parts += [f"arms share some, so that there are {len(tables.runs)} rows in the tables"] if n_shared else []
    return "; ".join(parts) + "."


def unread(tables: Tables, runs: Frame) -> list[str]:
    """What was measured later of `runs`, and cannot be read."""
    found = [tables.readings[index].unread for index in runs.index] if len(tables.readings) else []
    n_runs, metrics = sum(map(bool, found)), sorted({metric for each in found for metric in each})
    return [f"later measurements ({safe(', '.join(metrics))}) of {n_runs} cannot be read (`lal measure` writes them anew)"] if n_runs else []


def left(tables: Tables, states: Series) -> list[str]:
    """What the sweep's command would train, and what of it is there but cannot be read."""
    n_damaged, n_left = int((states == "damaged").sum()), int(states[states != "damaged"].isin(LACKING).sum())
    again = f"`{safe(tables.command())}` trains"
    of = either(n_damaged, "its record or history", "their records or histories")
    told = [f"{n_damaged} damaged ({of} cannot be read; {again} {either(n_damaged, 'it', 'them')} again)"] if n_damaged else []
    return [*told, *([f"{n_left} {either(n_left, 'is', 'are')} missing or unfinished ({again} {either(n_left, 'it', 'them')})"] if n_left else [])]
