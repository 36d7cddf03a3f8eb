"""Settings of parallel heads and their routers, and what these cost: torch-free. The modules are in `heads.py`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lal.models.model import Choice

STATE_WIDTH = 32

Heads = Annotated[int, Field(ge=1, le=256, description="parallel heads per layer; 1 = no routing")]
HeadWidth = Annotated[int | None, Field(ge=1, le=16384, description="hidden units of a head; null = width")]
StateWidth = Annotated[int, Field(ge=1, le=16384, description="size of the routing state s")]
RouterChoice = Annotated[Choice, Field(description="how weights are shared out: all heads in proportion, the heaviest alone, or all alike for ever")]


def routing_misfit(heads: int, state_width: int, choice: Choice) -> str | None:
    """Which setting would have no effect, with a remedy; None if all act."""
    if heads == 1 and choice != "soft":
        return f"choice has an effect only with two heads or more, but got choice={choice} with heads=1; remove it"
    if (heads == 1 or choice == "uniform") and state_width != STATE_WIDTH:
        return f"state_width has an effect only with two heads or more that are chosen, but got {state_width=} with {heads=}, {choice=}; remove it"
    return None


def n_head_parameters(width: int, heads: int, head_width: int) -> int:
    """Trained numbers of one layer's heads."""
    return heads * (width * head_width + head_width + head_width * width + width)


def n_router_parameters(width: int, heads: int, state_width: int, depth: int) -> int:
    """Trained numbers of the first state and of `depth` routers, of which the last has no update."""
    d, s, h = width, state_width, heads
    gate, update = s * s + s * d + s + h * s + h, s * (s + d) + s
    return d * s + s + depth * gate + (depth - 1) * update


def router_products(width: int, heads: int, state_width: int) -> tuple[int, int, int]:
    """Multiply-adds per input of the first state, of a router, and of the update of the state."""
    d, s, h = width, state_width, heads
    return d * s, s * s + s * d + h * s, s * (s + d)
