"""The figures of the runs that are chosen, as one looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.one_run import OneRun
from analysis.run_figures.panels import Info
from analysis.visualizer.catalogue import MOST_RUNS, Catalogue, Experiment
from analysis.visualizer.looking import Look, looked_at
from analysis.visualizer.source import Source
from analysis.visualizer.tabs import figures, several
from analysis.visualizer.together import Drawn, colors, together


@dataclass(frozen=True)
class Curves:
    """What is shown under a tab of curves.

    Attributes:
        infos: figures.   legend: a label and its colour for each experiment, or each run of one; texts are escaped.
        told: what is not shown and why, in sentences.   last: the last step of any run.
    """

    infos: tuple[Info, ...]
    legend: tuple[tuple[str, str], ...]
    told: tuple[str, ...]
    last: int


def drawn_runs(chosen: Sequence[tuple[Experiment, list[int]]]) -> list[tuple[Experiment, int]]:
    """The experiments' runs in turn, a seed of each before the second of any, not more than are drawn at once; then in order of experiments."""
    turns = [(turn, place, experiment, run) for place, (experiment, runs) in enumerate(chosen) for turn, run in enumerate(runs)]
    kept = sorted(turns, key=lambda each: each[:2])[:MOST_RUNS]
    return [(experiment, run) for _, _, experiment, run in sorted(kept, key=lambda each: (each[1], each[0]))]


def curves(source: Source, name: str, catalogue: Catalogue, tab: str, chosen: Sequence[tuple[Experiment, list[int]]], look: Look) -> Curves:
    """The figures under `tab` of the `chosen` experiments' runs. Experiments that nothing is known of keep their colour: it does not change as runs begin."""
    wanted = drawn_runs(chosen)
    by_seed = len(chosen) == 1 and not look.median
    read = [(experiment, index, source.run(name, index)) for experiment, index in wanted]
    orders = {index: order for order, (_, index) in enumerate(wanted)} if by_seed else {}
    places = {experiment.number: place for place, (experiment, _) in enumerate(chosen)}
    runs, left_out, lacking, last = list[Drawn](), list[str](), list[str](), 0
    for experiment, index, run in read:
        seed = catalogue.entries[index]["seed"] if len(experiment.runs) > 1 else None
        drawn = Drawn(experiment.label, seed, orders.get(index, places[experiment.number]), ())
        found = run if isinstance(run, str) else _figures(run, tab)
        if isinstance(run, str) or isinstance(found, str):
            lacking.append(f"{drawn.whole}: {found}")
            continue
        last = max(last, int(run.rows["step"].iloc[-1]))
        left_out += found[1]
        runs.append(replace(drawn, infos=found[0]))
    whole = together(runs, look.median)
    infos = [each for info in whole if (each := looked_at(info, look)) is not None]
    if whole and not infos:
        left_out = [f"no evaluation lies in steps {look.first or 0:,} to {last if look.last is None else look.last:,}; widen the range"]
    palette = colors(len(orders or places))
    labels = [experiment.label for experiment, _ in chosen] if not by_seed else [f"seed {catalogue.entries[index]['seed']}" for _, index in wanted]
    legend = tuple((label, palette[order % len(palette)]) for order, label in enumerate(labels)) if len(wanted) > 1 else ()
    return Curves(tuple(infos), legend, tuple(_told(chosen, len(wanted), lacking, several(left_out) if not infos else [])), last)


def _figures(run: OneRun, tab: str) -> tuple[tuple[Info, ...], list[str]] | str:
    """The figures of one run and what it lacks; or why it cannot be drawn, so that the others are."""
    try:
        return figures(run, tab)
    except (ValueError, IndexError, TypeError, KeyError) as fault:
        return f"{type(fault).__name__}: {fault}"


def _told(chosen: Sequence[tuple[Experiment, list[int]]], n_drawn: int, lacking: Sequence[str], left_out: Sequence[str]) -> list[str]:
    """What is not shown, and why."""
    n_chosen = sum(len(runs) for _, runs in chosen)
    told = [f"{n_drawn} of the {n_chosen} chosen runs are drawn: choose fewer experiments or seeds to see the others"] if n_drawn < n_chosen else []
    told += [f"{len(lacking)} of {n_drawn} runs cannot be drawn: {'; '.join(lacking[:3])}{' and others' if len(lacking) > 3 else ''}"] if lacking else []
    return [*told, *(f"Nothing is drawn of this kind: {reason}" for reason in left_out)]
