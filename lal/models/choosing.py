"""Settings of parallel heads and their routers, and what these cost: torch-free. The modules are in `heads.py`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from lal.models.model import Choice
from lal.part import Part

STATE_WIDTH = 32
CHOICE = (
    "soft: all heads, as the router weighs them; hard: the heaviest alone, with the gradient of the soft weights (straight-through; "
    "Bengio et al. 2013, arXiv 1308.3432); uniform: all alike for ever, so that there is no router, and routing penalties are refused"
)


class ParallelHeads(Part):
    """A layer of heads, and how inputs are shared out among them: what every part that has such layers is set by. With one head there is no router."""

    heads: Annotated[int, Field(ge=1, le=256, description="parallel heads per layer; 1 = no routing")] = 4
    head_width: Annotated[int | None, Field(ge=1, le=16384, description="hidden units of a head; null = width")] = None
    state_width: Annotated[int, Field(ge=1, le=16384, description="size of the routing state s")] = STATE_WIDTH
    choice: Annotated[Choice, Field(description=CHOICE)] = "soft"

    @model_validator(mode="after")
    def _routers_act(self) -> Self:
        heads, choice, state_width = self.heads, self.choice, self.state_width
        if heads == 1 and choice != "soft":
            raise ValueError(f"choice has an effect only with two heads or more, but got {choice=!s} with {heads=}; remove it")
        if not self.has_routing and state_width != STATE_WIDTH:
            raise ValueError(
                f"state_width has an effect only with two heads or more that are chosen, but got {state_width=} with {heads=}, {choice=}; remove it"
            )
        return self

    @property
    def has_routing(self) -> bool:
        return self.heads > 1 and self.choice != "uniform"

    @property
    def hard_routing(self) -> bool:
        return self.choice == "hard"


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
