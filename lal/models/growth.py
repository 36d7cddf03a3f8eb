"""Depth that grows as training stalls."""

from __future__ import annotations

from itertools import chain
from math import inf

import torch
from torch import Tensor, nn

from lal.models.gated import Grow


class Growth(nn.Module):
    """How many layers are present, and whether it is time for another. See `Grow`.

    All of it is in the state dict: a network that is loaded has the layers that the saved one had, and goes on as it would have.

    Attributes:
        present: the layers of the network are the first `present`.
    """

    def __init__(self, config: Grow, layers: tuple[tuple[nn.Parameter, ...], ...]):
        """`layers`: the parameters of each layer, absent ones included. Those get no gradient (None), and so no optimizer touches them."""
        super().__init__()
        self.config, self.layers = config, layers
        self._begin(config.start)

    def absent(self) -> tuple[nn.Parameter, ...]:
        """The parameters of layers that are not there yet."""
        return tuple(chain.from_iterable(self.layers[self.present :]))

    def see(self, loss: Tensor) -> None:
        """Takes note of the loss of one step; adds a layer if it is time. Waits for the device once every `patience` steps."""
        if self.present == len(self.layers):
            return
        loss = loss.detach().double()
        best, lowest = self.best.to(loss.device), self.lowest.to(loss.device)
        self.best, self.lowest = torch.where(best.isinf(), loss, best), torch.minimum(lowest, loss)
        self.waited += 1
        if self.waited == self.config.patience:
            self._judge()

    def _judge(self) -> None:
        if self.lowest > max((1 - self.config.tolerance) * self.best, self.config.enough):
            self._begin(self.present + 1)
        else:
            self.best, self.lowest, self.waited = self.lowest, torch.full_like(self.lowest, inf), 0

    def _begin(self, present: int) -> None:
        """With `present` layers, none of whose losses is known."""
        self.present, self.waited = present, 0
        self.best = self.lowest = torch.tensor(inf, dtype=torch.float64)

    def get_extra_state(self) -> Tensor:
        """(4,): layers present, steps waited, the best loss until the last look and the lowest since (infinite where there is none)."""
        counts = torch.tensor([self.present, self.waited], dtype=torch.float64)
        return torch.cat([counts, torch.stack([self.best, self.lowest]).cpu()])

    def set_extra_state(self, state: Tensor) -> None:
        present, waited, best, lowest = state.cpu().unbind()
        self._begin(int(present))
        self.waited, self.best, self.lowest = int(waited), best.clone(), lowest.clone()
