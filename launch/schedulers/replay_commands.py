"""The command `replay`. Heavy imports wait until it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from launch.options import JSON, PROFILE, RESULTS

if TYPE_CHECKING:
    from launch.schedulers.replay import Outcome, Rule

OF = {  # which options a scheduler has: any other would have no effect
    "asha": ("grace", "reduction"),
    "median": ("grace", "min_runs"),
    "plateau": ("grace", "std", "evaluations"),
}


@click.command()
@click.argument("name", metavar="SWEEP")
@click.option("--scheduler", type=click.Choice(list(OF)), required=True, help="What is tried.")
@click.option("--grace", "graces", type=click.IntRange(1), multiple=True, help="Steps (plateau: evaluations) before anything is cut; several are compared.")
@click.option("--reduction", type=click.FloatRange(1, min_open=True), help="asha: one of so many goes on at each rung.  [default: 4]")
@click.option("--min-runs", type=click.IntRange(1), help="median: others that must have got as far.  [default: 3]")
@click.option("--std", type=click.FloatRange(0, min_open=True), help="plateau: that the last values stay under.  [default: 0.01]")
@click.option("--evaluations", type=click.IntRange(2), help="plateau: how many are the last.  [default: 4]")
@click.option("--concurrency", type=click.IntRange(1), help="Runs at a time: what is cut depends on the order.  [default: all]")
@RESULTS
@PROFILE
@JSON
def replay(name: str, scheduler: str, graces: tuple[int, ...], concurrency: int | None, results: str, profile: str | None, as_json: bool, **given: Any) -> None:
    """What a scheduler would have saved, and lost, of SWEEP's finished runs. Trains nothing.

    Recorded histories go through the scheduler's own code. Beside it stands success stopping alone, which every sweep has.
    """
    from lal.errors import Refused
    from lal.store import Store
    from launch.schedulers import replay as replaying
    from launch.stored import meant

    options = {name: value for name, value in given.items() if value is not None}
    idle = sorted(options.keys() - set(OF[scheduler]))
    if idle:
        flag = f"--{idle[0].replace('_', '-')}"
        raise Refused(f"{flag} has no effect with --scheduler {scheduler}; leave it out")
    store = Store(results)
    folder, run = meant(store, name, profile, "lal replay")
    if folder is None:
        raise Refused(f"lal replay compares the runs of a sweep, but {run} is one run; name its sweep")
    runs, goal, left = replaying.histories(store, folder)
    at_a_time = concurrency or len(runs)
    rules = [rule_of(scheduler, grace, options) for grace in graces or (100,)]
    found = [replaying.alone(runs), *(replaying.replayed(runs, goal, rule, at_a_time) for rule in rules)]
    if as_json:
        click.echo(json.dumps({"sweep": folder, "goal": goal.column, "left_out": left, "outcomes": [each.plain() for each in found]}))
    else:
        show(found, left, Console())


def rule_of(scheduler: str, grace: int, options: dict[str, Any]) -> Rule:
    """The rule that the options describe."""
    from launch.schedulers.replay import Plateau
    from launch.schedulers.scheduling import Asha, Median

    if scheduler == "asha":
        return Asha(accept_late_grok_bias=True, grace=grace, **options)
    if scheduler == "median":
        return Median(accept_late_grok_bias=True, grace=grace, **options)
    named = {"results" if name == "evaluations" else name: value for name, value in options.items()}
    return Plateau(grace=grace, **named)


def show(outcomes: list[Outcome], left: list[str], console: Console) -> None:
    """The comparison for a person."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("rule", "cut", "generalisers lost", "95 % interval", "compute saved"):
        table.add_column(heading, justify="left" if heading == "rule" else "right")
    for each in outcomes:
        share = each.lost_share
        interval = f"{share.low:.0%} to {share.high:.0%}" if each.generalised else "none generalised"
        table.add_row(each.rule, f"{each.cut} of {each.runs}", f"{each.lost} of {each.generalised}", interval, f"{each.saved:.0%}")
    console.print(table, highlight=False)
    console.print("Compute saved: steps that are not trained, of all budgets. Schedulers come on top of success stopping.", highlight=False)
    if left:
        console.print(f"{len(left)} runs that are not finished, or hold no evaluation, were left out.", highlight=False)
