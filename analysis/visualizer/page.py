"""What the page is made of: controls above, tabs, and a place for figures below. Names of components are the ids that `choices` and `showing` speak of."""

from __future__ import annotations

from collections.abc import Sequence
from html import unescape
from typing import Any

import plotly.graph_objects as go
from dash import dcc, html

from analysis.figures.theme import CONFIG
from analysis.visualizer.looking import SCALES
from analysis.visualizer.tabs import TITLES

EVERY_MS = 3000  # between two looks at a sweep that may still be running
VIEWS = {"time": "steps to the goal", "probability": "share that reaches the goal", "phase": "phases"}


def layout(address: str, names: Sequence[str], chosen: str) -> html.Main:
    """The whole page, before anything is drawn."""
    return html.Main(
        [
            html.Div([html.H1("Runs and sweeps"), html.Span(address, className="soft"), html.Button("Dark / light", id="theme")], className="head"),
            html.P(id="standing", className="told"),
            html.Div(_controls(names, chosen), className="controls"),
            dcc.Tabs(
                [dcc.Tab(label=title, value=name, className="tab", selected_className="tab--selected") for name, title in TITLES.items()],
                "training",
                id="tab",
                className="tabs",
                mobile_breakpoint=0,
            ),
            html.Div(_of_maps(), id="maps", className="controls hidden"),
            html.Div(dcc.Graph(figure={}, className="hidden"), id="shown"),  # the browser loads what draws figures while the first ones are made
            dcc.Interval(id="tick", interval=EVERY_MS),
            *(dcc.Store(id=name) for name in ("narrow", "version", "drawn")),
        ]
    )


def _controls(names: Sequence[str], chosen: str) -> list[Any]:
    """What is looked at, and how."""
    sweeps = [{"label": name, "value": name} for name in names]
    return [
        _named("Sweep", dcc.Dropdown(sweeps, chosen, id="sweep", clearable=False)),
        _named("Group", dcc.Dropdown([], [], id="group", multi=True, placeholder="all groups")),
        _named(
            "Experiments: several at once; type to search",
            dcc.Dropdown([], [], id="experiment", multi=True, placeholder="none chosen", closeOnSelect=False),
            "two",
        ),
        _named("Steps", dcc.RangeSlider(0, 1, value=[0, 1], step=1, marks=None, id="range", allow_direct_input=True), "two"),
        _named("Smoothing", dcc.Slider(0, 0.95, value=0, step=0.05, marks=None, id="smoothing", allow_direct_input=True, tooltip={"placement": "bottom"})),
        _named("Seeds", dcc.Dropdown([], [], id="seed", multi=True, placeholder="all seeds")),
        _named("Curves", dcc.Checklist([_option("log", "log steps"), _option("median", "median over seeds")], ["log"], id="curves", inline=True), "two"),
        _named("Values", dcc.RadioItems([_option(each, each) for each in SCALES], SCALES[0], id="values", inline=True)),
        _named("Choose", html.Button("All of the group", id="all")),
    ]


def _of_maps() -> list[Any]:
    """What a phase diagram and a front are of; each is shown under its own tab."""
    named = {"x": "x", "y": "y", "front-x": "x", "front-y": "y"}
    lists = [_named(word, dcc.Dropdown([], None, id=name, clearable=False), group=f"{name}-place") for name, word in named.items()]
    view = dcc.RadioItems([_option(name, words) for name, words in VIEWS.items()], "time", id="view", inline=True)
    click = dcc.Checklist([_option("add", "a click adds to what is chosen, instead of going to its curves")], [], id="adding")
    return [*lists, _named("Cells show", view, "two", "view-place"), _named("Clicks", click, "two")]


def _named(name: str, component: Any, width: str = "", group: str | None = None) -> html.Div:
    """A control under its name."""
    options: dict[str, Any] = {"id": group} if group else {}
    return html.Div([html.Span(name, className="name"), component], className=width, **options)


def _option(value: str, label: str) -> dict[str, str]:
    return {"label": label, "value": value}


def graph(name: str, figure: go.Figure, of_map: bool = False) -> dcc.Graph:
    """A figure in its place. Those `of_map` are listened to."""
    layout: Any = figure.layout
    height = {"height": f"{layout.height}px"}
    return dcc.Graph(id={"kind": "map" if of_map else "curves", "name": name}, figure=figure, config=CONFIG, className="plot", style=height)  # type: ignore[arg-type]


def section(title: str, place: dcc.Graph, caption: str) -> html.Section:
    """A figure with its title and caption, which figures write as HTML: shown as text."""
    return html.Section([html.H2(plain(title)), html.Figure([place, html.Figcaption(plain(caption))])])


def legend(pairs: Sequence[tuple[str, str]]) -> html.Div:
    """A swatch and a label for each colour."""
    return html.Div([html.Span([html.Span(className="swatch", style={"background": color}), plain(label)]) for label, color in pairs], className="legend")


def told(sentences: Sequence[str]) -> list[html.P]:
    """What is not shown, and why."""
    return [html.P(plain(each), className="told") for each in sentences]


def plain(text: str) -> str:
    """Text that was escaped for figures, as the framework wants it, which escapes by itself."""
    return unescape(text.replace("<code>", "").replace("</code>", ""))
