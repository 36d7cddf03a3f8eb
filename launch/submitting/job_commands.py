"""The commands `submit`, `status`, `logs` and `stop`: sweeps as jobs of a cluster, from any machine that reaches its dashboard."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import localtime, strftime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from lal.errors import Refused
from lal.terminal import harmless
from launch.options import DEVICE, FRESH, JSON, OVERRIDES, PENDING, PROFILE, REPORTED, SKIP_FAILED, SWEEP

if TYPE_CHECKING:
    from launch.planning.resources import Node
    from launch.submitting.jobs import Job, Jobs

ADDRESS = click.option(
    "--address", envvar="RAY_API_SERVER_ADDRESS", default="http://127.0.0.1:8265", show_default=True, show_envvar=True, help="The cluster's dashboard."
)
NAME = click.argument("name", metavar="JOB|SWEEP")


@click.command()
@SWEEP
@OVERRIDES
@click.option("--results", required=True, help="Results, as the cluster's nodes see them: an absolute path, or a URI such as s3://BUCKET/FOLDER.")
@PROFILE
@ADDRESS
@click.option("--wait", is_flag=True, help="Follow it to its end, and exit as it does.")
@PENDING
@DEVICE
@SKIP_FAILED
@FRESH
@REPORTED
@JSON
def submit(sweep: str, overrides: tuple[str, ...], results: str, profile: str | None, address: str, wait: bool, as_json: bool, **options: Any) -> None:
    """Send SWEEP to a cluster, code and all, to be run there as a Ray job. What is wrong with it is said here and now.

    OVERRIDES are dotted.path=value, or dotted.path=a,b,c for an axis. Sent again when it is over, it goes on: only what is missing is trained.
    """
    from launch.submitting.jobs import Jobs
    from launch.sweep import load

    refuse_relative(results)
    expanded = load(sweep, profile, list(overrides))
    jobs = Jobs(address)
    refuse_impossible(expanded.resources, jobs.nodes(), options["device"])
    job = jobs.submit(expanded, words_of(overrides, results, profile, options), results, shlex.join(["lal", *sys.argv[1:]]))
    console = Console(stderr=as_json)
    say(console, f"Submitted {len(expanded.configs())} runs as job {job.name}.")
    if wait:
        job = followed(jobs, job, console)
    else:
        say(console, f"Follow it: {again('logs -f', jobs, job)}\nEnd it:    {again('stop', jobs, job)}")
    if as_json:
        click.echo(json.dumps(asdict(job)))
    sys.exit(job.exit_code or 0)


def refuse_relative(results: str) -> None:
    """Refuses what means another place, or nothing, on another machine. The store itself is not asked: only the cluster may have access to it."""
    from lal.store import address_of, is_uri

    if is_uri(results):
        address_of(results)
    elif not Path(results).is_absolute():
        contract = "--results of a submitted sweep must be an absolute path of a folder that all nodes of the cluster see, or a URI such as s3://BUCKET/FOLDER"
        raise Refused(f"{contract}, but got {results!r}; write {str(Path(results).absolute())!r} if the cluster is this machine")


def refuse_impossible(request: dict[str, Any], nodes: list[Node] | None, device: str) -> None:
    """Refuses here what the driver would refuse there; where it is not known which nodes there will be, all but the device is left to it.

    Raises:
        Refused: no node can ever hold `request`, or it makes no sense on `device`.
    """
    from launch.planning.resources import refuse_device, resources_of, wanted_on

    if nodes is not None:
        resources_of(request, nodes, device)
    elif not request["gpu_if_present"]:
        refuse_device(device, wanted_on([], request), request)


def words_of(overrides: tuple[str, ...], results: str, profile: str | None, options: dict[str, Any]) -> list[str]:
    """What follows `lal sweep SWEEP` on the cluster."""
    words = [*overrides, "--results", results, *(["--profile", profile] if profile else []), "--device", options["device"]]
    words += ["--report" if options["reported"] else "--no-report"]
    words += ["--pending-timeout", str(options["pending_timeout"])] if options["pending_timeout"] is not None else []
    return words + [f"--{name.replace('_', '-')}" for name in ("skip_failed", "fresh") if options[name]]


@click.command()
@click.argument("name", metavar="[JOB|SWEEP]", required=False)
@ADDRESS
@JSON
def status(name: str | None, address: str, as_json: bool) -> None:
    """How the sweeps that were submitted to a cluster stand: all of them, or one with its records and the last line it said."""
    from launch.submitting.jobs import Jobs

    jobs = Jobs(address)
    if name is None:
        found = jobs.all()
        click.echo(json.dumps([asdict(job) for job in found])) if as_json else show_all(found, Console())
        return
    job = jobs.named(name)
    facts = {**asdict(job), "records": records_of(job), "last_line": last_line(jobs.log(job.name))}
    click.echo(json.dumps(facts)) if as_json else show_one(facts, Console())


@click.command()
@NAME
@ADDRESS
@click.option("-f", "--follow", is_flag=True, help="Go on until it is over, and exit as it does.")
def logs(name: str, address: str, follow: bool) -> None:
    """What a submitted sweep has said so far."""
    from launch.submitting.jobs import Jobs

    jobs = Jobs(address)
    job = jobs.named(name)
    if not follow:
        click.echo(harmless(jobs.log(job.name)), nl=False)
        return
    sys.exit(followed(jobs, job, Console()).exit_code)


@click.command()
@NAME
@ADDRESS
def stop(name: str, address: str) -> None:
    """End a submitted sweep; what its runs have saved is kept. Exit code 1 when it goes on."""
    from launch.submitting.jobs import Jobs

    jobs, console = Jobs(address), Console()
    job = jobs.named(name)
    if job.over:
        raise Refused(f"lal stop takes a job that is not over, but {job.name} is ({job.status.lower()}); to go on with its sweep: {job.command}")
    job = jobs.stop(job.name)
    say(console, f"{job.name}: {job.status.lower()}. To go on: {job.command}" if job.over else f"{job.name} has been asked to end, but has not yet.")
    sys.exit(0 if job.over else 1)


def followed(jobs: Jobs, job: Job, console: Console) -> Job:
    """Shows what a job says until it is over. Ctrl-C and SIGTERM leave it alone, and end this process."""
    from launch.driving.interrupts import interruptible

    def write(text: str) -> None:
        console.file.write(harmless(text))
        console.file.flush()

    with interruptible() as came:
        try:
            job = jobs.follow(job.name, write)
        except KeyboardInterrupt:
            say(console, f"\nDetached; the sweep goes on.\nBack to it: {again('logs -f', jobs, job)}\nEnd it:     {again('stop', jobs, job)}")
            sys.exit(128 + came[0])
    if job.exit_code:
        say(console, f"{job.name}: {job.status.lower()}, exit code {job.exit_code}. {head(job.message)}")
    return job


def again(command: str, jobs: Jobs, job: Job) -> str:
    """The command to come back with."""
    return shlex.join(["lal", *command.split(), job.name, *jobs.at])


def say(console: Console, text: str) -> None:
    """Text as it is, unwrapped: commands in it are to be copied."""
    console.print(harmless(text), highlight=False, markup=False, soft_wrap=True)


def records_of(job: Job) -> dict[str, int] | None:
    """The runs of a job's sweep by outcome; None where its results cannot be read from here, or are not there yet."""
    from lal.store import Store
    from launch.show import sweep_facts

    with suppress(ValueError, OSError):  # of a path that cannot be one, too: a job says what its sender liked
        return sweep_facts(Store(job.results), job.sweep)["outcomes"]
    return None


def head(text: str) -> str:
    """The first line of what Ray says of a job: the rest repeats its log."""
    return text.strip().partition("\n")[0]


def last_line(log: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")


def show_all(found: list[Job], console: Console) -> None:
    """A line a job."""
    if not found:
        console.print("No sweep was submitted there.", highlight=False)
        return
    lines = [("job", "sweep", "status", "started", "results")]
    for job in found:
        code = f", exit code {job.exit_code}" if job.exit_code else ""
        lines.append((job.name, job.sweep, job.status.lower() + code, moment(job.started), job.results))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        say(console, "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def show_one(facts: dict[str, Any], console: Console) -> None:
    """A job, line by line."""
    records = facts["records"]
    counts = (
        ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in records.items()) if records else f"not to be read from here ({facts['results']})"
    )
    exit_code = "" if facts["exit_code"] is None else f", exit code {facts['exit_code']}"
    pairs = {
        "job": facts["name"],
        "sweep": facts["sweep"],
        "status": facts["status"].lower() + exit_code,
        "started": moment(facts["started"]),
        "ended": moment(facts["ended"]),
        "command": facts["command"],
        "commit": facts["commit"],
        "runs": counts,
        "last line": facts["last_line"],
        "message": head(facts["message"]),
    }
    for name, value in pairs.items():
        if value:
            say(console, f"{name:<10} {value}")


def moment(seconds: float | None) -> str:
    """A time as clocks here show it."""
    return "" if seconds is None else strftime("%Y-%m-%d %H:%M:%S", localtime(seconds))
