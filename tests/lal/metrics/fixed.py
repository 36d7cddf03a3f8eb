"""A network whose logits are given: what metrics of a whole table say is then known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lal.metrics import METRICS
from lal.metrics.probe import Probe, looking
from lal.models.network import Network, Output
from tests.lal.small import run_config


class Fixed(Network):
    """Answers row i of its task with row i of `table` (N, C); `embed` gives the row number, or the given features (N, D) if there are any."""

    def __init__(self, tokens: Tensor, table: Tensor, features: Tensor | None = None):
        super().__init__()
        self.table = torch.nn.Parameter(table)
        self.number = {tuple(row): index for index, row in enumerate(tokens.tolist())}
        self.features = features

    def _rows(self, tokens):
        return torch.tensor([self.number[tuple(row)] for row in tokens.tolist()])

    def embed(self, tokens):
        rows = self._rows(tokens)
        return rows[:, None].to(self.table.dtype) if self.features is None else self.features[rows]

    def run(self, x, scales=None):
        raise NotImplementedError

    def forward(self, tokens):
        logits = self.table[self._rows(tokens)]
        return Output(logits, logits)

    def layer_scales(self):
        return None

    def streams(self):
        return {}


def look(name: str, table, features=None, **values: Any) -> dict[str, Any]:
    """Metric `name` of a network that answers with `table`: (N, C), or a function of the tokens (N, T) and the answers (N,)."""
    config = run_config(**values)
    data = config.task.build("cpu")
    given = table(data.tokens, data.targets) if callable(table) else table
    made = features(data.tokens) if callable(features) else features
    network = Fixed(data.tokens, given, made)
    with looking(network):
        return METRICS[name].values(Probe(config, network, data))
