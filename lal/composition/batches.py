"""The tuples of each training step, and those that a run is evaluated on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lal.composition.prefixes import Rows, Tree
from lal.composition.task import EVALUATED, GroupTask, Online, Table, shared_depth
from lal.runs.streams import stream

CHUNK = 65_536  # tuples that are evaluated at once


class OnlineBatches:
    """Fresh uniform tuples at every step."""

    def __init__(self, tree: Tree, size: int, generator: torch.Generator):
        self.tree, self.size, self.generator = tree, size, generator

    def next(self) -> Rows:
        return drawn(self.tree, self.size, self.generator)

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.generator.set_state(state["generator"])


class TableBatches:
    """All training tuples of a table at every step, or minibatches that visit each once a pass, in an order drawn anew."""

    def __init__(self, tree: Tree, train: Tensor, size: int | None, generator: torch.Generator):
        self.tree, self.train, self.size, self.generator = tree, train, size, generator
        self.order, self.cursor = torch.empty(0, dtype=torch.long), 0
        self.all = tree.numbered(train) if size is None else None

    def next(self) -> Rows:
        """The last batch of a pass may be smaller."""
        if self.all is not None:
            return self.all
        assert self.size is not None
        if self.cursor >= len(self.order):
            self.order, self.cursor = torch.randperm(len(self.train), generator=self.generator), 0
        rows = self.order[self.cursor : self.cursor + self.size]
        self.cursor += self.size
        return self.tree.numbered(self.train[rows])

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self.generator.get_state(), "order": self.order, "cursor": self.cursor}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.generator.set_state(state["generator"])
        self.order, self.cursor = state["order"], state["cursor"]


def batches(task: GroupTask, tree: Tree, seed: int) -> OnlineBatches | TableBatches:
    """The training tuples of a run with `seed`."""
    generator = stream(seed, "batches")
    if isinstance(task.sampling, Online):
        return OnlineBatches(tree, task.sampling.batch_size, generator)
    train, _ = split(task, task.sampling)
    return TableBatches(tree, train, task.sampling.batch_size, generator)


def drawn(tree: Tree, n: int, generator: torch.Generator) -> Rows:
    """`n` uniform tuples."""
    depth = shared_depth(tree.order, tree.k, n)
    prefix = torch.randint(tree.order**depth, (n,), generator=generator)
    rest = torch.randint(tree.order, (tree.k - depth, n), generator=generator) if depth < tree.k else ()
    return tree.rows(prefix, tuple(rest))


def split(task: GroupTask, table: Table) -> tuple[Tensor, Tensor]:
    """Numbers of the training and of the test tuples, ascending; disjoint, and together all. With train_frac 1 both are all."""
    order = torch.randperm(task.n_tuples, generator=stream(table.split_seed, "split"))
    train = order[: task.n_train].sort().values
    return train, order[task.n_train :].sort().values if task.n_train < task.n_tuples else train


def evaluated(task: GroupTask, tree: Tree, seed: int) -> dict[str, list[Rows]]:
    """What a run with `seed` is evaluated on, in chunks: `test`, and of a table `train`."""
    if isinstance(task.sampling, Table):
        sides = dict(zip(("train", "test"), split(task, task.sampling), strict=True))
        return {side: [tree.numbered(each) for each in numbers.split(CHUNK)] for side, numbers in sides.items()}
    if task.n_tuples <= EVALUATED:
        return {"test": [tree.numbered(torch.arange(task.n_tuples))]}
    return {"test": [drawn(tree, task.n_test, stream(seed, "evaluation"))]}
