"""Selective pressure at work: what it weighs a batch with, and what it kept of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lal.reinforcement.learner import Learner
from lal.reinforcement.pressure import Pressure
from lal.reinforcement.replay import Batch
from lal.reinforcement.tables import Tables, betas


class Presser:
    """Weighs batches by `rule` and the `tables` that it keeps.

    Attributes:
        ensemble: the other networks, if uncertainty is over several.
        by_update: mean of beta over each batch so far.   low, high: of all beta of the last episode.
        peak: the largest so far.   clipped: beta that would have been above `rule.most`.
        weighed: beta of the batches of this episode, which `sum_up` takes into the others.
    """

    def __init__(self, rule: Pressure, tables: Tables, ensemble: Learner | None):
        self.rule, self.tables, self.ensemble = rule, tables, ensemble
        self.by_update, self.weighed = list[float](), list[NDArray[np.float64]]()
        self.low, self.high, self.peak, self.clipped = float("inf"), 0.0, 0.0, 0

    def weights(self, batch: Batch, q: Tensor, crystallization: float) -> Tensor:
        """(B,) beta of each transition, whose states have action values q (B, A). Uncertainty is brought up to date on the way."""
        known = self.tables
        uncertain = 1.0 if self.rule.uncertainty == "legacy" else known.uncertain(batch.key, self._spread(batch, q))
        found, clipped = betas(self.rule, known.value[batch.key], uncertain, crystallization)
        self.weighed.append(found)
        self.clipped += clipped
        return torch.from_numpy(found.astype(np.float32)).to(q.device)

    def _spread(self, batch: Batch, q: Tensor) -> list[float]:
        """(B,) how far values of a state lie apart: unbiased variance over actions; or over networks, the mean of all actions."""
        own = q.detach()
        if self.ensemble is None:
            return own.var(1).cpu().numpy().tolist()
        errors, others = self.ensemble.errors(batch)
        self.ensemble.descend(errors.mean(-1).sum())  # each member learns as a network without pressure would
        return torch.cat([others.detach(), own[None]]).double().var(0).mean(1).tolist()

    def sum_up(self) -> None:
        """Ends an episode: its means and extremes, all updates at once, which is a tenth of the time of one by one."""
        rows = np.stack(self.weighed)
        self.by_update += rows.mean(1).tolist()
        self.low, self.high = float(rows.min()), float(rows.max())
        self.peak = max(self.peak, self.high)
        self.weighed.clear()

    def now(self, key: NDArray[np.int64], crystallization: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(S,) beta and U of states by key as tables stand; of those not known (-1) as of a state never seen."""
        unknown = key < 0
        value, uncertain = np.where(unknown, 0.0, self.tables.value[key]), np.where(unknown, 1.0, self.tables.uncertainty[key])
        return betas(self.rule, value, uncertain, crystallization)[0], uncertain

    def state_dict(self) -> dict[str, Any]:
        own = {"by_update": torch.tensor(self.by_update, dtype=torch.float64), "low": self.low, "high": self.high, "peak": self.peak, "clipped": self.clipped}
        return own | ({"ensemble": self.ensemble.state_dict()} if self.ensemble else {})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.by_update = state["by_update"].tolist()
        self.low, self.high, self.peak, self.clipped = (state[name] for name in ("low", "high", "peak", "clipped"))
        if self.ensemble:
            self.ensemble.load_state_dict(state["ensemble"])
