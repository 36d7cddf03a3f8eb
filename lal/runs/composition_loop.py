"""The training loop of composition runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lal.composition.batches import batches, evaluated
from lal.composition.prefixes import Tree, mean_squared_error
from lal.composition.probe import Probe, Reader
from lal.composition.snapshot import snapshot
from lal.runs.composition import Composition
from lal.runs.measured import measured_row
from lal.runs.run import Row
from lal.runs.stepping import SteppedRun
from lal.runs.streams import stream
from lal.stopping import Stopper


class CompositionRun(SteppedRun[Composition]):
    """See `Composition`. Nothing in a step waits for the device."""

    def __init__(self, config: Composition, device: str = "cpu"):
        super().__init__(config)
        task = config.task
        self.network = config.model.build(task, stream(config.seed, "init")).to(device=device, dtype=getattr(torch, config.dtype))
        self.optimizer = config.optim.build(self.network, config.model, task)
        self.parameters = list(self.network.parameters())
        template, codes = task.encoding(), self.network.codes
        table = torch.from_numpy(template.group.table).to(device)
        self.tree = Tree(table, codes, task.k, every=task.outputs == "every")
        whole = Tree(table, codes, task.k, every=config.model.recurrent)
        self.reader, self.sides = Reader(template, whole), evaluated(task, whole, config.seed)
        self.batches = batches(task, self.tree, config.seed)
        self.batch_loss: Tensor | None = None

    def advance(self) -> None:
        """One optimizer step."""
        loss = mean_squared_error(self.network, self.tree, self.batches.next())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.config.optim.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.config.optim.clip)
        self.optimizer.step()
        self.batch_loss = loss.detach()
        self.step += 1

    def look(self, stopper: Stopper) -> Row:
        probe = self._probe()
        return measured_row(self.config, {"step": self.step, "seconds": 0.0}, probe, stopper)

    def _probe(self) -> Probe:
        batch_loss = None if self.batch_loss is None else self.batch_loss.item()
        return Probe(self.config, self.network, self.reader, self.sides, batch_loss)

    def measured(self, names: Sequence[str]) -> dict[str, Row]:
        probe, known = self._probe(), self.config.measure.known
        return {name: known[name].values(probe) for name in names}

    @torch.no_grad()
    def arrays(self) -> dict[str, np.ndarray]:
        return snapshot(self._probe())

    def weights(self) -> dict[str, Any]:
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "seconds": self.seconds,
            "looked": self.looked,
            "batch_loss": self.batch_loss,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "batches": self.batches.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.step, self.seconds, self.looked = (state[name] for name in ("step", "seconds", "looked"))
        self.batch_loss = state["batch_loss"]
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.batches.load_state_dict(state["batches"])
