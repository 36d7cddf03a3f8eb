"""A few real steps of a run, timed, in a process of its own: the far end of launch/planning/probe.py. Only here is torch needed, and only once a job comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from time import perf_counter
from typing import TYPE_CHECKING, Any

from lal.budget import Futility
from lal.config import RunConfig, parse

if TYPE_CHECKING:
    from lal.runs.run import Run

READY = "ready"
ENDLESS = 10**10  # steps


def serve(pipe: Connection) -> None:
    """Says READY once torch is there, and answers jobs, each with what `measured` returns, or {"trouble"}; between the two it says READY again, and
    waits to be told to begin. None ends it."""
    import torch  # noqa: F401  # the slowest part of a job, were it the first's

    pipe.send(READY)
    while (job := pipe.recv()) is not None:

        def ready() -> None:
            pipe.send(READY)
            pipe.recv()

        try:
            pipe.send(measured(job, ready))
        except Exception as error:  # what a run cannot do here is what is to be found out
            pipe.send({"trouble": f"{type(error).__name__}: {error}".strip().splitlines()[0]})


def measured(job: Mapping[str, Any], ready: Callable[[], None]) -> dict[str, Any]:
    """Trains `job["config"]` for `job["seconds"]`, as a worker would that is told the rest of `job` ("threads", "share", "device").

    Returns {"steps" that were done, "seconds" that they took, looks at the network included as they came, "peak_mib"}.
    """
    from lal.memory import peak_mib
    from launch.driving.worker import settle

    device = settle(job)
    config = parse(job["config"])
    steps, seconds = timed(config, config.start(device), device, job["seconds"], ready)
    return {"steps": steps, "seconds": seconds, "peak_mib": peak_mib(device)}


def timed(config: RunConfig, run: Run, device: str, at_least_s: float, ready: Callable[[], None]) -> tuple[int, float]:
    """Steps, and the seconds that they took. The first ones, which claim memory and plan kernels, come before `ready`.

    Raises:
        ValueError: the run diverged at once.
    """
    from lal.stopping import Stopper

    endless = config.budget.model_copy(update={"steps": ENDLESS, "stop": None, "futility": Futility()})
    rows = run.rows(Stopper(endless, config.goal, config.fit, config.eval_every))
    next(rows)
    first = next(rows, None)
    ready()
    last, since = first, perf_counter()
    while perf_counter() - since < at_least_s and (row := next(rows, None)) is not None:
        last = row
    await_device(device)
    seconds = perf_counter() - since
    if first is None or last is None or last["step"] == first["step"]:
        raise ValueError("it diverged at once")
    return last["step"] - first["step"], seconds


def await_device(device: str) -> None:
    """Waits for what was sent to a GPU: steps return before they are done."""
    if device != "cpu":
        import torch

        torch.cuda.synchronize(device)
