"""The points of a search that are known by now, whoever found them: their runs, and what these came to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isnan
from statistics import fmean

from lal.config import RunConfig
from lal.errors import Refused
from lal.objectives import objective_of
from lal.standing import standing
from lal.store import Store
from launch.searching.space import Found, Space
from launch.sweep import Planned

Key = tuple[str, ...]  # the ids of a point's runs: what tells points apart
Runs = tuple[Planned, ...]


class Points:
    """What is known of the points of `space`.

    Attributes:
        known: by the ids of its runs, each with these, in the order found.   configs: of their runs, by id.
        told: those that the study has objectives of.
        impossible: why others cannot be, by point in words.
    """

    def __init__(self, space: Space, store: Store):
        self.space, self.store = space, store
        self.known: dict[Key, tuple[Found, Runs]] = {}
        self.configs: dict[str, RunConfig] = {}
        self.told: set[Key] = set()
        self.impossible: dict[str, str] = {}
        self._keys: dict[str, Key] = {}  # by point in words

    def learn(self, point: Found) -> tuple[Runs, bool]:
        """The runs of `point`, none where it cannot be; and whether it is new."""
        words = worded(point)
        if words in self._keys:
            return self.known[self._keys[words]][1], False
        if words in self.impossible:
            return (), False
        try:
            runs = self.space.runs(point)
        except Refused as error:
            self.impossible[words] = str(error)
            return (), False
        new = ids(runs) not in self.known  # two proposals may mean the same runs
        self.known.setdefault(ids(runs), (point, runs))
        self._keys[words] = ids(runs)
        self.configs |= {run.run_id: run.config for run in runs}
        return runs, new

    def unseen(self) -> Found | None:
        """A point that was never proposed, of a space that has only so many."""
        return next((point for point in self.space.points() if (words := worded(point)) not in self._keys and words not in self.impossible), None)

    def finished(self, config: RunConfig) -> bool:
        """Whether a run is done."""
        return standing(config, self.store).state == "done"

    def unfinished(self, runs: Runs) -> list[Planned]:
        """Those of `runs` that are not done."""
        return [run for run in runs if not self.finished(run.config)]

    def worth_training(self, runs: Runs) -> bool:
        """Whether runs of a known point are not finished, and no failure says to leave them alone."""
        unfinished = self.unfinished(runs)
        return bool(unfinished) and all(self.store.run(run.run_id).failure() is None for run in unfinished)

    def objectives(self, runs: Runs) -> tuple[list[float] | None, str]:
        """The objectives of a point, each the mean over its runs; or None, and why there are none."""
        unfinished = len(self.unfinished(runs))
        if unfinished:
            return None, f"{unfinished} of {len(runs)} runs did not finish"
        values = []
        for column, when, _ in self.space.search.objectives.columns:
            seen = [objective_of(run.config, self.store, run.run_id, column, when) for run in runs]
            missing = sum(map(isnan, seen))
            if missing:
                return None, f"{column} at {when} was not measured, or no number, in {missing} of {len(runs)} runs"
            values.append(fmean(seen))
        return values, ""


def ids(runs: Sequence[Planned]) -> Key:
    """The ids of the runs of a point: what tells points apart."""
    return tuple(run.run_id for run in runs)


def worded(point: Found) -> str:
    """A point in words that tell it apart."""
    return json.dumps(point.plain(), sort_keys=True)
