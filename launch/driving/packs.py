"""Which runs travel to a worker together, as one Tune trial, and how. Imports neither torch nor ray."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lal.config import RunConfig, dump, run_id
from launch.driving.trial import Trial

Pack = tuple[RunConfig, ...]  # runs that one worker trains, one after the other; each still a run with its own folder, outcome, retry and stop

LONGEST_S = 30.0  # that a pack is expected to take: a hundred times what a trial costs Tune
ALONE_S = 10.0  # a run that is expected to take longer travels alone
RUN_S = 0.03  # that a run costs its worker beside its training


def next_pack(waiting: Iterable[RunConfig], seconds: Mapping[str, float], left_s: float, slots: int) -> Pack:
    """The first of the `waiting` runs, in their order, that the next free one of `slots` workers is to take.

    `seconds` that each is expected to take, by id; `left_s` of all together. Guided self-scheduling (Polychronopoulos and Kuck 1987, IEEE Trans.
    Comput. 36:1425): each pack is half of a worker's even share of what is left, so that they shrink towards the end, where
    workers are idle for no longer than the last of them takes, and wrong guesses of the seconds even out.
    """
    room = min(LONGEST_S, left_s / (2 * slots))
    taken: list[RunConfig] = []
    for config in waiting:
        expected = cost(config, seconds)
        if taken and (expected > room or expected > ALONE_S):
            break
        taken.append(config)
        room -= expected
        if room <= 0 or expected > ALONE_S:
            break
    return tuple(taken)


def cost(config: RunConfig, seconds: Mapping[str, float]) -> float:
    """Seconds of a worker that `config` is expected to take; of a run that nothing is known of, as many as keep it alone."""
    return RUN_S + seconds.get(run_id(config), ALONE_S)


def job_of(pack: Pack, trial: Trial, *, at_most_s: float | None = None) -> dict[str, Any]:
    """What a worker is told of `pack`, in little space: Tune copies it, sends it back with each report, and keeps it. See `opened`.

    A worker begins no run of it after "at_most_s", but for the first; None = it trains them all. A run that says nothing for its "hang_s" hangs.
    """
    runs = [{"run_id": run_id(config), "config": dump(config), "marks": trial.marks.get(run_id(config))} for config in pack]
    text = json.dumps(runs, separators=(",", ":")).encode()
    ids, hang_s = [run["run_id"] for run in runs], [config.budget.hang_s for config in pack]
    return {"ids": ids, "runs": zlib.compress(text), "hang_s": hang_s, "at_most_s": at_most_s, **trial.facts()}


def opened(job: Mapping[str, Any]) -> dict[str, Any]:
    """The same with {"runs": [{"run_id", "config", "marks"}, ...]} as plain data."""
    return {**job, "runs": json.loads(zlib.decompress(job["runs"]))}


def ids_of(params: Mapping[str, Any]) -> Sequence[str]:
    """Ids of the runs of the pack that a Tune trial of these parameters trains, in order."""
    return params["job"]["ids"]
