"""What every model of the house offers, before it is built: torch-free. The built network is in `network.py`."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from lal.part import Part
from lal.tasks.task import TaskPart

if TYPE_CHECKING:
    import torch

    from lal.models.network import Network

Role = Literal["embedding", "weight", "bias", "norm", "gate", "router"]
ROLES: tuple[Role, ...] = ("embedding", "weight", "bias", "norm", "gate", "router")

Width = Annotated[int, Field(ge=1, le=16384, description="units of a hidden layer")]
Depth = Annotated[int, Field(ge=1, le=64, description="number of layers")]
Activation = Annotated[Literal["relu", "gelu", "square"], Field(description="non-linearity; square is x^2 (Gromov 2023)")]
Norm = Annotated[Literal["none", "layer"], Field(description="layer normalisation")]
Choice = Literal["soft", "hard", "uniform"]
ALWAYS: frozenset[Role] = frozenset({"embedding", "weight", "bias"})
WITH_NORM: frozenset[Role] = frozenset({"norm"})
WITH_ROUTERS: frozenset[Role] = frozenset({"router"})
InitScale = Annotated[float, Field(gt=0, le=100, description="factor on every initial matrix")]


class Units(NamedTuple):
    """Numbers between the matrix products of one pass, for estimates of time: those that a norm, gate or router scales, and those behind a GELU."""

    scaled: int
    gelu: int


class ModelPart(Part):
    """A model's configuration: what it can do, what it costs, and how to build it."""

    kind: str
    has_gates: ClassVar[bool] = False

    @property
    def hard_gates(self) -> bool:
        """Whether gates are always 0 or 1."""
        return False

    @property
    def gates_by_input(self) -> bool:
        """Whether each input has gates of its own."""
        return False

    @property
    def grows(self) -> bool:
        """Whether layers are added in training."""
        return False

    @property
    def has_routing(self) -> bool:
        """Whether a learned router shares out inputs among heads."""
        return False

    @property
    def hard_routing(self) -> bool:
        """Whether each input takes one head alone."""
        return False

    @property
    def gates_per_layer(self) -> int:
        """Gates of a layer that do not depend on the input, or of an input where they do; 0 without gates."""
        return 0

    @property
    def routing_heads(self) -> int:
        """Heads of a layer that a learned router shares out inputs among; 0 without routers."""
        return 0

    @property
    @abstractmethod
    def roles(self) -> frozenset[Role]:
        """The parameter roles that this model really has."""

    @property
    @abstractmethod
    def label(self) -> str:
        """A few characters for run ids."""

    @property
    @abstractmethod
    def n_layers(self) -> int:
        """Number of hidden layers; of gates, where there are gates."""

    def misfit(self, task: TaskPart) -> str | None:
        """Why this model cannot learn `task`, with a remedy; None if it can."""
        return None

    @abstractmethod
    def n_parameters(self, task: TaskPart) -> int:
        """Number of trained numbers; equal to the built network's."""

    @abstractmethod
    def flops(self, task: TaskPart, n_rows: int) -> float:
        """Multiply-adds, times two, of one forward pass over `n_rows` inputs."""

    @abstractmethod
    def units(self, task: TaskPart, n_rows: int) -> Units:
        """Hidden numbers of one pass over `n_rows` inputs."""

    @abstractmethod
    def build(self, task: TaskPart, generator: torch.Generator) -> Network:
        """The network with its initial values drawn from `generator` alone."""
