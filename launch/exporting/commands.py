"""The command `export`. Heavy imports wait until it runs."""

from __future__ import annotations

import click

from launch.exporting import LAYOUTS
from launch.options import PROFILE, RESULTS

MOST = 10  # runs without results that are named


@click.command()
@click.argument("sweep")
@click.option("--layout", type=click.Choice([*LAYOUTS]), required=True, help="Whose folders and files.")
@click.option("-o", "--output", required=True, help="Folder to write into: a path or a URI; a new one.")
@RESULTS
@PROFILE
def export(sweep: str, layout: str, output: str, results: str, profile: str | None) -> None:
    """The results of SWEEP (a name) in the LAYOUT of another program, as a copy for its tools."""
    from lal.store import Store
    from launch.stored import meant

    store = Store(results)
    folder, run = meant(store, sweep, profile, "lal export")
    if folder is None:
        from lal.errors import Refused

        raise Refused(f"lal export takes a sweep, but {sweep!r} is a run ({run}); give the name of its sweep")
    done, lacking = LAYOUTS[layout].write(store, folder, Store(output))
    click.echo(f"Exported {done} runs{f', and {len(lacking)} without results' if lacking else ''}: {output}")
    for each in lacking[:MOST]:
        click.echo(f"  without results: {each}")
    if len(lacking) > MOST:
        click.echo(f"  and {len(lacking) - MOST} more; each has its reason in {output}")
