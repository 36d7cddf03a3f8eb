"""What is shown for what was chosen, drawn anew only where that, or what is stored, has changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, html, no_update
from dash.exceptions import PreventUpdate

from analysis.figures.theme import for_page
from analysis.run_figures.drawing import draw
from analysis.visualizer import maps, page
from analysis.visualizer.catalogue import MOST_RUNS
from analysis.visualizer.choices import chosen, chosen_of_experiments, quiet
from analysis.visualizer.curves import curves, drawn_runs
from analysis.visualizer.looking import SCALES, Look
from analysis.visualizer.source import Source
from analysis.visualizer.style import NARROW
from analysis.visualizer.tabs import MAPS, TITLES
from lal.errors import Refused


@dataclass(frozen=True)
class Asked:
    """All that a page asks for, as far as it changes what is shown."""

    tab: str
    sweep: str
    experiments: tuple[int, ...]
    seeds: tuple[int, ...]
    look: Look
    narrow: bool
    of_map: tuple[str | None, ...]

    def key(self, version: str) -> str:
        """Equal where the same is to be drawn of the same rows."""
        return json.dumps([asdict(self), version])


def showing(app: Dash, source: Source) -> None:
    """Figures, the status line, and clicks on maps."""
    app.clientside_callback(NARROW, Output("narrow", "data"), Input("tick", "n_intervals"), State("narrow", "data"))
    _looking_again(app, source)
    _drawing(app, source)
    _maps(app, source)


def _looking_again(app: Dash, source: Source) -> None:
    """The status line, and whether what is stored has changed."""

    @app.callback(
        Output("version", "data"),
        Output("standing", "children"),
        *(Input(name, prop) for name, prop in (("tick", "n_intervals"), ("sweep", "value"), ("experiment", "value"), ("seed", "value"))),
        State("version", "data"),
    )
    def look_again(_: Any, sweep: str, experiments: list[int] | None, seeds: list[int] | None, was: str | None) -> tuple[Any, Any]:
        try:
            catalogue = source.catalogue(sweep)
            known = source.known(sweep)
            runs = [run for _, run in drawn_runs(catalogue.chosen(numbers(experiments), numbers(seeds)))]
            now, told = f"{known.version} {source.version(sweep, runs)}", f"{known.told}{'; looked at every few seconds' if known.running else ''}"
        except (Refused, OSError) as reason:
            now, told = str(reason), str(reason)
        return (no_update if now == was else now), told


def _drawing(app: Dash, source: Source) -> None:
    """Figures."""

    @app.callback(
        *(Output("shown", "children"), Output("drawn", "data"), Output("range", "max"), Output("range", "value")),
        *(
            Input(name, "value")
            for name in ("tab", "sweep", "experiment", "seed", "range", "smoothing", "curves", "values", "x", "y", "view", "front-x", "front-y")
        ),
        Input("version", "data"),
        Input("narrow", "data"),
        *(State("drawn", "data"), State("range", "max")),
    )
    def show(*values: Any) -> tuple[Any, ...]:
        try:
            return answer(source, *values)
        except PreventUpdate:
            raise
        except (Refused, OSError) as reason:
            told = str(reason)
        except Exception as fault:  # the page would go on to show what was chosen before
            app.server.logger.exception("what was chosen cannot be drawn")
            told = f"This cannot be drawn: {type(fault).__name__}: {fault}. It is a fault of the program; the terminal of `lal view` says where."
        return page.told([told]), None, no_update, no_update  # None: what was drawn before is no longer there


def _maps(app: Dash, source: Source) -> None:
    """Lists that only maps have, and clicks on their cells."""

    @app.callback(
        *(Output("maps", "className"), *(Output(f"{name}-place", "className") for name in ("x", "y", "front-x", "front-y", "view"))),
        Input("tab", "value"),
    )
    def place(tab: str) -> tuple[str, ...]:
        phase, front = ("" if tab == "phase" else "hidden"), ("" if tab == "pareto" else "hidden")
        return "controls" if tab in MAPS else "controls hidden", phase, phase, front, front, f"two {phase}"

    @app.callback(
        *chosen_of_experiments(),
        Output("tab", "value"),
        Input({"kind": "map", "name": ALL}, "clickData"),
        *(State(name, "value") for name in ("sweep", "group", "experiment", "adding")),
        prevent_initial_call=True,
    )
    @quiet
    def clicked(_: list[Any], sweep: str, groups: list[str] | None, there: list[int] | None, adding: list[str] | None) -> tuple[Any, ...]:
        cell = maps.cell_of(ctx.triggered[0]["value"]) if ctx.triggered else None
        catalogue = source.catalogue(sweep)
        if cell is None or cell not in {each.number for each in catalogue.experiments}:
            raise PreventUpdate
        wanted = [*numbers(there), *([cell] if cell not in numbers(there) else [])] if adding else [cell]
        return *chosen(catalogue, wanted, groups or []), no_update if adding else "training"


def answer(source: Source, *values: Any) -> tuple[Any, ...]:
    """What is shown, the key of what is drawn, and the slider's end and handles.

    Raises:
        Refused: it is nothing that the page could have asked for, or what there is cannot be read.
        PreventUpdate: that is drawn already.
    """
    *given, version, narrow, was, most = values
    asked = read(given, bool(narrow), most)
    key = asked.key(version or "")
    if key == was:
        raise PreventUpdate
    shown, last = figures(source, asked)
    if last is None or last == most:
        return shown, key, no_update, no_update
    return shown, key, last, ends(asked.look, last)


def read(given: Sequence[Any], narrow: bool, most: int | None) -> Asked:
    """What a page asks for. A range that is all there was is no range: runs that go on are followed.

    Raises:
        Refused: it is nothing that the page could have asked for.
    """
    tab, sweep, experiments, seeds, steps, smoothing, switches, values, *of_map = given
    if tab not in TITLES or values not in SCALES or not isinstance(sweep, str):
        raise Refused(f"a page must ask for one of its tabs and scales, but got {tab!r} and {values!r}; load it again")
    first, last = (int(each) for each in (steps or (0, 1)))
    look = Look(
        first or None,
        None if most is None or last >= most else last,
        min(0.99, max(0.0, float(smoothing or 0))),
        "log" in (switches or ()),
        values,
        "median" in (switches or ()),
    )
    phase, front = of_map[:3] if tab == "phase" else (), of_map[3:] if tab == "pareto" else ()
    return Asked(tab, sweep, numbers(experiments), numbers(seeds), look, narrow, (*phase, *front))


def numbers(values: Sequence[Any] | None) -> tuple[int, ...]:
    """Whole numbers among `values`, not more than are drawn."""
    return tuple(each for each in (values or ()) if isinstance(each, int))[:MOST_RUNS]


def ends(look: Look, last: int) -> list[int]:
    """Where the slider's handles stand once runs go to step `last`."""
    return [min(look.first or 0, last), last if look.last is None else min(look.last, last)]


def figures(source: Source, asked: Asked) -> tuple[list[Any], int | None]:
    """What is shown, and the last step of the runs, where curves are."""
    if asked.tab in MAPS:
        return of_sweep(source, asked), None
    catalogue = source.catalogue(asked.sweep)
    wanted = catalogue.chosen(asked.experiments, asked.seeds)
    if not wanted:
        return page.told(["Choose at least one experiment above."]), None
    found = curves(source, asked.sweep, catalogue, asked.tab, wanted, asked.look)
    sections = []
    for info in found.infos:
        with for_page("wide"):  # no figure here is drawn without its traces
            figure = draw(info, asked.narrow).update_layout(uirevision=f"{asked.tab} {asked.look}")
        sections.append(page.section(info.title, page.graph(f"{info.name} {info.title}", figure), info.caption))
    return [page.legend(found.legend), *page.told(found.told), *sections], found.last or None


def of_sweep(source: Source, asked: Asked) -> list[Any]:
    """The phase diagram or the front of the whole sweep."""
    known = source.known(asked.sweep)
    tables = known.tables
    if tables is None and known.problem:
        return page.told([known.problem])
    if tables is None:
        return page.told(["Verdicts of all runs are being read; this takes a while the first time, and `lal report` keeps them."])
    if asked.tab == "phase":
        x, y, view = asked.of_map
        dimensions, usual_x, usual_y = maps.axes(tables)
        there = {name for name, _ in dimensions}
        found = maps.phase_map(tables, x if x in there else usual_x, y if y in there else usual_y, view or "time", asked.narrow)
    else:
        usual = maps.usual(tables)
        x, y = (given or other for given, other in zip(asked.of_map, usual, strict=True))
        found = maps.pareto_map(tables, x, y, asked.narrow)
    if isinstance(found, str):
        return page.told([found])
    note = html.P(f"Click a {'cell' if asked.tab == 'phase' else 'point'} to see the curves of its runs.", className="told")
    return [note, page.section(MAPS[asked.tab], page.graph(asked.tab, found.figure, of_map=True), found.caption)]
