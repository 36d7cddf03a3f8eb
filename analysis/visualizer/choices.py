"""What a person may choose, and what has been: the lists above the figures. Values come from a page, so they are looked up, never believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from html import unescape
from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update
from dash.exceptions import PreventUpdate

from analysis.visualizer import maps
from analysis.visualizer.catalogue import MOST_OPTIONS, MOST_RUNS, Catalogue
from analysis.visualizer.source import Source
from lal.errors import Refused


def quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which leaves the page as it is where what is asked for is not there: the status line says why."""

    @wraps(function)
    def answered(*values: Any) -> Any:
        try:
            return function(*values)
        except (Refused, OSError):
            raise PreventUpdate from None

    return answered


def choices(app: Dash, source: Source) -> None:
    """Lists that follow the sweep, and clicks that change what is chosen."""
    _experiments(app, source)
    _axes(app, source)


def _experiments(app: Dash, source: Source) -> None:
    """Which experiments and seeds there are, and which are chosen."""

    @app.callback(
        *(Output("group", "options"), Output("group", "value"), Output("seed", "options"), Output("seed", "value")),
        *chosen_of_experiments(),
        Input("sweep", "value"),
        prevent_initial_call="initial_duplicate",
    )
    @quiet
    def of_sweep(sweep: str) -> tuple[Any, ...]:
        catalogue = source.catalogue(sweep)
        seeds = [{"label": str(seed), "value": seed} for seed in catalogue.seeds[:MOST_OPTIONS]]
        return [{"label": name, "value": name} for name in catalogue.groups], [], seeds, [], *chosen(catalogue, catalogue.first())

    @app.callback(
        Output("experiment", "options"), Input("sweep", "value"), Input("group", "value"), Input("experiment", "search_value"), Input("experiment", "value")
    )
    @quiet
    def of_group(sweep: str, groups: Sequence[str] | None, typed: str | None, chosen: Sequence[int] | None) -> list[dict[str, Any]]:
        return options(source.catalogue(sweep), groups or [], typed or "", chosen or [])

    @app.callback(
        *chosen_of_experiments(),
        Input("all", "n_clicks"),
        State("sweep", "value"),
        State("group", "value"),
        prevent_initial_call=True,
    )
    @quiet
    def every(_: int, sweep: str, groups: Sequence[str] | None) -> tuple[Any, ...]:
        catalogue = source.catalogue(sweep)
        return chosen(catalogue, [each.number for each in catalogue.found(groups or [], "")[:MOST_RUNS]], groups or [])


def _axes(app: Dash, source: Source) -> None:
    """What maps and fronts may be drawn over."""

    @app.callback(
        *(Output(name, prop) for name in ("x", "y", "front-x", "front-y") for prop in ("options", "value")),
        Input("sweep", "value"),
        Input("version", "data"),
        State("x", "options"),
        State("front-x", "value"),
    )
    @quiet
    def of_maps(sweep: str, _: str, there: list[Any], front: str | None) -> list[Any]:
        tables = source.known(sweep).tables
        if tables is None or (there and ctx.triggered_id == "version" and front):
            return [no_update] * 8
        dimensions, x, y = maps.axes(tables)
        own = [{"label": unescape(label), "value": name} for name, label in dimensions]
        signs = {"-": "less is better", "+": "more is better"}
        fronts = [{"label": f"{unescape(label)} ({words})", "value": name + sign} for name, label in maps.objectives(tables) for sign, words in signs.items()]
        front_x, front_y = maps.usual(tables)
        return [own, x or None, own, y or None, fronts, front_x, fronts, front_y]


def chosen_of_experiments() -> tuple[Output, Output]:
    """Where `chosen` goes."""
    return Output("experiment", "options", allow_duplicate=True), Output("experiment", "value", allow_duplicate=True)


def chosen(catalogue: Catalogue, numbers: Sequence[int], groups: Sequence[str] = ()) -> tuple[list[dict[str, Any]], list[int]]:
    """The list of experiments and what is chosen of it, both at once: a list drops what it does not have."""
    return options(catalogue, groups, "", numbers), list(numbers)


def options(catalogue: Catalogue, groups: Sequence[str], typed: str, chosen: Sequence[int]) -> list[dict[str, Any]]:
    """Those that are chosen, whatever is typed, and the first that fit."""
    fitting = catalogue.found(groups, typed)[:MOST_OPTIONS]
    kept = [each for each in catalogue.experiments if each.number in {*chosen}]
    return [{"label": each.word, "value": each.number} for each in dict.fromkeys([*kept, *fitting])]
