"""The commands `plan`, `sweep`, `train`, `measure`, `show` and `doctor`. Heavy imports wait until a command runs."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from lal.errors import Refused

if TYPE_CHECKING:
    from launch.cluster import Reach
    from launch.resources import Node

SWEEP = click.argument("sweep")
OVERRIDES = click.argument("overrides", nargs=-1)
RESULTS = click.option("--results", default="results", show_default=True, help="Folder of results: a path, or a URI such as s3://BUCKET/FOLDER.")
PROFILE = click.option("--profile", help="Name of a profile of the sweep, such as laptop.")
DEVICE = click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
SKIP_FAILED = click.option("--skip-failed", is_flag=True, help="Leave runs alone whose last attempt failed.")
FRESH = click.option("--fresh", is_flag=True, help="Forget what is stored of this sweep's runs first.")
REPORTED = click.option("--report/--no-report", "reported", default=True, help="Write report.html at the end.")
PENDING = click.option("--pending-timeout", type=click.FloatRange(0), help="Seconds to wait for room on a cluster that is there.  [default: 900]")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts instead of text.")


@click.command()
@SWEEP
@OVERRIDES
@RESULTS
@PROFILE
@click.option("--cpus", type=click.IntRange(1), help="Cores to plan for; default: this machine's.")
@click.option("--gpus", type=click.IntRange(0), help="GPUs to plan for; default: this machine's.")
@click.option("--probe", is_flag=True, help="Train a few steps on each kind of device of this machine first, for half a minute at most.")
@JSON
def plan(sweep: str, overrides: tuple[str, ...], results: str, profile: str | None, cpus: int | None, gpus: int | None, probe: bool, as_json: bool) -> None:
    """What SWEEP (a name or a YAML file) would train: runs, time, storage, and what looks wrong. Trains nothing.

    OVERRIDES are dotted.path=value, or dotted.path=a,b,c for an axis.
    """
    from lal.store import Store
    from launch import plan as planning
    from launch.resources import resources_of, this_machine
    from launch.sweep import load

    expanded = load(sweep, profile, list(overrides))
    nodes = [this_machine(cpus, gpus)]
    resources_of(expanded.resources, nodes)
    planned = planning.plan(expanded, Store(results), nodes=nodes)
    if probe:
        from launch import probe as probing

        if cpus is not None or gpus is not None:
            raise Refused("--probe measures this machine, but --cpus and --gpus plan for another; leave one of them out")
        found = probing.probed(planned.to_train or tuple(expanded.configs().values()), planned.room.wanted, nodes[0])
        planned = probing.retimed(planned, found)
    if as_json:
        click.echo(json.dumps(planning.summary(planned) | ({"probe": probing.facts(found)} if probe else {})))
        return
    planning.show(planned, Console())
    if probe:
        probing.show(found, Console())


@click.command()
@SWEEP
@OVERRIDES
@RESULTS
@PROFILE
@click.option("--cpus", type=click.IntRange(1), help="Cores for a Ray of our own; default: this machine's.")
@click.option("--gpus", type=click.IntRange(0), help="GPUs for a Ray of our own; default: this machine's.")
@click.option("--dashboard/--no-dashboard", default=False, help="Start the dashboard of a Ray of our own, on loopback.")
@click.option("--address", help="Run on a cluster that is there and that this machine is a node of: auto, or HOST:PORT as `ray start` printed it.")
@PENDING
@DEVICE
@SKIP_FAILED
@FRESH
@REPORTED
@click.option("--quiet", is_flag=True, help="No progress.")
@JSON
@click.pass_obj
def sweep(
    report: Callable[..., str],
    sweep: str,
    overrides: tuple[str, ...],
    results: str,
    profile: str | None,
    reported: bool,
    cpus: int | None,
    gpus: int | None,
    dashboard: bool,
    address: str | None,
    pending_timeout: float | None,
    skip_failed: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train what is missing of SWEEP (a name or a YAML file), then report. Run again to resume, retry or extend.

    OVERRIDES are dotted.path=value, or dotted.path=a,b,c for an axis.
    """
    from lal.store import Store
    from launch.drive import Options, drive
    from launch.interrupts import leave, leaving_in_time
    from launch.plan import plan as planned_of
    from launch.plan import show
    from launch.sending import asked_as
    from launch.summary import interrupted, say
    from launch.sweep import load

    reach = reached(cpus, gpus, dashboard, address, pending_timeout)
    expanded = load(sweep, profile, list(overrides))
    nodes, to_come = room(reach, expanded.resources, options["device"])
    console = Console(file=sys.stderr if as_json else sys.stdout)
    store = Store(results)
    planned = planned_of(expanded, store, skip_failed=skip_failed, fresh=options["fresh"], nodes=nodes, to_come=to_come)
    if not (quiet or as_json):
        show(planned, console)
    waits = {} if pending_timeout is None else {"pending_timeout_s": pending_timeout}
    again = asked_as() or shlex.join(["lal", *sys.argv[1:]])
    with leaving_in_time(lambda: interrupted(console, again)):
        summary = drive(planned, store, Options(reach=reach, quiet=quiet or as_json, again=again, **waits, **options), console)
        if not as_json:
            say(summary, console, again)
    worth_it = summary.signal is None and summary.not_begun is None and summary.trained + summary.already
    path = report(results, summary.folder, quiet or as_json) if reported and worth_it else None
    if as_json:
        click.echo(json.dumps({**vars(summary), "failures": [vars(each) for each in summary.failures], "report": path, "exit_code": summary.exit_code}))
    elif path:
        console.print(f"Report: {path}", highlight=False, soft_wrap=True)
    if summary.signal is not None:
        leave(summary.exit_code)
    sys.exit(summary.exit_code)


def reached(cpus: int | None, gpus: int | None, dashboard: bool, address: str | None, pending_timeout: float | None) -> Reach:
    """The cluster that the options mean."""
    from launch.cluster import Reach

    if address is None and pending_timeout is not None:
        raise Refused("--pending-timeout waits for room on a cluster that --address names, but there is no --address; leave it out")
    return Reach(address, cpus, gpus, dashboard)


def room(reach: Reach, request: dict[str, Any], device: str) -> tuple[list[Node], list[Node]]:
    """The nodes that are there, and those that may be started; a request that can never be met is refused before anything is started or written."""
    from launch.resources import resources_of, this_machine

    if reach.address is None:
        nodes = [this_machine(reach.cpus, reach.gpus)]
        resources_of(request, nodes, device)
        return nodes, []
    from launch.preflight import room_on

    return room_on(reach, request, device)


@click.command()
@SWEEP
@OVERRIDES
@RESULTS
@PROFILE
@click.option("--run", "wanted", help="Run id, or the beginning of one, where the sweep has several.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def train(sweep: str, overrides: tuple[str, ...], results: str, profile: str | None, wanted: str | None, device: str) -> None:
    """Train one run of SWEEP in this process, without Ray, and print its rows."""
    from lal.store import Store
    from launch.single import train_one
    from launch.sweep import load

    sys.exit(train_one(load(sweep, profile, list(overrides)), wanted, Store(results), device, Console()))


def listed(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str] | None:
    """Words between commas."""
    return None if value is None else [word.strip() for word in value.split(",") if word.strip()]


def steps_listed(context: click.Context, parameter: click.Parameter, value: str | None) -> list[int] | None:
    """Steps between commas."""
    words = listed(context, parameter, value)
    wrong = next((word for word in words or () if not word.isdecimal()), None)
    if wrong is not None or words == []:
        raise click.BadParameter(f"must be steps between commas, such as 1000,2000, but got {wrong or value!r}")
    return None if words is None else sorted({int(word) for word in words})


@click.command()
@click.argument("name", metavar="SWEEP|RUN")
@click.option("--metric", "metrics", required=True, callback=listed, help="Names of metrics between commas, or all that apply: all.")
@click.option("--steps", callback=steps_listed, help="Steps between commas. [default: all whose state was saved]")
@RESULTS
@PROFILE
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--quiet", is_flag=True, help="No progress.")
@JSON
def measure(name: str, metrics: list[str], steps: list[int] | None, results: str, profile: str | None, device: str, quiet: bool, as_json: bool) -> None:
    """More metrics of a sweep's runs or of one run, read off the states that they saved, without training.

    A sweep is given by its name, a run by its id or the beginning of it. Runs save their last state, and with
    measure.save_every others, too. Values that are there already are not measured again.
    """
    from lal.store import Store
    from launch.measure import measure_stored, say

    if not metrics:
        raise click.BadParameter("must name at least one metric", param_hint="--metric")
    summary = measure_stored(Store(results), name, profile, metrics, steps, device, Console(quiet=quiet or as_json))
    if as_json:
        click.echo(json.dumps(summary.plain()))
    elif not quiet or summary.exit_code:
        say(summary, Console(), shlex.join(["lal", *sys.argv[1:]]))
    sys.exit(summary.exit_code)


@click.command()
@click.argument("name")
@RESULTS
@JSON
def show(name: str, results: str, as_json: bool) -> None:
    """What is stored of NAME, a run id (or its beginning) or a sweep."""
    from lal.store import Store
    from launch.show import facts, print_facts

    found = facts(Store(results), name)
    if as_json:
        click.echo(json.dumps(found))
    else:
        print_facts(found, Console())


@click.command()
@RESULTS
@JSON
def doctor(results: str, as_json: bool) -> None:
    """What this machine has, and what is missing. Exit code 1 when something needed is."""
    from launch.doctor import checks, print_checks

    found = checks(results)
    if as_json:
        click.echo(json.dumps(found))
    else:
        print_checks(found, Console())
    sys.exit(0 if all(each["ok"] or not each["needed"] for each in found) else 1)
