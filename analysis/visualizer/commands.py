"""The command `view`. Heavy imports wait until it runs."""

from __future__ import annotations

import webbrowser

import click

from lal.errors import Refused

PORT = 7860


@click.command()
@click.argument("results", default="results")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="Where on this machine; 0: any that is free.")
@click.option("--browser/--no-browser", default=True, help="Open a browser at the page.")
def view(results: str, port: int, browser: bool) -> None:
    """Curves, spectra, phase diagrams and Pareto frontiers of RESULTS in a browser, also while a sweep runs.

    RESULTS is a folder of results, a path or a URI, that of one sweep in it, or a folder of runs that another program left, each with a history.parquet,
    .csv or .json. The page is for this machine alone, asks nobody else for anything, and changes no result. Ctrl-C ends it.
    """
    try:
        from analysis.visualizer.serving import server_of
    except ImportError as error:
        raise Refused(f"lal view needs dash, but {error.name} is not installed; pip install 'lal[app]'") from error
    from analysis.visualizer.results import source_at

    source, sweep = source_at(results)
    server = server_of(source, port, sweep)
    where = f"http://{server.host}:{server.port}"
    click.echo(f"Visualizer of {source.address}: {where} (Ctrl-C ends it)")
    if browser:
        webbrowser.open(where)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("Ended.")
    finally:
        server.server_close()
