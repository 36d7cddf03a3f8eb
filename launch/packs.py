"""Which runs travel to a worker together, as one Tune trial. Imports neither torch nor ray."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lal.config import RunConfig, dump, run_id
from launch.trial import Trial

Pack = tuple[RunConfig, ...]  # runs that one worker trains, one after the other; each still a run with its own folder, outcome, retry and stop


def singles(runs: Iterable[RunConfig]) -> list[Pack]:
    """Each run by itself: what it must be where a scheduler, searcher or tracker looks at trials."""
    return [(config,) for config in runs]


def job_of(pack: Pack, trial: Trial) -> dict[str, Any]:
    """What a worker is told of `pack`: {"runs": [{"run_id", "config", "marks"}, ...], and the facts of `trial`}."""
    return {"runs": [{"run_id": run_id(config), "config": dump(config), "marks": trial.marks.get(run_id(config))} for config in pack], **trial.facts()}


def ids_of(params: Mapping[str, Any]) -> Sequence[str]:
    """Ids of the runs of the pack that a Tune trial of these parameters trains, in order."""
    return [run["run_id"] for run in params["job"]["runs"]]
