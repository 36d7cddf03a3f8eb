"""One look at a network: a single pass over all rows of the task, in chunks, shared by all metrics of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lal.losses import losses_of_rows
from lal.metrics.sample import Sample
from lal.models.network import Network, Output
from lal.runs.streams import stream
from lal.tasks.task import Data

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lal.runs.supervised import Supervised

CHUNK_ROWS = 2048  # bounds the memory of an evaluation; faster than whole passes from about p=67 on, as chunks stay in cache
KEPT_LOGITS = 2**24  # numbers, 64 MiB in float32: the logits of all pairs up to p=256; of larger tables they are computed again for those who read them


@dataclass(frozen=True)
class RowValues:
    """What one pass says of each of the task's N rows.

    Attributes:
        loss: (N,) task loss.
        correct: (N,) bool, whether the target's logit is above all others.
        margin: (N,) the target's logit less the largest other one.
        hidden_norm: (N,) Euclidean norm of the last hidden representation.
        routing: for each layer (S, N, H), as in `Output`, or None.
        gates: (L, G) as in `Output`, G = N where each input has its own, or None.
    """

    loss: Tensor
    correct: Tensor
    margin: Tensor
    hidden_norm: Tensor
    routing: tuple[Tensor, ...] | None
    gates: Tensor | None


class Probe:
    """Gives metrics the network, the data and one shared pass. Use inside `looking`."""

    def __init__(self, run: Supervised, network: Network, data: Data, optimizer: Optimizer | None = None, step: int = 0):
        self.run, self.network, self.data, self.optimizer, self.step = run, network, data, optimizer, step

    def stream(self, name: str) -> torch.Generator:
        """The random stream of metric `name` at this step: the same however often, and whenever, one measures."""
        return stream(self.run.seed, f"{name}/{self.step}")

    @property
    def rows(self) -> RowValues:
        """One pass over every row of the task."""
        return self._pass[0]

    def logits(self, rows: Tensor | slice) -> Tensor:
        """(rows, C): those of the same pass where it kept them, else computed again, so ask for few rows at a time."""
        kept = self._pass[1]
        return self.network(self.data.tokens[rows]).logits if kept is None else kept[rows]

    @cached_property
    def sample(self) -> Sample:
        """What stochastic metrics look at."""
        return Sample(self.run, self.network, self.data)

    @cached_property
    def _pass(self) -> tuple[RowValues, Tensor | None]:
        """What is read off each row, and the logits (N, C) if they are few enough to keep."""
        few = len(self.data.tokens) * self.run.task.n_classes <= KEPT_LOGITS
        kept: list[Tensor] | None = [] if few else None
        outputs = [self._row_values(part, kept) for part in torch.arange(len(self.data.tokens), device=self.data.tokens.device).split(CHUNK_ROWS)]
        routing = None if outputs[0].routing is None else tuple(torch.cat(each, 1) for each in zip(*(part.routing for part in outputs), strict=True))  # type: ignore[misc]
        names = ("loss", "correct", "margin", "hidden_norm")
        gates = torch.cat([part.gates for part in outputs], 1) if self.run.model.gates_by_input else outputs[0].gates  # type: ignore[misc]
        rows = RowValues(*(torch.cat([getattr(each, name) for each in outputs]) for name in names), routing=routing, gates=gates)
        return rows, None if kept is None else torch.cat(kept)

    @property
    def gates(self) -> Tensor | None:
        """(L, G) the gates as used in evaluation, or None; G = N, one for each of the task's rows, where each input has its own."""
        return self.rows.gates

    def charged_output(self) -> Output:
        """What penalties read of a pass over the training rows: routing and gates."""
        rows = self.rows
        nothing = rows.loss.new_empty(0)
        routing = None if rows.routing is None else tuple(weights[:, self.data.train] for weights in rows.routing)
        gates = rows.gates[:, self.data.train] if rows.gates is not None and self.run.model.gates_by_input else rows.gates
        return Output(nothing, nothing, routing, gates)

    def _row_values(self, rows: Tensor, kept: list[Tensor] | None) -> RowValues:
        output, targets = self.network(self.data.tokens[rows]), self.data.targets[rows]
        if kept is not None:
            kept.append(output.logits)
        loss = losses_of_rows(self.run.loss, output.logits, targets)
        right = output.logits.gather(1, targets[:, None]).squeeze(1)
        margin = right - output.logits.scatter(1, targets[:, None], -torch.inf).amax(1)
        return RowValues(loss, margin > 0, margin, output.hidden.norm(dim=1), output.routing, output.gates)


@contextmanager
def looking(network: Network) -> Iterator[None]:
    """Evaluation mode without gradients; training mode is restored."""
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(was_training)
