"""Sweeps as Ray jobs: sent to a cluster's dashboard, found again, followed and stopped, from any machine that reaches it.

The token of a cluster in token mode is read by Ray itself, from where it keeps it; nothing here sees it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from lal.config import dump
from lal.errors import Refused, nearest
from launch.cluster import ANSWER_S, SETTINGS, TOKEN, first_line
from launch.planning.resources import Node
from launch.submitting.sending import ASKED_VARIABLE, environment_variables, staged
from launch.sweep import Expanded

KIND = "lal"  # key of a job's metadata that says that it is a sweep of ours
OVER = ("SUCCEEDED", "FAILED", "STOPPED")
LOCAL = "http://127.0.0.1:8265"  # where a dashboard is on its own machine, or at the end of a tunnel
SILENT = "check that the cluster is up and, from another machine, the tunnel to its dashboard (`ssh -L 8265:127.0.0.1:8265 HEAD`)"
NO_AGENT = (
    "a node of the cluster must be ready for jobs, but none is yet; try again in a minute. If it stays so, another Ray on the head node holds the port that "
    "is needed: start the cluster with `ray start --head --dashboard-agent-listen-port=PORT`"
)
TALKERS = ("ray.dashboard.modules.dashboard_sdk", "ray._private.runtime_env.packaging")  # loggers that tell of every upload
POLL_S = 0.5
SILENT_S = 60.0  # that a cluster may not answer while it is followed
STOPPED_EXIT = 143  # of a driver that ended by SIGTERM, where the cluster kept no exit code
STOP_S = 20.0
BY_HAND = re.compile(r"node_[0-9a-f]{16,}")  # the kind of a node that no autoscaler started


@dataclass(frozen=True)
class Job:
    """A sweep that was submitted.

    Attributes:
        name: its submission id.   sweep: folder of the sweep.   results: where its runs are, as its driver sees them.
        command: that sent it.   commit: of the code, as it was sent.   attempt: 1, or more where the same was sent again.
        status: of Ray: PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED.   message: Ray's.   exit_code: the driver's, None until it is over.
        started, ended: seconds since 1970, None where it did not.
    """

    name: str
    sweep: str
    results: str
    command: str
    commit: str
    attempt: int
    status: str
    message: str
    exit_code: int | None
    started: float | None
    ended: float | None

    @property
    def over(self) -> bool:
        return self.status in OVER


def job_of(details: Any) -> Job:
    """A job as Ray describes it."""
    said, code = details.metadata, details.driver_exit_code
    times = [None if each is None else each / 1000 for each in (details.start_time, details.end_time)]
    over = details.status.value in OVER
    return Job(
        details.submission_id,
        said["sweep"],
        said["results"],
        said["command"],
        said["commit"],
        int(said["attempt"]),
        details.status.value,
        details.message or "",
        exit_code(details.status.value, code) if over else None,
        *times,
    )


def lasting_nodes(status: str, found: str) -> list[Node] | None:
    """What a dashboard says of a cluster and of its nodes, as `Jobs.nodes` returns it. Ray documents neither answer: what is not as expected tells nothing."""
    try:
        kinds = json.loads(status)["data"]["clusterStatus"]["autoscalerReport"]["nodeTypeMapping"].values()
        alive = [each["raylet"] for each in json.loads(found)["data"]["summary"] if each["raylet"]["state"] == "ALIVE"]
        nodes = [Node(str(each["nodeName"]), {name: float(each["resourcesTotal"].get(name, 0)) for name in ("CPU", "GPU")}) for each in alive]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return nodes if nodes and all(BY_HAND.fullmatch(str(kind)) for kind in kinds) else None


def exit_code(status: str, code: int | None) -> int:
    """What a shell would have seen of the driver: its code, 128 + n where signal n ended it; without one, 1 for failed, 143 for stopped."""
    if code is None:
        return {"SUCCEEDED": 0, "STOPPED": STOPPED_EXIT}.get(status, 1)
    return 128 - code if code < 0 else code


class Jobs:
    """The jobs of one cluster."""

    def __init__(self, address: str):
        self.address = address
        if "@" in urlsplit(address).netloc:
            raise Refused("--address must be without user and password, which would be shown and logged, but has them; put a tunnel or a proxy in between")
        if not address.startswith(("http://", "https://")):
            contract = "--address must be of a cluster's dashboard, such as http://127.0.0.1:8265"
            raise Refused(f"{contract}, but got {address!r}; write that, or drive the cluster from one of its nodes with `lal sweep --address`")
        with self._asking():
            from ray.job_submission import JobSubmissionClient

            for talker in TALKERS:
                logging.getLogger(talker).setLevel(logging.WARNING)
            self._refuse_silence()
            self.client = JobSubmissionClient(address)

    def all(self) -> list[Job]:
        """The sweeps that were submitted, oldest first."""
        with self._asking():
            found = [each for each in self.client.list_jobs() if each.submission_id and (each.metadata or {}).get(KIND)]
        return sorted(map(job_of, found), key=lambda job: (job.started or float("inf"), job.attempt))

    def named(self, name: str) -> Job:
        """The job of that name, or the latest of the sweep of that name.

        Raises:
            Refused: there is none, or it begins the names of several.
        """
        jobs = self.all()
        fitting = (
            [job for job in jobs if job.name == name] or [job for job in jobs if job.sweep == name][-1:] or [job for job in jobs if job.name.startswith(name)]
        )
        if len(fitting) == 1:
            return fitting[0]
        names = [job.name for job in jobs]
        if fitting:
            raise Refused(f"NAME must mean one job of {self.address}, but {name!r} begins {', '.join(job.name for job in fitting)}; write more of it")
        remedy = nearest(name, names) if names else "no sweep was submitted there yet; `lal submit` does"
        raise Refused(f"NAME must be a job or a sweep that was submitted to {self.address}, but there is no {name!r}; {remedy}")

    def submit(self, sweep: Expanded, words: list[str], results: str, command: str) -> Job:
        """Sends `sweep`, to be run as `lal sweep SWEEP *words`; `command` is what a person typed here. Returns at once.

        Raises:
            Refused: the very same is being run there already.
        """
        base = f"lal-{sweep.folder.replace('@', '.')}-{digest_of(sweep, words)}"
        before = [job for job in self.all() if job.name == base or job.name.startswith(f"{base}-")]
        running = next((job for job in before if not job.over), None)
        if running is not None:
            raise Refused(self._twice(running.name))
        attempt = max((job.attempt for job in before), default=0) + 1
        name = base if attempt == 1 else f"{base}-{attempt}"
        told = environment_variables()
        facts = {KIND: "sweep", "sweep": sweep.folder, "results": results, "command": command, "attempt": str(attempt)}
        with TemporaryDirectory(prefix="lal-submit-") as folder:
            source = staged(sweep, Path(folder))
            entrypoint = shlex.join(["python", "-m", "lal.cli", "sweep", source, *words, "--address", "auto"])
            runtime_env = {"working_dir": folder, "env_vars": SETTINGS | told | {ASKED_VARIABLE: command}}
            with self._asking(lambda text: self._twice(name) if "already exists" in text else NO_AGENT if "No available agent" in text else None):
                metadata = {**facts, "commit": next(iter(told.values()), "unknown")}
                self.client.submit_job(entrypoint=entrypoint, submission_id=name, runtime_env=runtime_env, metadata=metadata)
        return self.named(name)

    def nodes(self) -> list[Node] | None:
        """The nodes that are there, where there will be no others; None where an autoscaler may start some, or where that cannot be told."""
        with self._asking():
            answers = [self.client._do_request("GET", path) for path in ("/api/cluster_status", "/nodes?view=summary")]
        return lasting_nodes(*(each.text for each in answers))

    def follow(self, name: str, write: Callable[[str], None]) -> Job:
        """Writes all of a job's log, and what is added to it, until the job is over.

        The log is asked for, not listened to: it is short, and a tunnel that breaks for a while then loses nothing.
        """
        written, silent_since = 0, None
        while True:
            try:
                job, text = self.named(name), self.log(name)  # in this order: a job that is over adds nothing
            except Refused:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > SILENT_S:
                    raise
            else:
                silent_since = None
                write(text[written:])
                written = len(text)
                if job.over:
                    return job
            time.sleep(POLL_S)

    def log(self, name: str) -> str:
        """A job's log so far: what its driver said."""
        with self._asking():
            return self.client.get_job_logs(name)

    def stop(self, name: str) -> Job:
        """Asks a job's driver to end, and waits until it has."""
        with self._asking():
            self.client.stop_job(name)
        deadline = time.monotonic() + STOP_S
        while not (job := self.named(name)).over and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return job

    @contextmanager
    def _asking(self, known: Callable[[str], str | None] = lambda text: None) -> Iterator[None]:
        """Inside, what the cluster refuses is one message; `known` words what it recognises."""
        from ray.exceptions import AuthenticationError

        try:
            yield
        except AuthenticationError:
            raise Refused(f"the cluster at {self.address} must know our token, but did not; {TOKEN}") from None
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            text = known(str(error)) or f"the cluster at {self.address} must answer, but: {first_line(error)}; {SILENT}"
            raise Refused(text) from error

    def _refuse_silence(self) -> None:
        """Ray's own client waits for ever for an address that swallows what it is sent."""
        where = urlsplit(self.address)
        try:
            socket.create_connection((where.hostname or "", where.port or (443 if where.scheme == "https" else 80)), timeout=ANSWER_S).close()
        except (OSError, ValueError) as error:
            raise Refused(f"--address must be of a cluster's dashboard, but nothing answers at {self.address} ({error}); {SILENT}") from error

    def _twice(self, name: str) -> str:
        follow = shlex.join(["lal", "logs", "-f", name, *self.at])
        return f"a sweep must be submitted once, but this very request is job {name} already, which is not over; follow it with `{follow}`"

    @property
    def at(self) -> list[str]:
        """The option that means this cluster, where it is needed."""
        return [] if self.address == LOCAL else ["--address", self.address]


def digest_of(sweep: Expanded, words: list[str]) -> str:
    """Short, and equal for requests that ask for the same: all values of the sweep, its runs, the options."""
    asked = [sweep.sweep.model_dump(mode="json", exclude={"profiles"}), [run.run_id for run in sweep.runs], words]
    budgets = [dump(config) for config in sweep.configs().values()]
    return hashlib.sha256(json.dumps([asked, budgets], sort_keys=True).encode()).hexdigest()[:8]
