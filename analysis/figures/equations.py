"""Which equation describes the value field of a learner: diffusion or drift, each beside the same with places or moments shuffled."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.collect import Tables
from analysis.figures.room import PX_PLOTS, abreast, top_margin
from analysis.figures.theme import GREY, OKABE_ITO, SYMBOLS, styled
from analysis.frame import Frame
from analysis.patterns.reaction_diffusion import DEGREE, SHUFFLES, TERMS, Term
from analysis.spreading import SAID, fitted, spreading, unfitted
from analysis.statistics import Interval, mean_interval

TITLE = "Diffusion or drift of values"
KINDS = ("as it was", "places shuffled", "moments shuffled")
PX_PER_LINE, PX_BELOW = 64, 50
SHIFT = 0.24
SHARE = (0.0, 1.0)


@dataclass(frozen=True)
class Mark:
    """An estimate over the runs of one cell, and each run's own."""

    mean: Interval
    runs: tuple[float, ...]


@dataclass(frozen=True)
class Info:
    """Marks by cell: `errors` of each term and each of KINDS; `speeds` c, and of the ramp; `expected` 1 / target_every, where the sweep varies it."""

    labels: tuple[str, ...]
    errors: dict[Term, tuple[tuple[Mark, ...], ...]]
    speeds: tuple[tuple[str, tuple[Mark, ...]], ...]
    expected: tuple[float | None, ...]
    caption: str


def prepare(tables: Tables) -> Info | str:
    """Errors and speeds, cell by cell."""
    found = spreading(tables)
    if isinstance(found, str):
        return found
    cells = fitted(found)
    if not cells:
        return f"no equation is fitted to values: {unfitted(found)}"
    scored = [[run.scored for run in cell.runs if run.scored] for cell in cells]
    errors: dict[Term, tuple[tuple[Mark, ...], ...]] = {
        term: (
            tuple(mark([each[term].fit.error for each in runs], *SHARE) for runs in scored),
            *(
                tuple(mark([float(pd.Series(getattr(each[term], kind)).median()) for each in runs], *SHARE) for runs in scored)
                for kind in ("places", "moments")
            ),
        )
        for term in TERMS
    }
    speeds = (
        ("c", tuple(mark([each["drift"].fit.coefficient for each in runs]) for runs in scored)),
        ("of the ramp’s front", tuple(mark([run.speed.value for run in cell.runs]) for cell in cells)),
    )
    caption = (
        f"Left: the share of the change of values that is not explained, by least squares with f of degree {DEGREE}; 1 is nothing explained. Shuffled: the "
        f"median of {SHUFFLES} shuffles of positions, the same at all moments, or of the moments of changes, where there are three or more to shuffle. "
        "Right: speeds towards the start; crosses: 1 / target_every, at which "
        "copying the network into its targets backs values up. Small: each run; bars: 95 % intervals over seeds. "
        "Speeds are of runs whose front was on its way for long enough. Speculative: see docs/reinforcement.md."
        + (f" Without a fit: {unfitted(found)}." if unfitted(found) else "")
    )
    expected = tuple(1 / cell.every if cell.every else None for cell in cells)
    return Info(tuple(cell.label for cell in cells), errors, speeds, expected, caption)


def mark(values: list[float], low: float = -inf, high: float = inf) -> Mark:
    """The mean with its interval, cut to [low, high]; NaN ones are left out."""
    there = [each for each in values if not isnan(each)]
    return Mark(mean_interval(there, low, high), tuple(there))


def table(info: Info) -> Frame:
    """A row for each cell and mark."""
    rows = []
    for number, label in enumerate(info.labels):
        for term in TERMS:
            rows += [_row(label, f"error of {SAID[term]}, {kind}", marks[number]) for kind, marks in zip(KINDS, info.errors[term], strict=True)]
        rows += [_row(label, f"speed: {name}", marks[number]) for name, marks in info.speeds]
    return pd.DataFrame(rows)


def _row(label: str, of: str, each: Mark) -> dict[str, object]:
    return {"cell": label, "of": of, "mean": each.mean.value, "low": each.mean.low, "high": each.mean.high, "runs": len(each.runs)}


def draw(info: Info, narrow: bool = False) -> go.Figure:
    """Errors of both equations, and speeds."""
    titles = [f"error of {SAID[term]}" for term in TERMS] + ["speed (positions an episode)"]
    columns = 1 if narrow else 3
    top = top_margin([*KINDS, *(name for name, _ in info.speeds), "1 / target_every"], narrow)
    shown, lines = abreast(titles, PX_PLOTS[narrow] / (columns + 1))  # names of cells take the room of about a panel
    top += lines
    inner = (PX_PER_LINE * len(info.labels) + 40) * (3 if narrow else 1)
    fig = make_subplots(3 if narrow else 1, columns, subplot_titles=shown, shared_yaxes=not narrow, horizontal_spacing=0.05, vertical_spacing=0.12)
    styled(fig, inner + top + PX_BELOW + (100 if narrow else 0))
    for place, term in enumerate(TERMS):
        for kind, marks in enumerate(info.errors[term]):
            _marks(fig, place, columns, KINDS[kind], kind, kind - 1, marks, place == 0)
    for number, (name, marks) in enumerate(info.speeds):
        _marks(fig, 2, columns, f"speed: {name}", 3 + number, number - 0.5, marks, True)
    _expected(fig, info, columns)
    for place in range(len(TERMS)):
        row, column = _where(place, columns)
        fig.update_xaxes(range=[-0.04, 1.1], row=row, col=column)
    ticks = {"tickvals": list(range(len(info.labels))), "ticktext": list(info.labels)}
    fig.update_yaxes(**ticks, range=[len(info.labels) - 0.5, -0.5], showgrid=False)
    return fig.update_layout(margin={"t": top, "b": 40})


def _where(place: int, columns: int) -> tuple[int, int]:
    """Row and column of a panel."""
    return place // columns + 1, place % columns + 1


def _marks(fig: go.Figure, place: int, columns: int, name: str, color: int, shift: float, marks: tuple[Mark, ...], told: bool) -> None:
    """Means with their intervals, and small marks of runs."""
    heights = [number + SHIFT * shift for number in range(len(marks))]
    runs = [(value, height + 0.09) for each, height in zip(marks, heights, strict=True) for value in each.runs]
    small = {"color": OKABE_ITO[color], "symbol": SYMBOLS[color], "size": 4, "opacity": 0.45}
    x, y = zip(*runs, strict=True) if runs else ((), ())
    row, column = _where(place, columns)
    fig.add_trace(go.Scatter(x=x, y=y, mode="markers", marker=small, hoverinfo="skip", showlegend=False), row=row, col=column)
    sides = [[0.0 if isnan(end) else abs(end - each.mean.value) for each, end in _ends(marks, side)] for side in ("high", "low")]
    bars = {"type": "data", "symmetric": False, "array": sides[0], "arrayminus": sides[1], "thickness": 1.6}
    large = {"color": OKABE_ITO[color], "symbol": SYMBOLS[color], "size": 9}
    hover = "%{x:.3g}<extra>" + name + "</extra>"
    values = [each.mean.value for each in marks]
    trace = go.Scatter(x=values, y=heights, error_x=bars, mode="markers", marker=large, name=name, showlegend=told, hovertemplate=hover)
    fig.add_trace(trace, row=row, col=column)


def _ends(marks: tuple[Mark, ...], side: str) -> list[tuple[Mark, float]]:
    return [(each, getattr(each.mean, side)) for each in marks]


def _expected(fig: go.Figure, info: Info, columns: int) -> None:
    there = [(value, number) for number, value in enumerate(info.expected) if value is not None]
    if there:
        x, y = zip(*there, strict=True)
        row, column = _where(2, columns)
        look = {"color": GREY, "symbol": "x-thin", "size": 11, "line": {"width": 2, "color": GREY}}
        fig.add_trace(go.Scatter(x=x, y=y, mode="markers", marker=look, name="1 / target_every", hoverinfo="x"), row=row, col=column)
