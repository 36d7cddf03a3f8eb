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
from launch.options import ASKED, DEVICE_HERE, JSON, LEFT, PENDING, PLACED, PROFILE, QUIET, REPORTED, RESULTS

if TYPE_CHECKING:
    from launch.cluster import Reach
    from launch.drive import Options
    from launch.driving.summary import Summary
    from launch.plan import Plan
    from launch.planning.resources import Node


@click.command()
@ASKED
@PLACED
@LEFT
@click.option("--probe", is_flag=True, help="Train a few steps on each kind of device of this machine first, for half a minute at most.")
@JSON
def plan(cpus: int | None, gpus: int | None, address: str | None, probe: bool, as_json: bool, **asked: Any) -> None:
    """What SWEEP (a name or a YAML file) would train: runs, time, storage, and what looks wrong. Trains nothing.

    OVERRIDES are dotted.path=value, or dotted.path=a,b,c for an axis. With the options of `lal sweep`, this is what it would do.
    """
    from launch import plan as planning

    elsewhere = {"--cpus": cpus, "--gpus": gpus, "--address": address}
    given = next((name for name, value in elsewhere.items() if value is not None), None)
    if probe and given:
        raise Refused(f"--probe measures this machine, but {given} plans for another; leave one of them out")
    planned = requested(reached(cpus, gpus, address=address), **asked)
    found = None
    if probe:
        from launch.planning.probe import probed, retimed
        from launch.planning.resources import this_machine

        found = probed(planned.ahead, planned.room.wanted, this_machine())
        planned = retimed(planned, found)
    if as_json:
        from launch.planning.probe_shown import facts

        click.echo(json.dumps(planning.summary(planned) | ({"probe": facts(found)} if found else {})))
        return
    planning.show(planned, Console())
    if found:
        from launch.planning.probe_shown import show

        show(found, Console())


def requested(reach: Reach, *, sweep: str, overrides: tuple[str, ...], results: str, profile: str | None, device: str, skip_failed: bool, fresh: bool) -> Plan:
    """The plan of what a command's options ask for, on the nodes of `reach`."""
    from lal.store import Store
    from launch.plan import plan
    from launch.sweep import load

    expanded = load(sweep, profile, list(overrides))
    nodes, to_come = room(reach, expanded.resources, device)
    return plan(expanded, Store(results), skip_failed=skip_failed, fresh=fresh, nodes=nodes, to_come=to_come)


@click.command()
@ASKED
@PLACED
@click.option("--dashboard/--no-dashboard", default=False, help="Start the dashboard of a Ray of our own, on loopback.")
@PENDING
@LEFT
@REPORTED
@QUIET
@JSON
@click.pass_obj
def sweep(
    report: Callable[..., str],
    cpus: int | None,
    gpus: int | None,
    address: str | None,
    dashboard: bool,
    pending_timeout: float | None,
    reported: bool,
    quiet: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Train what is missing of SWEEP (a name or a YAML file), then report. Run again to resume, retry or extend.

    OVERRIDES are dotted.path=value, or dotted.path=a,b,c for an axis.
    """
    from launch.drive import Options

    reach = reached(cpus, gpus, dashboard, address, pending_timeout)
    planned = requested(reach, **asked)
    waits = {} if pending_timeout is None else {"pending_timeout_s": pending_timeout}
    options = Options(reach=reach, device=asked["device"], quiet=quiet or as_json, fresh=asked["fresh"], again=again(), **waits)
    console = Console(file=sys.stderr if as_json else sys.stdout)
    summary = driven(planned, asked["results"], options, console, as_json=as_json)
    worth_it = summary.signal is None and summary.not_begun is None and summary.trained + summary.already
    path = written(report, asked["results"], summary.folder, console, quiet=quiet or as_json) if reported and worth_it else None
    if as_json:
        click.echo(json.dumps({**vars(summary), "failures": [vars(each) for each in summary.failures], "report": path, "exit_code": summary.exit_code}))
    elif path:
        Console().print(f"Report: {path}", highlight=False, soft_wrap=True)
    if summary.signal is not None:
        from launch.driving.interrupts import leave

        leave(summary.exit_code)
    sys.exit(summary.exit_code)


def written(report: Callable[..., str], results: str, folder: str, console: Console, *, quiet: bool) -> str:
    """Has the report written; returns where. An interruption ends this process, with the command that writes it."""
    from launch.driving.interrupts import leaving_in_time
    from launch.driving.summary import unreported

    with leaving_in_time(lambda: unreported(console, shlex.join(["lal", "report", folder, "--results", results]))):
        return report(results, folder, quiet)


def again() -> str:
    """The command that goes on, as a person typed it."""
    from launch.submitting.sending import asked_as

    return asked_as() or shlex.join(["lal", *sys.argv[1:]])


def driven(planned: Plan, results: str, options: Options, console: Console, *, as_json: bool) -> Summary:
    """Shows the plan, trains, says how it went; as JSON or quietly, only what an interruption leaves."""
    from lal.store import Store
    from launch.drive import drive
    from launch.driving.interrupts import leaving_in_time
    from launch.driving.summary import interrupted, say
    from launch.plan import show

    if not options.quiet:
        show(planned, console)
    with leaving_in_time(lambda: interrupted(console, options.again)):
        summary = drive(planned, Store(results), options, console)
        if not as_json:
            say(summary, console, options.again)
    return summary


def reached(cpus: int | None, gpus: int | None, dashboard: bool = False, address: str | None = None, pending_timeout: float | None = None) -> Reach:
    """The cluster that the options mean."""
    from launch.cluster import Reach

    if address is None and pending_timeout is not None:
        raise Refused("--pending-timeout waits for room on a cluster that --address names, but there is no --address; leave it out")
    return Reach(address, cpus, gpus, dashboard)


def room(reach: Reach, request: dict[str, Any], device: str) -> tuple[list[Node], list[Node]]:
    """The nodes that are there, and those that may be started; a request that can never be met is refused before anything is started or written."""
    from launch.planning.resources import resources_of, this_machine

    if reach.address is None:
        nodes = [this_machine(reach.cpus, reach.gpus)]
        resources_of(request, nodes, device)
        return nodes, []
    from launch.driving.preflight import room_on

    return room_on(reach, request, device)


@click.command()
@ASKED
@click.option("--run", "wanted", help="Run id, or the beginning of one, where the sweep has several.")
@DEVICE_HERE
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
@DEVICE_HERE
@QUIET
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
