"""Which comes first: a pattern in the values, the policy that goes with it, or the return."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.collect import Tables
from analysis.figures.room import top_margin
from analysis.figures.theme import GREY, OKABE_ITO, SYMBOLS, styled
from analysis.frame import Frame
from analysis.spreading import EVENTS, spreading
from lal.reinforcement.metrics import RECENT

TITLE = "What comes first: pattern or return"
PX_PER_LINE, PX_BELOW = 92, 76
ROOM = 0.74  # of a cell's height that its seeds share


@dataclass(frozen=True)
class Row:
    """One run. `times`: of each event, NaN where it is not so at the end."""

    cell: int
    seed: int
    times: tuple[float, ...]


@dataclass(frozen=True)
class Info:
    """`labels`: of cells, escaped.   `events`: words.   `last`: the last episode of any run."""

    labels: tuple[str, ...]
    events: tuple[str, ...]
    rows: tuple[Row, ...]
    last: float
    caption: str


def prepare(tables: Tables) -> Info | str:
    """When each event is so for good, run by run."""
    found = spreading(tables)
    if isinstance(found, str):
        return found
    rows = [
        Row(number, run.seed, tuple(time if isfinite(time) else float("nan") for time in run.times.values()))
        for number, cell in enumerate(found)
        for run in cell.runs
    ]
    caption = (
        "A line a run: the first evaluation from which it holds to the end that values rise towards the goal in the half nearer to it at all (values rise), or "
        "by more than half of what a step costs (the ramp); that the greedy action there is right (the policy); and that the mean return of the last "
        f"{RECENT} episodes, or the return without exploration, is half-way from its lowest to the best there is. No mark: not so at the end."
    )
    last = max(run.last for cell in found for run in cell.runs)
    return Info(tuple(each.label for each in found), tuple(EVENTS.values()), tuple(rows), last, caption)


def table(info: Info) -> Frame:
    """A row a run."""
    return pd.DataFrame([{"cell": info.labels[row.cell], "seed": row.seed, **dict(zip(info.events, row.times, strict=True))} for row in info.rows])


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """Marks on a line for each run, cell by cell."""
    top = top_margin(info.events, narrow, titles=False)
    fig = styled(go.Figure(), top + PX_BELOW + PX_PER_LINE * len(info.labels))
    heights = _heights(info)
    spans_x, spans_y = list[float | None](), list[float | None]()
    for row, height in zip(info.rows, heights, strict=True):
        there = [each for each in row.times if isfinite(each)]
        if there:
            spans_x += [min(there), max(there), None]
            spans_y += [height, height, None]
    fig.add_trace(go.Scatter(x=spans_x, y=spans_y, mode="lines", line={"color": GREY, "width": 1}, opacity=0.5, hoverinfo="skip", showlegend=False))
    for index, event in enumerate(info.events):
        fig.add_trace(
            go.Scatter(
                x=[row.times[index] for row in info.rows],
                y=heights,
                mode="markers",
                name=event,
                marker={"color": OKABE_ITO[index], "symbol": SYMBOLS[index], "size": 8},
                customdata=[f"{info.labels[row.cell]}, seed {row.seed}" for row in info.rows],
                hovertemplate="%{customdata}: episode %{x:,}<extra>" + event + "</extra>",
            )
        )
    fig.update_xaxes(range=[-0.03 * info.last, 1.03 * info.last], title={"text": "episode"})
    fig.update_yaxes(tickvals=list(range(len(info.labels))), ticktext=list(info.labels), range=[len(info.labels) - 0.5, -0.5], showgrid=False)
    return fig.update_layout(margin={"t": top, "b": 56})


def _heights(info: Info) -> list[float]:
    """Where each run's line is: the seeds of a cell side by side."""
    cells = np.array([row.cell for row in info.rows])
    found = []
    for number, cell in enumerate(cells):
        place, n = int((cells[:number] == cell).sum()), int((cells == cell).sum())
        found.append(float(cell + ROOM * ((place + 0.5) / n - 0.5)))
    return found
