"""How many layers a network really needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from lal.metrics.probe import Probe
    from lal.models.network import Layered
    from lal.runs.supervised import Supervised
    from lal.tasks.task import Data

TOLERANCE = 0.01  # one point of test accuracy
EXACT_UP_TO = 8  # layers: 2^8 subsets share their prefixes, 511 layer passes in all
ROWS_AT_ONCE = 2048  # small enough to stay in cache


class FunctionalDepth(Metric):
    """`functional_depth`: fewest layers that, with all others removed, keep test accuracy within one point of the whole network's.

    The best subset: exact up to 8 layers with open gates, greedy removal (an upper bound) beyond. A layer whose gates are all closed (0) is
    removed. A layer that is kept keeps its own gates: where these depend on the input, on what the layers before it that are kept hand on.
    `rounded_acc`: test accuracy with every gate rounded to 0 or 1.
    """

    name = "functional_depth"
    period = 10

    def applies(self, run: Supervised) -> bool:
        return run.model.has_gates

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("functional_depth", "rounded_acc")

    def values(self, probe: Probe) -> dict[str, Any]:
        assert probe.gates is not None
        network: Layered = probe.network  # type: ignore[assignment]
        least = probe.rows.correct[probe.data.test].double().mean().item() - TOLERANCE
        layers = probe.gates.any(1).nonzero().flatten().tolist()
        search = fewest_layers if len(layers) <= EXACT_UP_TO else greedy_depth
        return {"functional_depth": search(network, probe.data, layers, least), "rounded_acc": accuracy(network, probe.data, layers, rounded)}


def accuracy(network: Layered, data: Data, layers: Sequence[int], change: Callable[[Tensor], Tensor] = lambda gate: gate) -> float:
    """Test accuracy of `layers` alone, each behind its gates after `change`."""
    right = 0
    for rows in data.test.split(ROWS_AT_ONCE):
        x = network.embed(data.tokens[rows])
        for index in layers:
            x = network.layer(x, index, change(network.gate(x, index)))
        right += int((network.read(x).argmax(1) == data.targets[rows]).sum())
    return right / len(data.test)


def rounded(gate: Tensor) -> Tensor:
    """Gates in [0, 1] -> 0 or 1."""
    return (gate > 0.5).to(gate.dtype)


def fewest_layers(network: Layered, data: Data, layers: Sequence[int], least: float) -> int:
    """Size of the smallest subset of `layers` whose test accuracy is at least `least`.

    All 2^L subsets are carried side by side: each layer doubles the batch, with and without itself, so that subsets
    share the work of their common beginnings.
    """
    import torch

    right = torch.zeros(2 ** len(layers), dtype=torch.long, device=data.test.device)
    for rows in data.test.split(max(1, ROWS_AT_ONCE >> len(layers))):
        x = network.embed(data.tokens[rows])
        for index in layers:
            x = torch.cat([x, network.layer(x, index, network.gate(x, index))])
        answers = network.read(x).argmax(1).view(-1, len(rows))
        right += (answers == data.targets[rows]).sum(1)
    enough = (right.double() / len(data.test) >= least).nonzero().flatten().tolist()
    return min((subset.bit_count() for subset in enough), default=len(layers))


def greedy_depth(network: Layered, data: Data, layers: Sequence[int], least: float) -> int:
    """Layers left after removing, one at a time, the one whose removal costs least accuracy, while accuracy stays at least `least`."""
    kept = list(layers)
    while kept:
        tried = {index: accuracy(network, data, [each for each in kept if each != index]) for index in kept}
        best = max(tried, key=lambda index: tried[index])
        if tried[best] < least:
            break
        kept.remove(best)
    return len(kept)
