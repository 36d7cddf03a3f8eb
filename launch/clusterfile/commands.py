"""`lal cluster check`: what is wrong in a file that describes a cluster."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from lal.terminal import harmless


@click.group()
def cluster() -> None:
    """Files that describe clusters: cluster.yaml for `ray up`, RayJob and RayCluster for KubeRay."""


@cluster.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts instead of text.")
def check(file: Path, as_json: bool) -> None:
    """What is wrong in FILE: by Ray's schema, by AWS's model of instances, by rules about cost, safety and versions. Asks no network.

    Exit code 0: nothing found. 1: something is. 2: FILE cannot be read or describes no cluster.
    """
    from launch.clusterfile.check import check as checked_of

    checked = checked_of(file)
    if as_json:
        found = [{"layer": layer, **each.facts(checked.document)} for layer, each in checked.findings]
        layers = [{"name": each.name, "skipped": each.skipped or None} for each in checked.layers]
        click.echo(json.dumps({"file": str(file), "kind": checked.kind, "layers": layers, "findings": found, "exit_code": int(bool(found))}))
    else:
        for layer, each in checked.findings:
            click.echo(harmless(f"{each.text(checked.document)} ({layer})"))
        for each in checked.layers:
            if each.skipped:
                click.echo(f"not checked: {each.name}: {each.skipped}")
        looked = ", ".join(each.name for each in checked.layers if not each.skipped)
        click.echo(f"{file} ({checked.kind}): {len(checked.findings) or 'nothing'} found by {looked}")
    sys.exit(int(bool(checked.findings)))
