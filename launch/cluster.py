"""A Ray cluster to run on: one of our own on this machine, or one that is there already. Both are connected to, and left, the same way."""

from __future__ import annotations

import logging
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from lal.errors import Refused
from launch.submitting.sending import environment_variables, packages

# Read by Ray when it is imported or started. Quiet, no files per trial, relative paths keep their meaning, no usage reports.
SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "20",  # that a run which is stopped may take to save, before its worker is used again
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "OMP_NUM_THREADS": "1",
}
OBJECT_STORE_BYTES = 128 * 2**20  # nothing large travels: runs write their own folders
ANSWER_S = 5.0  # that a cluster may take to say that it is there; Ray itself tries for minutes
HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
TOKEN = (
    "in token mode both sides need the same token: on the head node, `ray get-auth-token` shows it; here, put it into a file that only you can read and "
    "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH to that file"
)


@dataclass(frozen=True)
class Reach:
    """Which cluster is meant.

    Attributes:
        address: auto or HOST:PORT of a cluster that is there; None = one of our own, on this machine.
        cpus, gpus: of one of our own; None = what the machine has.   dashboard: whether one of our own has it.
    """

    address: str | None = None
    cpus: int | None = None
    gpus: int | None = None
    dashboard: bool = False

    def __post_init__(self) -> None:
        given = {"--cpus": self.cpus, "--gpus": self.gpus, "--dashboard": self.dashboard or None}
        idle = [name for name, value in given.items() if value is not None]
        if self.address is not None and idle:
            raise Refused(f"{idle[0]} sets up a Ray of our own, but --address names one that is there; leave one of them out")
        if self.address is not None:
            checked_address(self.address)


def checked_address(address: str) -> str:
    """`address`, if a sweep can be driven through it.

    Raises:
        Refused: it is of Ray's client or of the dashboard, or no address at all.
    """
    if address == "auto" or HOST_PORT.fullmatch(address):
        return address
    contract = "--address must be auto or HOST:PORT of a cluster, one of whose nodes this machine is"
    if address.startswith("ray://"):
        raise Refused(f"{contract}, but got {address!r}: Ray's client runs the driver elsewhere; use `lal submit` from other machines")
    if address.startswith(("http://", "https://")):
        raise Refused(f"{contract}, but got {address!r}, which is a dashboard's; `lal submit` takes that")
    raise Refused(f"{contract}, but got {address!r}; write auto, or what `ray start` printed, such as 10.0.0.1:6379")


@contextmanager
def connected(reach: Reach, name: str = "lal") -> Iterator[str | None]:
    """Inside, this process is connected to the cluster that `reach` means; yields its dashboard's address, or None without one.

    The dashboard of a Ray of our own listens on loopback only; its other services listen wherever Ray puts them, and answer who has
    its token. It ends with us, also when we are killed. One that was there is left as it was found: what `name` runs there has a
    namespace of its own and ends with the connection.

    Raises:
        Refused: there is no such cluster, or it does not let us in.
    """
    for key, value in SETTINGS.items():
        os.environ.setdefault(key, value)
    import ray

    quiet: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}  # a dead worker is told by the run's failure, once
    with our_signals():
        if reach.address is None:
            context = ray.init(
                address="local",
                num_cpus=reach.cpus,
                num_gpus=reach.gpus,
                include_dashboard=reach.dashboard,
                dashboard_host="127.0.0.1",
                object_store_memory=OBJECT_STORE_BYTES,
                **quiet,
            )
            keep_token_private()
        else:
            context = join(reach.address, f"{name}-{uuid4().hex[:8]}", quiet)
    own = reach.address is None
    try:
        yield f"http://{context.dashboard_url}" if context.dashboard_url and (reach.dashboard or not own) else None
    except KeyboardInterrupt:
        if not own:
            ray.shutdown()
        raise
    except BaseException:
        ray.shutdown()
        raise
    ray.shutdown()


@contextmanager
def our_signals() -> Iterator[None]:
    """Inside, Ray does not take SIGTERM over: it would say nothing, and take seconds to leave."""
    from ray._private import utils

    takes_over = utils.set_sigterm_handler
    utils.set_sigterm_handler = lambda handler: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = takes_over


def keep_token_private() -> None:
    """Ray lets everybody on this machine read the token that it makes for its owner; whoever has it may run code as that person."""
    token = Path.home() / ".ray" / "auth_token"
    with suppress(OSError):
        if token.stat().st_mode & 0o077:
            token.chmod(0o600)


def join(address: str, namespace: str, quiet: dict[str, Any]) -> Any:
    """Connects to the cluster at `address`, with our code and settings for its workers."""
    import ray

    where = found(address)
    refuse_unanswered(where)
    # A job has brought its code along, and settings of its own, over which these go.
    os.environ["RAY_OVERRIDE_JOB_RUNTIME_ENV"] = "1"
    runtime_env: dict[str, Any] = {"env_vars": SETTINGS | environment_variables()}
    if not in_job():
        runtime_env |= {"py_modules": packages(), "excludes": ["**/__pycache__"]}
    try:
        return ray.init(address=where, namespace=namespace, runtime_env=runtime_env, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        text = f"--address must be of a cluster that this machine is a node of, but {where} cannot be joined: {first_line(error)}"
        raise Refused(f"{text}; run `ray start --address={where}` here first, or use `lal submit`") from error


def in_job() -> bool:
    """Whether this process is the driver of a Ray job."""
    return "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ


def found(address: str) -> str:
    """HOST:PORT of the cluster: `auto` is that of the variable RAY_ADDRESS, or of the Ray that runs on this machine.

    Raises:
        Refused: there is none.
    """
    if address != "auto":
        return address
    from ray._private.services import canonicalize_bootstrap_address_or_die

    try:
        return canonicalize_bootstrap_address_or_die("auto")
    except (ConnectionError, ValueError) as error:
        remedy = "start one with `ray start --head`, write its HOST:PORT, or leave --address out for a Ray of our own"
        raise Refused(f"--address auto needs a Ray cluster on this machine, but {first_line(error)}; {remedy}") from error


def refuse_unanswered(where: str) -> None:
    """Refuses within seconds an address where no Ray of this version answers, or one that does not know our token.

    Raises:
        Refused: see above.
    """
    import grpc
    import ray
    from ray._private.grpc_utils import init_grpc_channel
    from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc
    from ray.exceptions import AuthenticationError

    host, _, port = where.rpartition(":")
    remedy = "check host and port (6379 unless `ray start` was told otherwise), and that the cluster is up"
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
        channel: Any = init_grpc_channel(where)
        with channel:
            stub = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
            theirs = stub.CheckAlive(gcs_service_pb2.CheckAliveRequest(), timeout=ANSWER_S).ray_version  # type: ignore[attr-defined]
    except (OSError, OverflowError) as error:
        raise Refused(f"--address must be of a Ray cluster, but nothing answers at {where} ({error}); {remedy}") from error
    except grpc.RpcError as error:
        if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):  # type: ignore[attr-defined]
            raise Refused(f"the cluster at {where} must know our token, but did not; {TOKEN}") from None
        raise Refused(f"--address must be of a Ray cluster, but what answers at {where} is not Ray; {remedy}") from error
    except AuthenticationError:
        raise Refused(f"the cluster at {where} needs our token, but there is none; {TOKEN}") from None
    if theirs != ray.__version__:
        raise Refused(f"all nodes must have one version of Ray, but {where} has {theirs} and this machine {ray.__version__}; install the same")


def first_line(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def scratch() -> str:
    """A folder for what Tune insists on writing, which nobody reads."""
    return tempfile.mkdtemp(prefix="lal-tune-")
