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
EXACT_UP_TO = 8  # layers: 2^8 subsets share their beginnings, 511 layer passes in all
ROWS_AT_ONCE = 2048  # small enough to stay in cache


class FunctionalDepth(Metric):
    """`functional_depth`: fewest layers that, with all others removed, keep test accuracy within one point of the whole network's.

    The best subset: exact up to 8 layers with open gates, greedy removal (an upper bound) beyond. A layer whose gates are all closed (0) is
    removed. A layer that is kept keeps its own gates: where these depend on the input, on what the layers before it that are kept hand on.
    `rounded_acc`: test accuracy with every gate rounded to 0 or 1.
    """

    name = "functional_depth"
    period = 10

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("functional_depth", "rounded_acc") if run.model.has_gates else ()

    def values(self, probe: Probe) -> dict[str, Any]:
        assert probe.gates is not None
        network: Layered = probe.network  # type: ignore[assignment]
        least = probe.rows.correct[probe.data.test].double().mean().item() - TOLERANCE
        layers = probe.gates.any(1).nonzero().flatten().tolist()
        search = fewest_layers if len(layers) <= EXACT_UP_TO else greedy_depth
        depth = search(network, probe.data, layers, least)
        hard = bool(((probe.gates == 0) | (probe.gates == 1)).all())  # then rounding changes nothing
        return {"functional_depth": depth, "rounded_acc": least + TOLERANCE if hard else accuracy(network, probe.data, layers, rounded)}


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
    """Size of the smallest subset of `layers` whose test accuracy is at least `least`; that of all of them is.

    Exact, though most subsets see few rows: one is given up when it can no longer be right often enough, or a smaller one surely is.
    A subset is a number: bit i stands for the i-th of `layers`.
    """
    n_rows, fewest, start = len(data.test), len(layers), 0
    right = dict.fromkeys(range(2 ** len(layers)), 0)
    while True:
        fewest = min((subset.bit_count() for subset, count in right.items() if count / n_rows >= least), default=fewest)
        left = n_rows - start
        right = {subset: count for subset, count in right.items() if subset.bit_count() < fewest and (count + left) / n_rows >= least}
        if not right or not left:
            return fewest
        rows = data.test[start : start + max(1, ROWS_AT_ONCE // len(right))]
        start += len(rows)
        answers = answers_of(network, network.embed(data.tokens[rows]), layers, list(right))
        counts = (answers == data.targets[rows]).sum(1).tolist()
        right = {subset: before + count for (subset, before), count in zip(right.items(), counts, strict=True)}


def answers_of(network: Layered, x: Tensor, layers: Sequence[int], subsets: Sequence[int]) -> Tensor:
    """(K, B) the classes that each of K `subsets` answers for embedded inputs x (B, D); common beginnings are computed once."""
    import torch

    states, beginnings = x[None], [0]
    for place, index in enumerate(layers):
        bit = 1 << place
        wanted = sorted({subset & (2 * bit - 1) for subset in subsets}, key=lambda each: each & bit)  # those without the layer, then those with it
        parents = [beginnings.index(each & ~bit) for each in wanted]
        n_without = sum(not each & bit for each in wanted)
        entering = states[parents[n_without:]].flatten(0, 1)
        left = network.layer(entering, index, network.gate(entering, index)).unflatten(0, (-1, len(x))) if n_without < len(wanted) else states[:0]
        states, beginnings = torch.cat([states[parents[:n_without]], left]), wanted
    order = [beginnings.index(subset) for subset in subsets]
    return network.read(states.flatten(0, 1)).argmax(1).view(-1, len(x))[order]


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
