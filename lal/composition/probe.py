"""What metrics look at: the network of one step on the tuples that it is evaluated on, passed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lal.composition.network import CompositionNetwork
from lal.composition.prefixes import Level, Rows, Tree, levels, squared_error
from lal.groups.template import Template

if TYPE_CHECKING:
    from lal.runs.composition import Composition

SAME_CODE = 1e-6  # largest difference between codes of elements that a template cannot tell apart, in units of its root mean square


@dataclass(frozen=True)
class Pass:
    """Means over the tuples of one side.

    Attributes:
        losses: for each output, by the number of elements read, the mean squared error over entries.
        accuracy: share of tuples whose last output is nearest to the right code.
        power: (modes,) mean power of the last output.
        error: (modes,) mean power of what it is off by.
    """

    losses: dict[int, float]
    accuracy: float
    power: Tensor
    error: Tensor


class Reader:
    """What does not change in a run: its template, and how outputs are read against it."""

    def __init__(self, template: Template, tree: Tree):
        codes, group = tree.codes, template.group
        self.template, self.tree = template, tree
        self.basis = torch.from_numpy(group.basis).to(codes)
        self.mode_of_column = torch.from_numpy(group.mode_of_column).to(codes.device)
        self.n_modes = len(group.modes)
        scale = float((template.values**2).mean()) ** 0.5
        apart = torch.cdist(codes.double(), codes.double(), p=float("inf"))
        self.labels = (apart <= SAME_CODE * scale).int().argmax(1)  # the first element with the same code

    def powers(self, outputs: Tensor) -> Tensor:
        """(n, |G|) functions to (n, modes) powers, float64."""
        columns = (outputs @ self.basis).double().square()
        return columns.new_zeros(len(outputs), self.n_modes).index_add_(1, self.mode_of_column, columns)

    def right(self, level: Level) -> Tensor:
        """(n,) whether the nearest code is that of the right element: all codes are equally long, so it is the one of the largest product."""
        return self.labels[(level.output @ self.tree.codes.T).argmax(1)] == self.labels[level.product]

    @torch.no_grad()
    def read(self, network: CompositionNetwork, chunks: list[Rows]) -> Pass:
        """One pass over tuples, which come in chunks."""
        n = sum(rows.n for rows in chunks)
        sums = {place: 0.0 for place in range(2, self.tree.k + 1) if self.tree.has_output(place)}
        right, power, error = 0.0, 0.0, 0.0
        for rows in chunks:
            for level in levels(network, self.tree, rows):
                sums[level.place] += squared_error(level).item()
                if level.place < self.tree.k:
                    continue
                count = level.output.new_ones(len(level.output)) if level.count is None else level.count
                right += (count @ self.right(level).to(count)).item()
                power = power + count.double() @ self.powers(level.output)
                error = error + count.double() @ self.powers(level.output - level.target)
        assert isinstance(power, Tensor)
        assert isinstance(error, Tensor)
        return Pass({place: each / (n * self.tree.order) for place, each in sums.items()}, right / n, (power / n).cpu(), (error / n).cpu())


class Probe:
    """One step of a run.

    Attributes:
        run: its configuration.
        network: as it is.
        reader: of the run.
        batch_loss: of the last training batch, before its step; None at step 0.
    """

    def __init__(
        self,
        run: Composition,
        network: CompositionNetwork,
        reader: Reader,
        sides: dict[str, list[Rows]],
        batch_loss: float | None,
    ):
        self.run, self.network, self.reader, self._sides, self.batch_loss = run, network, reader, sides, batch_loss

    @cached_property
    def test(self) -> Pass:
        """Of the evaluated tuples."""
        return self.reader.read(self.network, self._sides["test"])

    @cached_property
    def train(self) -> Pass:
        """Of the training tuples of a table; the same pass where these are all there are."""
        if self.run.task.trains_on_all:
            return self.test
        return self.reader.read(self.network, self._sides["train"])

    def loss(self, side: str) -> float:
        """What training lowers, on one `side`: the mean over the outputs that are asked for."""
        losses = getattr(self, side).losses
        asked = list(losses.values()) if self.run.task.outputs == "every" else [losses[self.run.task.k]]
        return sum(asked) / len(asked)

    @cached_property
    def column_power(self) -> Tensor:
        """(D, modes) power of each hidden unit's column of W_out, float64."""
        return self.reader.powers(dict(self.network.named_parameters())["w_out"].detach().T).cpu()
