"""Second chances: for runs that their nodes took along or whose results were out of reach, and for runs short of memory. Other failures are the runs' own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lal.config import RunConfig, run_id
from lal.standing import standing
from lal.store import UNREACHABLE, Failure, Store
from launch.driving.trial import NODE_LOST, Trial, threads_of
from launch.planning.resources import Node, fits, told

BACK_OFF_S = (2.0, 10.0, 30.0)  # before runs that their nodes took along are tried again: new nodes need a while
OF_GPU = "OutOfMemoryError"  # how the reason of a failure begins where torch had no more of a GPU's memory; else it was the machine's
SMALLER = "a smaller model or optim.batch_size"


class Chances:
    """What the runs of one call still get.

    Attributes:
        larger: by run id, of those that ran out of memory: how they are trained once more, after the others; None = there is nothing larger.
        backed_off: by run id: how often one that was lost with its node, or whose results were out of reach, was tried again.
    """

    def __init__(self, store: Store, schedule: Mapping[str, Any] | None = None):
        self.store, self.schedule = store, schedule
        self.larger: dict[str, Trial | None] = {}
        self.backed_off: Counter[str] = Counter()

    def over(self, config: RunConfig) -> bool:
        """Whether a run is finished or has failed for good, in a call that began by forgetting older failures."""
        failure = self.store.run(run_id(config)).failure()
        done = standing(config, self.store, self.schedule).state == "done"
        if done or failure is None:
            return done
        return not self._has_back_off(failure) and (failure.outcome != "out_of_memory" or run_id(config) in self.larger)

    def _has_back_off(self, failure: Failure) -> bool:
        """Whether a failure is nobody's fault, and its run has tries left."""
        return failure.reason.startswith((NODE_LOST, UNREACHABLE)) and self.backed_off[failure.run_id] < len(BACK_OFF_S)

    def train(
        self, runs: Sequence[RunConfig], trial: Trial, nodes: Callable[[], Sequence[Node]], free: Callable[[Mapping[str, float]], bool], callback: Any
    ) -> None:
        """Trains `runs`, none of which is over; those that run out of memory once more with a larger share, if one of `nodes` has it and it is `free` in time.

        Raises:
            launch.tuner.KilledForMemory: Ray has to be started anew; then to be called again with what is not over.
        """
        known = {*self.larger, *self._short_of_memory(runs)}
        self._through_lost_nodes([config for config in runs if run_id(config) not in known], trial, callback)
        for name, failure in self._short_of_memory(runs).items():
            if name not in self.larger and not trial.deadline.past:
                self._enlarge(failure, larger(trial, failure, nodes()), free)
        for share, group in self._enlarged(runs):
            self._through_lost_nodes(group, share, callback)

    def _through_lost_nodes(self, runs: Sequence[RunConfig], trial: Trial, callback: Any) -> None:
        """Trains `runs`; those that were lost with their nodes, or whose results were out of reach, are tried again, after a while: it is nobody's fault."""
        from launch.tuner import run_all

        before = {*map(run_id, self._with_back_off(runs))}  # in a call whose Ray was started anew meanwhile
        if first := [config for config in runs if run_id(config) not in before]:
            run_all(first, trial, callback)
        while again := self._with_back_off(runs):
            pause = max(BACK_OFF_S[self.backed_off[run_id(config)]] for config in again)
            if trial.deadline.within(pause):
                return
            time.sleep(pause)
            for config in again:
                self.backed_off[run_id(config)] += 1
                self.store.run(run_id(config)).forgive()
            run_all(again, trial, callback)

    def _with_back_off(self, runs: Sequence[RunConfig]) -> list[RunConfig]:
        """Those of `runs` that have failed, and are tried again after a while."""
        failures = self.store.failures(map(run_id, runs))
        return [config for config in runs if (failure := failures.get(run_id(config))) and self._has_back_off(failure)]

    def _short_of_memory(self, runs: Sequence[RunConfig]) -> dict[str, Failure]:
        """The failures of those of `runs` that ran out of memory, by run id."""
        return {name: failure for name, failure in self.store.failures(map(run_id, runs)).items() if failure.outcome == "out_of_memory"}

    def _enlarge(self, failure: Failure, share: Trial | None, free: Callable[[Mapping[str, float]], bool]) -> None:
        """Gives the run that failed `share`; or, where there is none, says what would help."""
        if share is None or not (share in self.larger.values() or free(share.resources)):
            if share is not None and share.deadline.past:
                return  # it might have been free later
            self.larger[failure.run_id] = None
            self.store.run(failure.run_id).fail(replace(failure, reason=f"{failure.reason}; {advice(failure)}"))
        else:
            self.larger[failure.run_id] = share
            self.store.run(failure.run_id).forgive()

    def _enlarged(self, runs: Sequence[RunConfig]) -> Iterator[tuple[Trial, list[RunConfig]]]:
        """The runs that get a larger share and are not over, by share."""
        shares: list[tuple[Trial, list[RunConfig]]] = []
        for config in runs:
            share = self.larger.get(run_id(config))
            if share is None or self.over(config):
                continue
            group = next((group for known, group in shares if known == share), None)
            group.append(config) if group is not None else shares.append((share, [config]))
        yield from shares

    def conclude(self, first: Mapping[str, float]) -> None:
        """Says of runs that failed with a larger share, too, what was tried: the share that all runs have, `first`, and then."""
        for name, share in self.larger.items():
            failure = self.store.run(name).failure()
            if share is not None and failure is not None and failure.outcome == "out_of_memory":
                tried = f"tried with {told(first)}, then {told(share.resources)}"
                self.store.run(name).fail(replace(failure, reason=f"{failure.reason}; {tried}; {advice(failure)}"))


def larger(trial: Trial, failure: Failure, nodes: Sequence[Node]) -> Trial | None:
    """How a run that failed for want of memory, trained as `trial`, is given more: twice the share of the GPU; or, of the machine's memory, a node
    without neighbours. None where it had that.

    Threads stay as they are: it is to compute the same.
    """
    able = [node for node in nodes if fits(trial.resources, node)]
    if of_gpu(failure, trial.resources):
        wanted = {**trial.resources, "gpu": min(1.0, 2 * trial.resources["gpu"])}
    else:
        wanted = {**trial.resources, "cpu": max((node.has["CPU"] for node in able), default=0)}
    grown = any(wanted[name] > trial.resources[name] for name in wanted) and any(fits(wanted, node) for node in able)
    return replace(trial, resources=wanted, threads=trial.threads or threads_of(trial.resources["cpu"])) if grown else None


def of_gpu(failure: Failure, resources: Mapping[str, float]) -> bool:
    """Whether it was the GPU's memory that was short."""
    return failure.reason.startswith(OF_GPU) and resources.get("gpu", 0) > 0


def advice(failure: Failure) -> str:
    """The most that was in use, where it is known, and what may help."""
    share, peak = failure.environment.get("share", {}), failure.environment.get("peak_mib")
    gpu = share.get("gpu", 0)
    known = f"at most {peak:,} MiB were in use; " if peak else ""
    if not of_gpu(failure, share):
        return f"{known}use a machine with more memory, or {SMALLER}"
    return f"{known}write resources.gpu={min(1.0, 2 * gpu):g}, or {SMALLER}" if gpu < 1 else f"{known}use a larger GPU, or {SMALLER}"
