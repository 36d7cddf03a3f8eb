"""The list of shipped sweeps in sweeps/README.md: question, runs and cost from the sweeps themselves. Their status is written by hand, and kept."""

from __future__ import annotations

import re

from lal.config import RunConfig
from launch.planning.estimate import SIDE_BY_SIDE, expected_steps
from launch.planning.machine import REFERENCE_RATE, modelled, rate
from launch.sweep import Expanded, load

LAPTOP = "laptop"
ROW = re.compile(r"^\| \[`(\w+)`\]\(\1\.yaml\) \| .* \| ([^|]*) \|$", re.MULTILINE)


def listing(page: str) -> str:
    """`page` with every row of a sweep written anew, but for its last cell."""
    return ROW.sub(lambda row: line(row[1], row[2]), page)


def line(name: str, status: str) -> str:
    """The row of one sweep: as a whole, and in its laptop profile where it has one."""
    whole = load(name)
    small = cells(load(name, LAPTOP)) if LAPTOP in whole.sweep.profiles else ("", "")
    return f"| [`{name}`]({name}.yaml) | {whole.sweep.question} | {' | '.join((*cells(whole), *small))} | {status} |"


def cells(sweep: Expanded) -> tuple[str, str]:
    """Its runs, each once, and their cost; of points that are still to be found, as much as any may cost."""
    configs = [*sweep.configs().values()] if sweep.space is None else [run.config for run in sweep.space.largest] * sweep.space.search.points
    return f"{sweep.n_runs:,}", rounded(sum(map(reference_seconds, configs)))


def reference_seconds(config: RunConfig) -> float:
    """What `lal plan` expects of a run that nobody has finished, on the machine of `launch.planning.machine`, whatever this one is."""
    return SIDE_BY_SIDE * modelled(config, expected_steps(config)) * rate() / REFERENCE_RATE


def rounded(seconds: float) -> str:
    """A time in its largest unit that leaves a number over one and a half."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds > 1.5 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"
