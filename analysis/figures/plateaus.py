"""Heights of the plateaus at which the loss rested, beside the levels of theory."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, log10
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.collect import Tables
from analysis.figures.dimensions import dimensions, split
from analysis.figures.room import entry, top_margin
from analysis.figures.theme import GREY, OKABE_ITO, SYMBOLS, shades, styled, translucent
from analysis.figures.ticks import log_axis
from analysis.frame import Frame
from analysis.staircases import APART, CLOSE, absent, climbs

TITLE = "Plateaus against theory"
LEAST_LEVEL = 1e-4  # of level 0
MOST_GROUPS = 12
WIDEST = 0.25  # relative error: what is beyond is drawn at the edge
APART_BY, WIDE = 0.02, 0.12  # powers of ten between the marks of two cells at one level, and of all cells at most


@dataclass(frozen=True)
class Group:
    """The plateaus of one cell. `levels`, `errors`, `seeds`: of each that was seen; `missing`: how many were not. Text is escaped."""

    label: str
    levels: tuple[float, ...]
    errors: tuple[float, ...]
    seeds: tuple[int, ...]
    missing: int


@dataclass(frozen=True)
class Info:
    """Text is escaped."""

    groups: tuple[Group, ...]
    caption: str


def prepare(tables: Tables) -> Info | str:
    """Relative errors of all plateaus that can be told from their neighbours, by cell."""
    found = climbs(tables)
    if not found:
        return absent(tables)
    cells = split(tables.done.loc[list(found)], dimensions(tables))
    groups = []
    for label, runs in cells[:MOST_GROUPS]:
        seen, missing = [], 0
        for index, seed in runs["seed"].items():
            climb = found[index]  # type: ignore[index]
            here = [each for each in climb.plateaus if each.level >= LEAST_LEVEL * climb.theory.levels[0]]
            seen += [(each.level, each.error, int(seed)) for each in here if not isnan(each.error)]
            missing += sum(isnan(each.error) for each in here)
        levels, errors, seeds = zip(*seen, strict=True) if seen else ((), (), ())
        groups.append(Group(label, levels, errors, seeds, missing))
    if not any(each.levels for each in groups):
        return "no plateau was seen that can be told from its neighbours"
    n_missing = sum(each.missing for each in groups)
    caption = (
        f"How far the loss lay from the levels of theory where it was flattest near them, a mark a plateau and seed; dashed: {CLOSE:.0%} either side. Looked "
        f"at are levels {APART:g} times as high as the next, and as low as the one before; {n_missing} of them had no plateau."
    )
    beyond = sum(abs(error) > WIDEST for each in groups for error in each.errors)
    aside = 10 ** (_apart(len(groups)) * (len(groups) - 1) / 2) - 1
    caption += f" Marks of one level stand up to {aside:.0%} beside it along the axis, by cell, so as not to cover one another." if aside else ""
    caption += f" {beyond} marks further off than {WIDEST:.0%} are drawn there." if beyond else ""
    caption += f" The first {MOST_GROUPS} of {len(cells)} cells are drawn." if len(cells) > MOST_GROUPS else ""
    return Info(tuple(groups), caption)


def _apart(n: int) -> float:
    """Powers of ten between the marks of neighbouring cells at one level, of `n`."""
    return min(APART_BY, WIDE / max(n - 1, 1))


def table(info: Info) -> Frame:
    """Of each cell and level the median error, and the largest; how many plateaus of the cell were not seen, in a row of its own."""
    rows = []
    for group in info.groups:
        levels = np.array(group.levels)
        for level in sorted({float(f"{each:.3g}") for each in group.levels}, reverse=True):
            errors = np.array(group.errors)[np.isclose(levels, level, rtol=6e-3)]
            key = {"cell": group.label, "level": level, "plateaus": len(errors), "not seen": 0}
            rows.append({**key, "median error (%)": 100 * float(np.median(errors)), "largest error (%)": 100 * float(np.abs(errors).max())})
        if group.missing:
            nothing = {"level": np.nan, "median error (%)": np.nan, "largest error (%)": np.nan}
            rows.append({"cell": group.label, "plateaus": 0, "not seen": group.missing, **nothing})
    return pd.DataFrame(rows)


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """One panel: errors over levels, cells a little apart."""
    words = [entry(each.label) for each in info.groups] if len(info.groups) > 1 else []
    top = top_margin(words, narrow, titles=False)
    fig = styled(go.Figure(), top + 340)
    n, colors = len(info.groups), list(OKABE_ITO) if len(info.groups) <= len(OKABE_ITO) else shades(len(info.groups))
    for index, group in enumerate(info.groups):
        apart = 10 ** ((index - (n - 1) / 2) * _apart(n))
        marker: dict[str, Any] = {"color": translucent(colors[index], 0.75), "size": 9, "symbol": SYMBOLS[index % len(SYMBOLS)]}
        fig.add_trace(
            go.Scatter(
                x=[level * apart for level in group.levels],
                y=[100 * max(-WIDEST, min(WIDEST, error)) for error in group.errors],
                customdata=[[level, 100 * error, seed] for level, error, seed in zip(group.levels, group.errors, group.seeds, strict=True)],
                mode="markers",
                marker=marker,
                name=entry(group.label) or "plateaus",
                showlegend=bool(words),
                hovertemplate=f"{group.label}<br>level %{{customdata[0]:.4g}}: %{{customdata[1]:+.2f}} % (seed %{{customdata[2]}})<extra></extra>",
            )
        )
    for edge in (-CLOSE, 0.0, CLOSE):
        fig.add_hline(100 * edge, line={"color": GREY, "width": 1, "dash": "dash" if edge else "solid"}, layer="below")
    levels = [level for group in info.groups for level in group.levels]
    errors = [min(WIDEST, abs(error)) for group in info.groups for error in group.errors]
    high = 115 * max(1.4 * CLOSE, *errors)
    axis = "level of theory (log), cells side by side" if len(info.groups) > 1 else "level of theory (log)"
    fig.update_xaxes(log_axis(log10(min(levels)) - 0.15, log10(max(levels)) + 0.15), title={"text": axis, "standoff": 6})
    fig.update_yaxes(range=[-high, high], title={"text": "height of the plateau, off by (%)"}, ticksuffix="")
    return fig.update_layout(margin={"t": top, "b": 56})
