"""The commands `report` and `plot`. Heavy imports wait until a command runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from lal.errors import Refused
from lal.terminal import harmless

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from analysis.collect import Tables
    from analysis.report import Report

FIGURES = (
    "phase",
    "points",
    "search",
    "pareto",
    "final",
    "time",
    "survival",
    "importance",
    "parallel",
    "depth",
    "gates",
    "routing",
    "mechanisms",
    "heads",
    "staircase",
    "modes",
    "plateaus",
    "climbing",
    "correlations",
    "order",
    "transition",
    "returns",
    "order_curves",
    "crystallization",
    "passages",
    "fronts",
    "equations",
    "curves",
    "spectra",
    "frequencies",
    "norms",
    "curvature",
    "optimizer",
)
ENDINGS = (".html", ".png", ".svg", ".pdf")
OPTIONS = {"x": ("phase", "points", "time"), "y": ("phase", "points"), "view": ("phase",), "cells": ("mechanisms", "heads")}  # of which figures they are
SWEEP = click.argument("sweep")
RESULTS = click.option("--results", default="results", show_default=True, help="Folder of results: a path, or a URI such as s3://BUCKET/FOLDER.")
PROFILE = click.option("--profile", help="Profile that the sweep was run with, such as laptop.")
THRESHOLD = click.option(
    "--threshold", type=float, help="Test accuracy from which a run counts as generalised. [default: the sweep's, else 0.95, or the target if milder]"
)
PHASES = (
    click.option("--fit-threshold", "fit", type=float, help="Train accuracy from which a run counts as memorised. [default: the sweep's, else 0.99]"),
    click.option("--gap", type=click.IntRange(0), help="Steps between memorising and generalising that make grokking. [default: the sweep's, else 1000]"),
    click.option("--tau", type=click.FloatRange(0), help="Decay time before which a run that has not generalised is censored. [default: the sweep's, else 30]"),
)


def phases(command: Any) -> Any:
    """`command` with the options of PHASES."""
    for option in reversed(PHASES):
        command = option(command)
    return command


@click.command()
@click.argument("names", metavar="SWEEP|RUN...", nargs=-1, required=True)
@RESULTS
@PROFILE
@THRESHOLD
@phases
@click.option("--png/--no-png", default=True, help="Pictures of all figures too, where a browser is installed.")
@click.option("--svg", is_flag=True, help="Pictures as SVG too.")
@click.option("--pdf", is_flag=True, help="Pictures as PDF too.")
@click.option("-o", "--output", default=None, help="Of several sweeps: the page to write, an .html file. [default: comparison.html]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts instead of text.")
def report(names: tuple[str, ...], results: str, profile: str | None, output: str | None, png: bool, as_json: bool, **options: Any) -> None:
    """Tables, figures and findings of a sweep or of one run, or of several sweeps beside one another, in one offline page.

    A sweep is given by its name, a run by its id or the beginning of it; both also by the path or URI of their folder in the results.
    """
    more = [kind for kind in ("svg", "pdf") if options.pop(kind)]
    written = (
        _compared(names, results, profile, output, png, more, **options) if names[1:] else _alone(names[0], results, profile, output, png, more, **options)
    )
    if as_json:
        told = {
            "report": written.where,
            "findings": [plain(each) for each in written.findings],
            "left_out": written.left_out,
            "no_pictures": written.no_pictures,
        }
        click.echo(json.dumps(told))
        return
    for sentence in written.findings:
        click.echo(f"- {harmless(plain(sentence))}")
    if written.no_pictures:
        click.echo(f"No pictures: {written.no_pictures}")
    click.echo(f"Report: {written.where}")


def _alone(name: str, results: str, profile: str | None, output: str | None, png: bool, more: Sequence[Any], **limits: Any) -> Report:
    """The report of one sweep or one run, in its folder."""
    from analysis import report, run_report
    from analysis.naming import meant

    if output:
        raise Refused(f"--output is of a page on several sweeps, but only {name!r} is given, whose report stands with its results; leave it out")
    store, folder, run_id = meant(name, results, profile)
    return run_report.write(store, run_id, png=png, more=more, **limits) if run_id else report.write(store, folder, png=png, more=more, **limits)


def _compared(names: Sequence[str], results: str, profile: str | None, output: str | None, png: bool, more: Sequence[Any], **limits: Any) -> Report:
    """The report of several sweeps, in file `output`, with pictures in a folder beside it."""
    from analysis.comparison_report import write
    from analysis.naming import found, refuse_run

    target = output or "comparison.html"
    if not named(target).endswith(".html"):
        raise Refused(f"a report is written as .html, but got {target!r}; give the file that ending")
    for name in names:
        refuse_run(name, results, profile)
    return write([found(name, results, profile) for name in names], target, png=png, more=more, **limits)


@click.command()
@click.argument("figure", type=click.Choice(FIGURES))
@SWEEP
@RESULTS
@PROFILE
@THRESHOLD
@phases
@click.option("--x", help="phase, points, time: dotted path on x. [default: as the sweep says]")
@click.option("--y", help="phase, points: dotted path on y, or arm.")
@click.option("--view", type=click.Choice(["time", "probability", "phase"]), help="phase: what cells show. [default: time]")
@click.option("--cells", type=int, nargs=2, help="mechanisms, heads: the two cells, by their numbers in tables/cells.csv. [default: lowest and highest λ]")
@click.option("-o", "--output", default=None, help="File to write: .html, .png, .svg or .pdf. [default: FIGURE.html]")
def plot(figure: str, sweep: str, results: str, profile: str | None, threshold: float | None, output: str | None, **options: Any) -> None:
    """One FIGURE of SWEEP, as a page or a picture."""
    limits = {name: options.pop(name) for name in ("fit", "gap", "tau")}
    asked = {name: value for name, value in options.items() if value is not None}
    for name in asked:
        if figure not in OPTIONS[name]:
            raise Refused(f"--{name} is of {', '.join(OPTIONS[name])} alone, but the figure is {figure}; leave it out, or write `lal plot {OPTIONS[name][0]}`")
    target = output or f"{figure}.html"
    if not named(target).endswith(ENDINGS):
        raise Refused(f"a figure is written as {', '.join(ENDINGS)}, but got {target!r}; give the file one of these endings")

    from analysis.collect import collect
    from analysis.naming import found, refuse_run
    from lal.store import Store, folder_and_name

    refuse_run(sweep, results, profile)
    store, folder = found(sweep, results, profile, "a figure")
    tables = collect(store, folder, threshold, **limits)
    into, file = folder_and_name(target)
    Store(into).put(file, drawn(tables, figure, asked, target.rpartition(".")[2]))
    click.echo(f"Figure: {target}")


def named(target: str) -> str:
    """The last name of `target` without leading dots, so that an ending alone is none."""
    return target.rpartition("/")[2].lstrip(".")


def report_of(root: str, folder: str, quiet: bool = False) -> str:
    """Writes the report of a sweep that has just been trained; says why there are no pictures, unless `quiet`. Returns the page's path."""
    from analysis.report import write
    from lal.store import Store

    written = write(Store(root), folder)
    if not quiet:
        for sentence in written.findings:
            click.echo(f"- {harmless(plain(sentence))}")
        if written.no_pictures:
            click.echo(f"No pictures: {written.no_pictures}")
    return written.where


def drawn(tables: Tables, figure: str, options: dict[str, Any], kind: str) -> bytes:
    """One figure as the bytes of a file.

    Raises:
        Refused: it does not apply to this sweep, or there is no browser to take a picture with.
    """
    from analysis.figures import MEMBERS

    member = MEMBERS[figure]
    info = member.prepare(tables, **options)
    if isinstance(info, str):
        raise Refused(f"figure {figure} must apply to the sweep, but {info}; choose another figure")
    if kind == "html":
        from analysis.report import page_of

        return page_of(figure, member, info, title_of(figure, options))
    return picture(member.draw(info), kind, title_of(figure, options))


def title_of(figure: str, options: dict[str, Any]) -> str:
    """A figure's title."""
    from analysis.figures import MEMBERS, phase

    return phase.VIEWS[options.get("view", "time")] if figure == "phase" else MEMBERS[figure].TITLE


def picture(fig: go.Figure, kind: str, title: str) -> bytes:
    """The figure as png, svg or pdf."""
    from analysis.figures.theme import titled
    from analysis.images import NoBrowser, pictures

    try:
        return pictures([(titled(fig, title), kind)])[0]  # type: ignore[arg-type]
    except NoBrowser as reason:
        raise Refused(f"a picture needs a browser, but {reason}; or write an .html file") from reason


def plain(sentence: str) -> str:
    """A finding without the marks and escapes of HTML."""
    from html import unescape

    return unescape(sentence.replace("<code>", "`").replace("</code>", "`"))
