"""The built feed-forward slots. Rows R are tokens: their inputs and positions do not matter here."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from lal.models.feed_forward import PlainFeedForward, RoutedFeedForward
from lal.models.heads import Heads, heaviest, router_of
from lal.models.layers import Linear
from lal.models.network import activation
from lal.models.transformer import Transformer


class Slot(nn.Module):
    """The feed-forward part of one layer."""

    @abstractmethod
    def forward(self, x: Tensor, state: Tensor, *, hard: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        """(R, D) inputs and (R, S) routing states -> (R, D) outputs, (R, S) next states, and (R, H) weights of heads or None.

        `hard` takes each token's heaviest head alone.
        """


class PlainSlot(Slot):
    """See `PlainFeedForward`."""

    def __init__(self, config: Transformer, generator: torch.Generator):
        super().__init__()
        hidden, scale = config.mlp_width or 4 * config.width, config.init_scale
        self.up = Linear(config.width, hidden, scale=scale, generator=generator)
        self.down = Linear(hidden, config.width, scale=scale, generator=generator)
        self.act = activation(config.activation)

    def forward(self, x: Tensor, state: Tensor, *, hard: bool) -> tuple[Tensor, Tensor, None]:
        return self.down(self.act(self.up(x))), state, None


class RoutedSlot(Slot):
    """See `RoutedFeedForward`."""

    def __init__(self, config: Transformer, slot: RoutedFeedForward, generator: torch.Generator, *, last: bool):
        super().__init__()
        d, scale = config.width, config.init_scale
        squares = 1.0 if slot.hard_routing else 1 / slot.heads
        self.heads = Heads(d, slot.heads, slot.head_width or d, act=config.activation, scale=scale, generator=generator, squares=squares)
        self.router = router_of(slot.choice, d, slot.heads, slot.state_width, last=last, scale=scale, generator=generator)

    def forward(self, x: Tensor, state: Tensor, *, hard: bool) -> tuple[Tensor, Tensor, Tensor]:
        weights = self.router(state, x)
        output = self.heads(x, heaviest(weights) if hard else weights)
        return output, self.router.next_state(state, output), weights


class NoState(nn.Module):
    """The first routing state where nobody reads any."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., :0]


def slots(config: Transformer, generator: torch.Generator) -> list[Slot]:
    """The slots of all layers."""
    slot = config.feed_forward
    if isinstance(slot, PlainFeedForward):
        return [PlainSlot(config, generator) for _ in range(config.depth)]
    return [RoutedSlot(config, slot, generator, last=index == config.depth - 1) for index in range(config.depth)]


def first_state(config: Transformer, generator: torch.Generator) -> nn.Module:
    """What makes (R, S) routing states of (R, D) embedded tokens; S is 0 without routers."""
    slot = config.feed_forward
    if not isinstance(slot, RoutedFeedForward) or not slot.has_routing:
        return NoState()
    return Linear(config.width, slot.state_width, role="router", scale=config.init_scale, generator=generator)
