"""Many tuples at once, each beginning that several share computed once: exact, since the state after t elements depends on nothing else.

Of all |G|^k tuples only |G|^t differ after t elements, so one looks at a tree of prefixes, one level after another. A level with at most SHARED times as
many prefixes as there are tuples is computed whole, and the tuples count as weights: how often each occurs. Below it, each tuple goes on by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lal.composition.network import CompositionNetwork
from lal.composition.task import shared_depth


@dataclass(frozen=True)
class Rows:
    """Tuples, where prefixes are shared up to `depth`.

    Attributes:
        n: how many; those that occur twice count twice.
        counts: for each level t up to `depth` at which there is an output, (|G|^t,) how many of the tuples begin so.
        prefix: (n,) number of each tuple's first `depth` elements, in row-major order; None where they are all of it.
        rest: its other elements, one (n,) each.
    """

    depth: int
    n: int
    counts: Mapping[int, Tensor]
    prefix: Tensor | None
    rest: tuple[Tensor, ...]


class Tree:
    """The tuples of k elements of one group, and what each prefix of them is a code of.

    Attributes:
        table: (|G|, |G|) products.
        codes: (|G|, |G|) code of each element.
        k: elements of a tuple.
        every: whether there is an output on each level from 2 on; else on the last alone.
    """

    def __init__(self, table: Tensor, codes: Tensor, k: int, *, every: bool):
        self.table, self.codes, self.k, self.order, self.every = table, codes, k, len(table), every
        self._products = {1: torch.arange(self.order, device=table.device)}
        self._targets: dict[int, Tensor] = {}

    def products(self, level: int) -> Tensor:
        """(|G|^level,) the element that each prefix is the product of."""
        if level not in self._products:
            self._products[level] = self.table[self.products(level - 1)].flatten()
        return self._products[level]

    def targets(self, level: int) -> Tensor:
        """(|G|^level, |G|) its code."""
        if level not in self._targets:
            self._targets[level] = self.codes[self.products(level)]
        return self._targets[level]

    def has_output(self, level: int) -> bool:
        """Whether there is an output after `level` elements."""
        return level == self.k or (self.every and level >= 2)

    def rows(self, prefix: Tensor, rest: tuple[Tensor, ...]) -> Rows:
        """Tuples by the number of their first elements, (n,), and their other ones, (n,) each: on the CPU, where counting does not wait for a device."""
        depth, counts, ends = self.k - len(rest), {}, prefix
        for level in range(depth, 1, -1):
            if self.has_output(level):
                counts[level] = torch.bincount(ends, minlength=self.order**level).to(self.codes)
            ends = ends // self.order
        device = self.codes.device
        return Rows(depth, len(prefix), counts, prefix.to(device) if rest else None, tuple(each.to(device) for each in rest))

    def numbered(self, numbers: Tensor) -> Rows:
        """Tuples by their number, (n,) on the CPU, in row-major order of all |G|^k."""
        depth = shared_depth(self.order, self.k, len(numbers))
        rest = []
        for _ in range(self.k - depth):
            rest.append(numbers % self.order)
            numbers = numbers // self.order
        return self.rows(numbers, tuple(reversed(rest)))


@dataclass(frozen=True)
class Level:
    """What a network says after `place` elements.

    Attributes:
        output: (n, |G|).
        target: (n, |G|) the code of the right element.
        product: (n,) the right element.
        count: (n,) how many tuples each row stands for; None for one each.
    """

    place: int
    output: Tensor
    target: Tensor
    product: Tensor
    count: Tensor | None


def levels(network: CompositionNetwork, tree: Tree, rows: Rows) -> Iterator[Level]:
    """The outputs of `network` for `rows`, level by level."""
    drives = network.drives()
    state = drives[0]
    for place in range(2, rows.depth + 1):
        carried = network.carry(state, place)
        if place == tree.k:
            yield Level(place, network.finish(carried, drives[-1]), tree.targets(place), tree.products(place), rows.counts[place])
            return
        state = network.join(carried[:, None], drives[place - 1]).flatten(0, 1)
        if tree.has_output(place):
            yield Level(place, network.read(state), tree.targets(place), tree.products(place), rows.counts[place])
    assert rows.prefix is not None
    product = tree.products(rows.depth)[rows.prefix]
    for place, element in enumerate(rows.rest, rows.depth + 1):
        carried = network.carry(state, place)
        if place == rows.depth + 1:
            carried = nn.functional.embedding(rows.prefix, carried)
        state = network.join(carried, nn.functional.embedding(element, drives[place - 1]))
        product = tree.table[product, element]
        if tree.has_output(place):
            yield Level(place, network.read(state), tree.codes[product], product, None)


def mean_squared_error(network: CompositionNetwork, tree: Tree, rows: Rows) -> Tensor:
    """Scalar: the mean over tuples, outputs and entries."""
    found = [squared_error(level) for level in levels(network, tree, rows)]
    return (found[0] if len(found) == 1 else torch.stack(found).sum()) / (rows.n * len(found) * tree.order)


def squared_error(level: Level) -> Tensor:
    """Scalar: the sum over tuples and entries."""
    return SquaredError.apply(level.output, level.target, level.count)  # type: ignore[return-value]


class SquaredError(torch.autograd.Function):
    """sum_i count_i ||output_i - target_i||^2, differentiated by output: a third of the operations that its parts would take."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, target: Tensor, count: Tensor | None) -> Tensor:
        error = output - target
        counted = error if count is None else error * count[:, None]
        ctx.save_for_backward(counted)
        return torch.dot(counted.flatten(), error.flatten())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (counted,) = ctx.saved_tensors
        return counted * (2 * grads[0]), None, None
