"""A run that is not supervised: a random walk downhill. It holds every contract of runs to account: its goal is a minimum, and there is nothing to fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch

from lal.events import Goal
from lal.part import Part, trimmed
from lal.runs.run import Row, Run, RunPart
from lal.runs.streams import stream
from lal.stopping import Stopper


class WalkMeasure(Part):
    eval_every: int = 1


class Walk(RunPart):
    """x <- x + drift + noise, from 0; `score` is x."""

    kind: Literal["walk"] = "walk"
    drift: float = -0.5
    measure: WalkMeasure = WalkMeasure()

    @property
    def label(self) -> str:
        return f"walk-s{self.seed}"

    @property
    def goal(self) -> Goal:
        return Goal("score", self.budget.stop.at_least if self.budget.stop else -5.0, "min")

    @property
    def fit(self) -> None:
        return None

    @property
    def eval_every(self) -> int:
        return self.measure.eval_every

    @property
    def snapshot_every(self) -> int:
        return 2 * self.eval_every

    @property
    def save_every(self) -> int:
        return 3 * self.eval_every

    def snapshot_bytes(self) -> int:
        return 100

    def measurable(self) -> tuple[str, ...]:
        return ("square",)

    def columns_of(self, metric: str) -> tuple[str, ...]:
        return (metric,)

    def trajectory(self) -> dict[str, Any]:
        return {name: value for name, value in trimmed(self).items() if name not in ("measure", "budget")}

    def whole_measure(self) -> dict[str, Any]:
        return self.measure.model_dump(mode="json")

    def lacks(self, stored: Mapping[str, Any]) -> str | None:
        return "rows" if self.eval_every % stored["eval_every"] else None

    def unmeasured(self, stored: Mapping[str, Any]) -> tuple[str, ...]:
        return ()

    def both(self, stored: Mapping[str, Any]) -> Walk:
        return self if self.eval_every < stored["eval_every"] else self.model_copy(update={"measure": WalkMeasure(**stored)})

    def flops_per_step(self) -> float:
        return 2.0

    def passes_per_step(self) -> float:
        return 1.0

    def n_parameters(self) -> int:
        return 1

    def columns(self) -> tuple[str, ...]:
        return ("step", "seconds", "score")

    def warnings(self) -> list[str]:
        return []

    def start(self, device: str = "cpu") -> Run:
        return WalkRun(self)


class WalkRun(Run):
    """See `Walk`."""

    def __init__(self, config: Walk):
        self.config, self.x, self.step, self.looked = config, torch.zeros((), dtype=torch.float64), 0, False
        self.noise = stream(config.seed, "noise")

    def rows(self, stopper: Stopper) -> Iterator[Row]:
        if not self.looked:
            yield self._look(stopper)
        while stopper.end is None:
            self.x = self.x + self.config.drift + torch.randn((), generator=self.noise, dtype=torch.float64)
            self.step += 1
            if self.step % self.config.eval_every == 0 or self.step == self.config.budget.steps:
                yield self._look(stopper)

    def _look(self, stopper: Stopper) -> Row:
        self.looked = True
        row: Row = {"step": self.step, "seconds": 0.1 * self.step, "score": self.x.item()}
        stopper.see(row)
        return row

    def measured(self, names: Sequence[str]) -> dict[str, Row]:
        return {name: {name: self.x.item() ** 2} for name in names}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"x": self.x.numpy()}

    def weights(self) -> dict[str, Any]:
        return {"x": self.x.clone()}

    def state_dict(self) -> dict[str, Any]:
        return {"x": self.x, "step": self.step, "looked": self.looked, "noise": self.noise.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.x, self.step, self.looked = state["x"], state["step"], state["looked"]
        self.noise.set_state(state["noise"])
