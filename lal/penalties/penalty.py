"""What every penalty offers. A penalty is added to the task loss with its weight: the higher, the less wanted."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from lal.models.model import ModelPart
from lal.part import Part
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    from torch import Tensor

    from lal.models.network import Network, Output
    from lal.tasks.task import Data


class PenaltyPart(Part):
    """A penalty's configuration and its formula.

    `weight` is the λ of sweeps. Values are normalised, so that one λ means the same at every depth, width and number of heads.
    """

    kind: str
    weight: Annotated[float, Field(ge=0, le=1e6, description="λ; 0 is no penalty")]

    @abstractmethod
    def misfit(self, model: ModelPart, task: TaskPart) -> str | None:
        """Why `model` cannot be charged this penalty on `task`, or None."""

    @abstractmethod
    def share(self, step: int) -> float:
        """The factor on the charge of update `step`; its mean over steps is 1."""

    @abstractmethod
    def value(self, network: Network, output: Output, data: Data) -> Tensor:
        """The unweighted penalty, a differentiable scalar, of a training forward pass that gave `output`."""
