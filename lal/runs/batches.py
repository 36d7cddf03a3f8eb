"""The rows of each training step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lal.tasks.task import Data


class Batches:
    """All training rows at every step, or minibatches that visit each row once a pass, in an order drawn anew."""

    def __init__(self, data: Data, size: int | None, generator: torch.Generator):
        self.tokens, self.targets = data.tokens[data.train], data.targets[data.train]
        self.size, self.generator = size, generator
        self.order, self.cursor = torch.empty(0, dtype=torch.long), 0

    def next(self) -> tuple[Tensor, Tensor]:
        """(B, T) tokens and (B,) targets; the last batch of a pass may be smaller."""
        if self.size is None:
            return self.tokens, self.targets
        if self.cursor >= len(self.order):
            self.order, self.cursor = torch.randperm(len(self.targets), generator=self.generator), 0
        rows = self.order[self.cursor : self.cursor + self.size].to(self.targets.device)
        self.cursor += self.size
        return self.tokens[rows], self.targets[rows]

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self.generator.get_state(), "order": self.order, "cursor": self.cursor}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.generator.set_state(state["generator"])
        self.order, self.cursor = state["order"], state["cursor"]
