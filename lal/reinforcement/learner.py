"""Q-learning with a target network (Mnih et al. 2015, Nature 518, 529): what one update does. Shape letters: B batch, A actions, M members."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from lal.optim import OptimPart, set_lr
from lal.reinforcement.replay import Batch
from lal.reinforcement.value_network import roles


def targets(network: nn.Module, batch: Batch, discount: float) -> Tensor:
    """r + discount max_a Q(s', a), and r alone where the episode was over; (B,), or (M, B) of an ensemble."""
    with torch.no_grad():
        return torch.addcmul(batch.reward, batch.goes_on, network(batch.next_seen).amax(-1), value=discount)


def squared_errors(q: Tensor, action: Tensor, target: Tensor) -> Tensor:
    """(B,) (Q(s, a) - target)^2 from q (B, A); or (M, B) from (M, B, A)."""
    index = action.expand(q.shape[:-1]).unsqueeze(-1)
    return (q.gather(-1, index).squeeze(-1) - target).square()


class Learner:
    """A network, the older copy of it that targets are made with, and their optimizer."""

    def __init__(self, network: nn.Module, optim: OptimPart, discount: float):
        self.network, self.optim, self.discount = network, optim, discount
        self.target = deepcopy(network)
        self.target.requires_grad_(False)
        self.parameters = list(network.parameters())
        self.optimizer = optim.build(network, roles(network))
        self.updates = 0

    def errors(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Squared errors of a batch, and the action values of what was seen in it."""
        q = self.network(batch.seen)
        return squared_errors(q, batch.action, targets(self.target, batch, self.discount)), q

    def descend(self, loss: Tensor) -> None:
        """One optimizer step down `loss`."""
        if self.optim.warmup or self.optim.decay is not None:
            set_lr(self.optimizer, self.optim.lr_at(self.updates))
        for each in self.parameters:  # what `zero_grad` does, without what it asks first
            each.grad = None
        loss.backward()
        if self.optim.clip is not None:
            self.clip(self.optim.clip)
        self.optimizer.step()
        self.updates += 1

    def clip(self, most: float) -> None:
        """Scales gradients down to norm `most`: of all weights together, or of each member's."""
        gradients = [each.grad for each in self.parameters if each.grad is not None]
        n = getattr(self.network, "n", None)
        if n is None:
            nn.utils.clip_grad_norm_(self.parameters, most)
            return
        norm = torch.stack([each.reshape(n, -1).norm(dim=1) for each in gradients]).norm(dim=0)
        scale = (most / (norm + 1e-6)).clamp(max=1.0)  # the same 1e-6 as in `clip_grad_norm_`, so that a member is clipped as if it were alone
        for each in gradients:
            each.mul_(scale.view(n, *[1] * (each.dim() - 1)))

    def sync(self) -> None:
        """Targets are made with the network as it is now, from now on."""
        with torch.no_grad():
            for mine, own in zip(self.target.parameters(), self.parameters, strict=True):
                mine.copy_(own)

    def state_dict(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in ("network", "target", "optimizer")}
        return parts | {"updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name in ("network", "target", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.updates = state["updates"]
