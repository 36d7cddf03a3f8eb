"""What goes with the return: over everything, with the world held fixed, and over the time of a run."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

import pandas as pd
import plotly.graph_objects as go

from analysis.collect import Tables
from analysis.figures.dimensions import value_word
from analysis.figures.room import top_margin
from analysis.figures.theme import GREY, OKABE_ITO, SYMBOLS, axis_word, styled, word
from analysis.frame import Frame
from analysis.order import Estimate, Relations, relations
from lal.reinforcement.metrics import RECENT

TITLE = "Order parameters: what goes with the return"
PX_PER_LINE, PX_AROUND = 62, 120
SHIFT = 0.24


@dataclass(frozen=True)
class Info:
    """`labels`: of the candidates, escaped, the largest pooled correlation first. `views`: words, and an estimate for each candidate, or None.

    `by_world`: the same of each world.
    """

    labels: tuple[str, ...]
    views: tuple[tuple[str, tuple[Estimate | None, ...]], ...]
    by_seed: tuple[tuple[float, ...], ...]
    spread: tuple[tuple[float, float], ...]
    by_world: tuple[tuple[str, tuple[Estimate, ...]], ...]
    size: Estimate | None
    caption: str


def prepare(tables: Tables) -> Info | str:
    """Three correlations of each candidate."""
    found = relations(tables)
    if isinstance(found, str):
        return found
    world = " and ".join(map(axis_word, found.world))
    views: list[tuple[str, tuple[Estimate | None, ...]]] = [("all runs", tuple(each.pooled for each in found.each))]
    if found.world:
        views.append((f"{world} held fixed", tuple(each.fixed for each in found.each)))
    views.append(("over time, mean of runs", tuple(each.over_time for each in found.each)))
    caption = (
        f"Pearson's correlation with the mean return of the last {RECENT} episodes. Bars: intervals of the mean over seeds, "
        f"Student’s; grey: Fisher’s, for independent runs; each kind holds for all {len(found.each)} together at 95 % (Bonferroni)"
        f". All runs: at their ends.{f' Held fixed: of deviations from the means of each {world}.' if found.world else ''} Over time: over the "
        "evaluations of each run." + (" Dotted: the correlation of the return with the size of the environment itself." if found.size is not None else "")
    )
    labels, seeds, spread = zip(*((word(each.column), each.by_seed, each.spread) for each in found.each), strict=True)
    by_world = tuple((name, tuple(each.by_world[number] for each in found.each if each.by_world)) for number, name in enumerate(world_words(found)))
    return Info(labels, tuple(views), seeds, spread, by_world, found.size, caption)


def world_words(found: Relations) -> tuple[str, ...]:
    """Each world in words, escaped."""
    return tuple(", ".join(f"{axis_word(path)} = {value_word(value)}" for path, value in zip(found.world, each, strict=True)) for each in found.worlds)


def table(info: Info) -> Frame:
    """A row for each candidate and view, with both intervals."""
    rows = []
    for view, estimates in (*info.views, *info.by_world):
        for label, each in zip(info.labels, estimates, strict=True):
            if each is not None:
                rows.append({"view": view, "of": label, "correlation": each.value} | _ends(each))
    if info.size is not None:
        rows.append({"view": "all runs", "of": "size of the environment", "correlation": info.size.value} | _ends(info.size))
    for label, each in zip(info.labels, info.by_seed, strict=True):
        rows += [{"view": "cells of one seed", "of": label, "correlation": value} for value in each]
    for label, (low, high) in zip(info.labels, info.spread, strict=True):
        rows += [{"view": f"over time, {which} of runs", "of": label, "correlation": value} for which, value in (("least", low), ("largest", high))]
    return pd.DataFrame(rows)


def _ends(of: Estimate) -> dict[str, float]:
    seeds = {"low (seeds)": of.seeds.low, "high (seeds)": of.seeds.high}
    return seeds | {"low (Fisher)": of.fisher.low, "high (Fisher)": of.fisher.high, "n": of.n}


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """A line of marks for each candidate."""
    names = [view for view, _ in info.views]
    top = top_margin(names, narrow, titles=False)
    fig = styled(go.Figure(), PX_AROUND + PX_PER_LINE * len(info.labels))
    for index, (view, estimates) in enumerate(info.views):
        there = [(place, each) for place, each in enumerate(estimates) if each is not None and not isnan(each.value)]
        shift = (index - (len(info.views) - 1) / 2) * SHIFT
        places = [place + shift for place, _ in there]
        fig.add_trace(_fisher([each for _, each in there], places))
        fig.add_trace(_marks(view, index, [each for _, each in there], places, [info.labels[place] for place, _ in there]))
    if info.size is not None:
        fig.add_shape(type="line", x0=info.size.value, x1=info.size.value, y0=0, y1=1, yref="paper", line={"color": GREY, "dash": "dot", "width": 1.4})
    fig.update_xaxes(range=[-1.04, 1.04], title={"text": "correlation with the return"}, zeroline=True, zerolinecolor=GREY)
    fig.update_yaxes(tickvals=list(range(len(info.labels))), ticktext=list(info.labels), range=[len(info.labels) - 0.5, -0.5], showgrid=False)
    return fig.update_layout(margin={"t": top, "b": 56})


def _fisher(estimates: list[Estimate], places: list[float]) -> go.Scatter:
    """Fisher's intervals as one line with gaps."""
    x, y = [], []
    for each, place in zip(estimates, places, strict=True):
        if not isnan(each.fisher.low):
            x += [each.fisher.low, each.fisher.high, None]
            y += [place, place, None]
    return go.Scatter(x=x, y=y, mode="lines", line={"color": GREY, "width": 5}, opacity=0.3, hoverinfo="skip", showlegend=False)


def _marks(view: str, index: int, estimates: list[Estimate], places: list[float], labels: list[str]) -> go.Scatter:
    values = [each.value for each in estimates]
    sides = {"array": [each.seeds.high - each.value for each in estimates], "arrayminus": [each.value - each.seeds.low for each in estimates]}
    shown = {side: [0 if isnan(each) else max(0.0, each) for each in found] for side, found in sides.items()}  # a mean over seeds need not be what is pooled
    bars = {"type": "data", "symmetric": False, **shown, "thickness": 1.6}
    return go.Scatter(
        x=values,
        y=places,
        error_x=bars,
        mode="markers",
        name=view,
        marker={"color": OKABE_ITO[index], "symbol": SYMBOLS[index], "size": 10},
        customdata=labels,
        hovertemplate="%{customdata}: %{x:.3f}<extra>" + view + "</extra>",
    )
