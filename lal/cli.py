"""The front door: a lazy table of commands. The one file that may reach every room."""

from __future__ import annotations

import errno
import sys
from importlib import import_module
from typing import Any

import click

from lal import __version__
from lal.errors import Refused, Unreachable
from lal.terminal import harmless

COMMANDS = {
    "plan": ("launch.commands:plan", "What a sweep would train, how long that takes, and what looks wrong"),
    "sweep": ("launch.commands:sweep", "Train what is missing of a sweep; resume, retry and extend are this command"),
    "submit": ("launch.submitting.job_commands:submit", "Send a sweep to a cluster, to be run there as a Ray job"),
    "status": ("launch.submitting.job_commands:status", "How submitted sweeps stand"),
    "logs": ("launch.submitting.job_commands:logs", "What a submitted sweep says"),
    "stop": ("launch.submitting.job_commands:stop", "End a submitted sweep"),
    "train": ("launch.commands:train", "Train one run of a sweep, here and now"),
    "measure": ("launch.commands:measure", "More metrics of stored runs, read off saved states without training"),
    "show": ("launch.commands:show", "What is stored of a run or a sweep"),
    "report": ("analysis.commands:report", "Tables, figures and findings of a sweep or a run, in one offline page"),
    "plot": ("analysis.commands:plot", "One figure of a sweep, as a page or a picture"),
    "export": ("launch.exporting.commands:export", "Results in the layout of another program, as a copy"),
    "replay": ("launch.schedulers.replay_commands:replay", "What a scheduler would have saved, and lost, of a sweep's finished runs"),
    "view": ("analysis.visualizer.commands:view", "Runs and sweeps in a browser: curves, phase diagrams, fronts, also while they run"),
    "cluster": ("launch.clusterfile.commands:cluster", "Check a file that describes a cluster: lal cluster check cluster.yaml"),
    "doctor": ("launch.commands:doctor", "What this machine has, and what is missing"),
}


# A full, forbidden or wrong place to write, or one that is away: no mistakes of the program.
REFUSED_BY_THE_SYSTEM = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS),
    *(errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP),
    *(errno.EIO, errno.ESTALE, errno.ENOTCONN),
}


class Lazy(click.Group):
    """Imports a command when it is called, so that `lal --help` needs nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        return getattr(import_module(module), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def report_after_sweep(root: str, folder: str, quiet: bool) -> str:
    """Writes the report of a sweep that has just been trained; returns where."""
    return import_module("analysis.commands").report_of(root, folder, quiet=quiet)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="lal")
@click.pass_context
def lal(ctx: click.Context) -> None:
    """When, and how cheaply, networks generalise: a question as a YAML sweep, an answer with honest intervals."""
    ctx.obj = report_after_sweep


def main(args: list[str] | None = None) -> Any:
    """Runs the command line. A request that is wrong, or a disk that refuses, is one message and exit code 2."""
    try:
        lal.main(args, prog_name="lal")
    except (Refused, Unreachable) as error:
        click.echo(f"lal: {harmless(str(error))}", err=True)
        sys.exit(2)
    except OSError as error:
        if error.errno not in REFUSED_BY_THE_SYSTEM:
            raise
        what = f"{error.filename or 'a file'}: {error.strerror}"
        click.echo(f"lal: the system refused {harmless(what)}; mend that or use another --results, then run the same command again", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
