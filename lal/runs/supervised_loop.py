"""The training loop of supervised runs: one optimizer step after another, and a look at every evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lal.losses import task_loss
from lal.metrics import METRICS
from lal.metrics.probe import Probe, looking
from lal.models.network import Output
from lal.optim import set_lr
from lal.runs.batches import Batches
from lal.runs.measured import measured_row
from lal.runs.run import Row
from lal.runs.stepping import SteppedRun
from lal.runs.streams import stream
from lal.runs.supervised import Supervised
from lal.snapshots import snapshot
from lal.stopping import Stopper


class SupervisedRun(SteppedRun[Supervised]):
    """See `Supervised`. Nothing in a step waits for the device."""

    def __init__(self, config: Supervised, device: str = "cpu"):
        super().__init__(config)
        self.device = device
        dtype = getattr(torch, config.dtype)
        self.data = config.task.build(device)
        self.network = config.model.build(config.task, stream(config.seed, "init")).to(device=device, dtype=dtype)
        self.optimizer = config.optim.build(self.network, self.network.roles())
        self.batches = Batches(self.data, config.optim.batch_size, stream(config.seed, "batches"))
        self.penalties = tuple(config.penalties.charged().values())
        self.parameters = list(self.network.parameters())
        self.tau = 0.0

    def advance(self) -> None:
        """One optimizer step."""
        optim = self.config.optim
        lr = optim.lr_at(self.step)
        set_lr(self.optimizer, lr)
        tokens, targets = self.batches.next()
        loss = self._loss(self.network(tokens), targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if optim.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, optim.clip)
        self.optimizer.step()
        if self.network.growth is not None:
            self.network.growth.see(loss)
        self.step += 1
        self.tau += lr * optim.decay_rate

    def _loss(self, output: Output, targets: Tensor) -> Tensor:
        loss = task_loss(self.config.loss, output.logits, targets)
        for penalty in self.penalties:
            share = penalty.share(self.step)
            if share:
                loss = loss + share * penalty.weight * penalty.value(self.network, output, self.data)
        return loss

    def look(self, stopper: Stopper) -> Row:
        row: Row = {"step": self.step, "seconds": 0.0, "lr": self.config.optim.lr_at(self.step), "tau": self.tau}
        with looking(self.network):
            return measured_row(self.config, row, Probe(self.config, self.network, self.data, self.optimizer, self.step), stopper)

    def measured(self, names: Sequence[str]) -> dict[str, Row]:
        with looking(self.network):
            probe = Probe(self.config, self.network, self.data, self.optimizer, self.step)
            return {name: METRICS[name].values(probe) for name in names}

    def arrays(self) -> dict[str, np.ndarray]:
        with looking(self.network):
            return snapshot(self.config, self.network, self.data)

    def weights(self) -> dict[str, Any]:
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "tau": self.tau,
            "seconds": self.seconds,
            "looked": self.looked,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "batches": self.batches.state_dict(),
            "streams": {name: generator.get_state() for name, generator in self.network.streams().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.step, self.tau, self.seconds, self.looked = (state[name] for name in ("step", "tau", "seconds", "looked"))
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.batches.load_state_dict(state["batches"])
        for name, generator in self.network.streams().items():
            generator.set_state(state["streams"][name])
