"""Optimizers, learning-rate schedules, and what they do to each role of parameter."""

from __future__ import annotations

from abc import abstractmethod
from math import cos, pi
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from lal.models.model import Role
from lal.part import Part, members

if TYPE_CHECKING:
    from torch import nn, optim

LearningRate = Annotated[float, Field(gt=0, le=1e3, description="learning rate after warm-up")]
WeightDecay = Annotated[float, Field(ge=0, le=1e3, description="weight decay")]
Beta = Annotated[float, Field(ge=0, lt=1)]


class RoleSettings(Part):
    """What one role of parameter does differently. The defaults mean: as the rest."""

    lr_scale: Annotated[float, Field(ge=0, le=1e3, description="factor on the learning rate; 0 freezes")] = 1.0
    weight_decay: Annotated[float | None, Field(ge=0, le=1e3, description="null = as the rest")] = None


class UndecayedRoleSettings(Part):
    """What gates and routers do differently: they do not decay unless a sweep says by how much."""

    lr_scale: Annotated[float, Field(ge=0, le=1e3, description="factor on the learning rate; 0 freezes")] = 1.0
    weight_decay: Annotated[float, Field(ge=0, le=1e3, description="of these parameters alone")] = 0.0


class Roles(Part):
    """Which parameters learn how fast, and which decay. Gates and routers do not decay unless a sweep says so."""

    embedding: RoleSettings = RoleSettings()
    weight: RoleSettings = RoleSettings()
    bias: RoleSettings = RoleSettings()
    norm: RoleSettings = RoleSettings()
    gate: UndecayedRoleSettings = UndecayedRoleSettings()
    router: UndecayedRoleSettings = UndecayedRoleSettings()

    def of(self, role: Role) -> RoleSettings | UndecayedRoleSettings:
        return getattr(self, role)


class Decay(Part):
    """A fall of the learning rate from its full value at the end of warm-up to `floor` times it at step `steps`."""

    kind: Literal["linear", "cosine"] = "cosine"
    steps: Annotated[int, Field(ge=1, le=10**9, description="horizon of its own: more budget does not stretch it")]
    floor: Annotated[float, Field(ge=0, le=1)] = 0.0


class OptimPart(Part):
    """Fields that all optimizers share."""

    kind: str
    lr: LearningRate = 1e-3
    weight_decay: WeightDecay = 1.0
    warmup: Annotated[int, Field(ge=0, le=10**9, description="steps of linear warm-up from 0")] = 0
    decay: Annotated[Decay | None, Field(description="fall of the learning rate; null = constant")] = None
    clip: Annotated[float | None, Field(gt=0, description="largest global norm of the gradient; null = off")] = None
    batch_size: Annotated[int | None, Field(ge=1, description="rows of a minibatch, drawn anew each pass; null = all training rows")] = None
    roles: Roles = Roles()

    @model_validator(mode="after")
    def _decay_follows_warmup(self) -> OptimPart:
        if self.decay is not None and self.decay.steps <= self.warmup:
            raise ValueError(f"decay.steps must be above warmup, where the fall begins, but got decay.steps={self.decay.steps} with warmup={self.warmup}")
        return self

    @abstractmethod
    def build(self, network: nn.Module, roles: dict[str, Role]) -> optim.Optimizer:
        """The optimizer of `network`, whose parameters have `roles`."""

    def lr_at(self, step: int) -> float:
        """The learning rate of update `step` (0-based), before role factors: t/warmup of `lr` at t < warmup, so 0 at first."""
        if step < self.warmup:
            return self.lr * step / self.warmup
        if self.decay is None:
            return self.lr
        done = min(1.0, (step - self.warmup) / max(1, self.decay.steps - self.warmup))
        fall = 1 - done if self.decay.kind == "linear" else (1 + cos(pi * done)) / 2
        return self.lr * (self.decay.floor + (1 - self.decay.floor) * fall)

    @property
    def decay_rate(self) -> float:
        """What one update at learning rate 1 takes off the weight matrices: the decay of role `weight` times its rate's factor."""
        settings = self.roles.weight
        return settings.lr_scale * (self.weight_decay if settings.weight_decay is None else settings.weight_decay)

    def tau(self, steps: int) -> float:
        """Decay time of `steps` updates, sum of lr_t * decay_rate; exact for constant rates, else to one part in 1,000.

        With `adam`, whose decay is a term of the loss, it is a nominal figure.
        """
        horizon = self.warmup if self.decay is None else max(self.warmup, self.decay.steps)
        head = min(steps, horizon)
        stride = max(1, head // 1000)
        return self.decay_rate * (sum(self.lr_at(t) for t in range(0, head, stride)) * stride + (steps - head) * self.lr_at(horizon))

    def groups(self, network: nn.Module, roles: dict[str, Role]) -> list[dict]:
        """Parameter groups: roles that are treated alike are one group, so that a step is few calls. `set_lr` multiplies by `lr_scale`."""
        groups: dict[tuple[float, float], dict] = {}
        for name, parameter in network.named_parameters():
            settings = self.roles.of(roles[name])
            weight_decay = self.weight_decay if settings.weight_decay is None else settings.weight_decay
            fresh = {"params": [], "lr": self.lr * settings.lr_scale, "lr_scale": settings.lr_scale, "weight_decay": weight_decay}
            groups.setdefault((settings.lr_scale, weight_decay), fresh)["params"].append(parameter)
        return list(groups.values())


class AdamW(OptimPart):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101): w <- w - lr wd w - lr m^ / (sqrt(v^) + eps)."""

    kind: Literal["adamw"] = "adamw"
    betas: tuple[Beta, Beta] = (0.9, 0.98)
    eps: Annotated[float, Field(gt=0)] = 1e-8

    def build(self, network: nn.Module, roles: dict[str, Role]) -> optim.Optimizer:
        from torch import optim

        return optim.AdamW(self.groups(network, roles), lr=self.lr, betas=self.betas, eps=self.eps, fused=True)


class Adam(OptimPart):
    """Adam with weight decay as an L2 term of the loss (Kingma and Ba 2015, arXiv 1412.6980). Grokking studies mostly mean AdamW."""

    kind: Literal["adam"] = "adam"
    weight_decay: WeightDecay = 0.0
    betas: tuple[Beta, Beta] = (0.9, 0.98)
    eps: Annotated[float, Field(gt=0)] = 1e-8

    def build(self, network: nn.Module, roles: dict[str, Role]) -> optim.Optimizer:
        from torch import optim

        return optim.Adam(self.groups(network, roles), lr=self.lr, betas=self.betas, eps=self.eps, fused=True)


class Sgd(OptimPart):
    """Stochastic gradient descent with momentum; weight decay is an L2 term of the loss."""

    kind: Literal["sgd"] = "sgd"
    weight_decay: WeightDecay = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def build(self, network: nn.Module, roles: dict[str, Role]) -> optim.Optimizer:
        import torch
        from torch import optim

        built = optim.SGD(self.groups(network, roles), lr=self.lr, momentum=self.momentum, fused=True)
        if self.momentum:  # fused steps cannot mix first steps with others, as they must when a layer is added; from a buffer of 0 a first step is the same
            for parameter in network.parameters():
                built.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        return built


def set_lr(optimizer: optim.Optimizer, lr: float) -> None:
    """Sets the learning rate of every group to `lr` times the factor of its role."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]


MEMBERS = members("lal.optim", (AdamW, Adam, Sgd))
