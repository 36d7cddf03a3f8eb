"""What runs are shown under: a tab, its figures of runs, and those that are of a whole sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.one_run import OneRun
from analysis.run_figures import (
    agent,
    composing,
    curvature,
    depth_of_inputs,
    gates,
    optimizer,
    routing,
    space_time,
    spectral_analysis,
    staircase,
    training_curves,
    weight_norms,
)
from analysis.run_figures.panels import Info

Prepare = Callable[[OneRun], tuple[Info, ...] | str]


@dataclass(frozen=True)
class Tab:
    """A tab of curves. `figures`: of each run, in order."""

    title: str
    figures: tuple[Prepare, ...]


CURVES = {
    "training": Tab("Training dynamics", (training_curves.prepare,)),
    "curvature": Tab("Curvature", (curvature.prepare,)),
    "optimizer": Tab("Optimizer state", (optimizer.prepare,)),
    "weights": Tab("Weights", (weight_norms.prepare,)),
    "routing": Tab("Routing and gates", (routing.prepare, gates.prepare, depth_of_inputs.prepare)),
    "fourier": Tab("Fourier", (spectral_analysis.prepare,)),
    "staircase": Tab("Staircase and modes", (staircase.prepare, composing.prepare)),
    "agent": Tab("Agent", (agent.prepare, space_time.prepare)),
}
MAPS = {"phase": "Phase diagram", "pareto": "Pareto frontier"}
TITLES = {**{name: tab.title for name, tab in CURVES.items()}, **MAPS}


def figures(run: OneRun, tab: str) -> tuple[tuple[Info, ...], list[str]]:
    """The figures of `run` under `tab`, and a sentence for each that does not apply."""
    found, left_out = list[Info](), list[str]()
    for prepare in CURVES[tab].figures:
        infos = prepare(run)
        if isinstance(infos, str):
            left_out.append(infos)
        else:
            found += infos
    return tuple(found), left_out or [*([] if found else ["these runs are of another kind"])]


def several(sentences: Sequence[str]) -> list[str]:
    """Each sentence once, in order."""
    return list(dict.fromkeys(sentences))
