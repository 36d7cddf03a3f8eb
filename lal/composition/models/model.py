"""What every model of compositions offers before it is built. Torch-free. None has biases."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from lal.composition.task import GroupTask
from lal.part import Part

if TYPE_CHECKING:
    import torch

    from lal.composition.network import CompositionNetwork


class CompositionModel(Part):
    """A network's configuration. Every matrix starts as init_scale * N(0, 1) / sqrt(fan-in)."""

    kind: str
    width: Annotated[int, Field(ge=1, le=2**16, description="hidden units")] = 64
    init_scale: Annotated[float, Field(gt=0, le=1e3, description="factor on all initial weights")] = 1e-2

    @property
    @abstractmethod
    def label(self) -> str:
        """A few characters for run ids."""

    @property
    @abstractmethod
    def recurrent(self) -> bool:
        """Whether it reads one element after another, and so has an answer after each, and a matrix that mixes hidden units."""

    @abstractmethod
    def degree(self, k: int) -> int | None:
        """L such that scaling all weights of one hidden unit by a scales its contribution to the output by a^L; None where there is no such number."""

    @abstractmethod
    def n_parameters(self, task: GroupTask) -> int:
        """Numbers that are trained."""

    @abstractmethod
    def flops(self, task: GroupTask, n_rows: int) -> float:
        """Floating-point operations (2 a multiply-add) of one forward pass over `n_rows` tuples, elementwise ones left out."""

    @abstractmethod
    def build(self, task: GroupTask, generator: torch.Generator) -> CompositionNetwork:
        """The network at its start, on the CPU: weights drawn in float32, codes in float64, to be cast to one type."""
