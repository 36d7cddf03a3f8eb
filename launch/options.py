"""The options that several commands share: one wording each, one default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from lal.errors import Refused

SWEEP = click.argument("sweep")
OVERRIDES = click.argument("overrides", nargs=-1)
RESULTS = click.option("--results", default="results", show_default=True, help="Folder of results: a path, or a URI such as s3://BUCKET/FOLDER.")
PROFILE = click.option("--profile", help="Name of a profile of the sweep, such as laptop.")
SKIP_FAILED = click.option("--skip-failed", is_flag=True, help="Leave runs alone whose last attempt failed.")
FRESH = click.option("--fresh", is_flag=True, help="Forget what is stored of this sweep's runs first.")
REPORTED = click.option("--report/--no-report", "reported", default=True, help="Write report.html at the end.")
PENDING = click.option("--pending-timeout", type=click.FloatRange(0), help="Seconds to wait for room on a cluster that is there.  [default: 900]")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts instead of text.")
QUIET = click.option("--quiet", is_flag=True, help="No progress.")
CPUS = click.option("--cpus", type=click.IntRange(1), help="Cores for a Ray of our own; default: this machine's.")
GPUS = click.option("--gpus", type=click.IntRange(0), help="GPUs for a Ray of our own; default: this machine's.")
ADDRESS = click.option("--address", help="A cluster that is there and that this machine is a node of: auto, or HOST:PORT as `ray start` printed it.")
DEVICE = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where runs are trained: auto is on the GPU of those that ask for one.",
)
DEVICE_HERE = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Where it is computed.",
)

Command = Callable[..., Any]


def _one_pool(_ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    """Says what replaces the option of an earlier program that gave a whole sweep one GPU."""
    if value is not None:
        raise Refused(
            f"a sweep shares all GPUs as one pool, but got --gpu {value}, which gives it one; write resources.gpu=1 after its name (each run takes a GPU, "
            f"or a share: resources.gpu=0.25) and run sweeps one after another, or put CUDA_VISIBLE_DEVICES={value} before the command"
        )


ONE_GPU = click.option("--gpu", hidden=True, expose_value=False, callback=_one_pool, help="Of an earlier program; refused, with what to write.")


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one, in the order of the help."""

    def on(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return on


ASKED = together(SWEEP, OVERRIDES, RESULTS, PROFILE)  # what
PLACED = together(CPUS, GPUS, ONE_GPU, ADDRESS, DEVICE)  # where
LEFT = together(SKIP_FAILED, FRESH)  # what counts as done
