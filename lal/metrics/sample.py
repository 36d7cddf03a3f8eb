"""What stochastic metrics look at: a few training rows, the same ones over the whole run, and the network in float64."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from lal.losses import losses_of_rows
from lal.models.network import Network
from lal.runs.streams import stream
from lal.tasks.task import Data

if TYPE_CHECKING:
    from lal.runs.supervised import Supervised

SAMPLED_ROWS = 256  # of the training rows
GROUPS, GROUP_ROWS = 4, 32  # for derivatives by weights; a group has a random vector of its own, and their spread says how far off their mean is


class Sample:
    """Up to SAMPLED_ROWS training rows, drawn once a run so that its curves are comparable, and float64 arithmetic on them.

    Float64, because late in training 1 - p of a right answer, which curvature is made of, is below what float32 tells from 0.

    Attributes:
        tokens: (B, T) inputs of the sampled rows.
        targets: (B,) their answers.
    """

    def __init__(self, run: Supervised, network: Network, data: Data):
        order = torch.randperm(len(data.train), generator=stream(run.seed, "sample"))[:SAMPLED_ROWS]
        rows = data.train[order.to(data.train.device)]
        self.loss, self._trained = run.loss, network
        self.tokens, self.targets = data.tokens[rows], data.targets[rows]

    @cached_property
    def network(self) -> Network:
        """A copy of the network, in float64."""
        return copy.deepcopy(self._trained).double()

    def embedded(self) -> Tensor:
        """(B, ...) embedded inputs of the sampled rows, to be differentiated by."""
        return self.network.embed(self.tokens).detach().requires_grad_()

    def groups(self) -> Iterator[tuple[Tensor, Tensor]]:
        """For each of up to GROUPS parts of the sample, of up to GROUP_ROWS rows, all as large: its logits (B', C), which depend on `network`'s
        parameters, and task losses (B',)."""
        n = min(GROUPS, len(self.targets))
        size = min(GROUP_ROWS, len(self.targets) // n)
        for tokens, targets in islice(zip(self.tokens.split(size), self.targets.split(size), strict=True), n):
            logits = self.network.run(self.network.embed(tokens)).logits
            yield logits, losses_of_rows(self.loss, logits, targets)


@contextmanager
def differentiable() -> Iterator[None]:
    """Gradients, twice if need be: fused attention has no second derivative."""
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        yield


def signs(shape: torch.Size | tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """A Rademacher vector, -1 or 1: of all with independent entries of variance 1 the one whose quadratic forms vary least (Hutchinson 1990).

    From single random bits, which is three times as fast as a number for each.
    """
    n = prod(shape)
    octets = torch.randint(0, 256, ((n + 7) // 8, 1), generator=generator, dtype=torch.uint8)
    bits = (octets >> torch.arange(8, dtype=torch.uint8)) & 1
    return bits.flatten()[:n].view(shape).to(like).mul_(2).sub_(1)


def mean_and_error(values: Tensor) -> tuple[float, float | None]:
    """Mean of independent estimates (n,) and its standard error, which a single one does not have."""
    return values.mean().item(), (values.std() / len(values) ** 0.5).item() if len(values) > 1 else None
