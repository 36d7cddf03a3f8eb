"""The figures of a whole sweep, whose marks lead to the runs behind them: phase diagram and Pareto frontier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import plotly.graph_objects as go

from analysis.collect import Tables
from analysis.figures import pareto, pareto_planes, phase
from analysis.figures.dimensions import dimensions, layout
from analysis.figures.phase_cells import View
from analysis.figures.theme import word
from analysis.once import once
from lal.errors import Refused

WHEN = ("end", "grok")


@dataclass(frozen=True)
class Map:
    """A drawn figure, with its caption (HTML)."""

    figure: go.Figure
    caption: str


@once
def phase_map(tables: Tables, x: str | None, y: str | None, view: str, narrow: bool) -> Map | str:
    """The phase diagram over two axes, or why there is none."""
    if view not in get_args(View):
        raise Refused(f"a view must be one of {', '.join(get_args(View))}, but got {view!r}; choose one")
    info = phase.prepare(tables, x, y, view)  # type: ignore[arg-type]
    if not tables.manifest["command"]:  # of another program's runs no command makes a cell again
        info = replace(
            info, places=tuple(each and replace(each, cells=tuple(replace(cell, hover=_plain(cell.hover)) for cell in each.cells)) for each in info.places)
        )
    return Map(phase.draw(info, narrow), info.caption)


def _plain(hover: str) -> str:
    return hover.rpartition("<br><i>")[0]


def axes(tables: Tables) -> tuple[list[tuple[str, str]], str, str]:
    """What may be on x and y, with a word (escaped) for each, and what is there if nobody says."""
    where = layout(tables)
    return [(each.column, each.label) for each in dimensions(tables)], where.x.column, where.y.column


def objectives(tables: Tables) -> list[tuple[str, str]]:
    """What a front may be of: `column@when` of every column with a number, with a word (escaped) for each."""
    columns = [str(name) for name in tables.runs.columns if str(name).partition("@")[2] in WHEN]
    return [(name, word(name)) for name in columns if tables.runs[name].notna().any()]


def usual(tables: Tables) -> tuple[str, str]:
    """The costs on x and the gain on y that the sweep's report asks for first; else steps of training, as far as that is known, against its goal."""
    wanted = [each for each in pareto_planes.pairs(tables.manifest["report"].get("pareto") or {}) if {str(one.when) for one in each} <= {*WHEN}]
    if wanted:
        first, second = wanted[0]
        return f"{first.column}@{first.when}{sign(first)}", f"{second.column}@{second.when}{sign(second)}"
    names = [name for name, _ in objectives(tables)]
    goal = f"{tables.thresholds.goal_column}@end"
    other = next((name for name in ("functional_depth@end", "effective_depth@end", "weight_norm@end", "train_loss@end") if name in names), goal)
    return f"{other}-", f"{goal}{'+' if tables.thresholds.direction == 'max' else '-'}"


def sign(each: pareto_planes.Objective) -> str:
    """ "-" for what is minimised, "+" for what is maximised."""
    return "-" if each.sign > 0 else "+"


def objective(text: str) -> pareto_planes.Objective:
    """An objective written as `column@when+` (more is better) or `column@when-` (less is)."""
    column, _, when = text[:-1].partition("@")
    if when not in WHEN or text[-1] not in "+-":
        raise Refused(f"an objective must be column@end or column@grok with + or -, but got {text!r}; choose one from the list")
    return pareto_planes.Objective(column, when, -1 if text[-1] == "+" else 1)


@once
def pareto_map(tables: Tables, x: str, y: str, narrow: bool) -> Map | str:
    """The front of two objectives, or why there is none."""
    if x[:-1] == y[:-1]:
        return "a front is of two objectives: choose another on one of the axes"
    plane = pareto_planes.plane(tables, objective(x), objective(y))
    if isinstance(plane, str):
        return plane
    arms: Sequence[Any] = layout(tables, y="arm").y.words()
    info = pareto_planes.Info((plane,), tuple(arms), pareto.reading((plane,)) + pareto.without(tables, plane))
    return Map(pareto.draw(info, narrow), info.caption)


def cell_of(click: Any) -> int | None:
    """The number of the cell that a click was on; None where it was on something else. What comes from a page is not believed."""
    try:
        value = click["points"][0]["customdata"]
        value = value[0] if isinstance(value, list) else value
    except (KeyError, IndexError, TypeError):
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
