"""How many layers a network really needs."""

from __future__ import annotations

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

    The best subset: exact up to 8 layers with open gates, greedy removal (an upper bound) beyond. A closed gate (0) removes its layer.
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
        depth = search(network, probe.gates, probe.data, layers, least)
        return {"functional_depth": depth, "rounded_acc": accuracy(network, (probe.gates > 0.5).to(probe.gates.dtype), probe.data)}


def accuracy(network: Layered, gates: Tensor, data: Data) -> float:
    """Test accuracy with `gates` (L,) in place of the network's own."""
    chunks = data.test.split(ROWS_AT_ONCE)
    right = (network.run(network.embed(data.tokens[rows]), gates).logits.argmax(1) == data.targets[rows] for rows in chunks)
    return sum(int(each.sum()) for each in right) / len(data.test)


def fewest_layers(network: Layered, gates: Tensor, data: Data, layers: list[int], least: float) -> int:
    """Size of the smallest subset of `layers` whose test accuracy is at least `least`.

    All 2^L subsets are carried side by side: each layer doubles the batch, with and without itself, so that subsets
    share the work of their common beginnings.
    """
    import torch

    right = torch.zeros(2 ** len(layers), dtype=torch.long, device=gates.device)
    for rows in data.test.split(max(1, ROWS_AT_ONCE >> len(layers))):
        x = network.embed(data.tokens[rows])
        for index in layers:
            x = torch.cat([x, network.layer(x, index, gates[index])])
        answers = network.read(x).argmax(1).view(-1, len(rows))
        right += (answers == data.targets[rows]).sum(1)
    enough = (right.double() / len(data.test) >= least).nonzero().flatten().tolist()
    return min((subset.bit_count() for subset in enough), default=len(layers))


def greedy_depth(network: Layered, gates: Tensor, data: Data, layers: list[int], least: float) -> int:
    """Layers left after removing, one at a time, the one whose removal costs least accuracy, while accuracy stays at least `least`."""
    kept = gates.clone()
    for left in range(len(layers), 0, -1):
        tried = {index: accuracy(network, without(kept, index), data) for index in layers if kept[index] != 0}
        best = max(tried, key=lambda index: tried[index])
        if tried[best] < least:
            return left
        kept = without(kept, best)
    return 0


def without(gates: Tensor, index: int) -> Tensor:
    """A copy of `gates` with gate `index` closed."""
    closed = gates.clone()
    closed[index] = 0
    return closed
