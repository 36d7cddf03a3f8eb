"""How many runs find room at once on some nodes, what limits their number, and what of a GPU is left over. Imports neither torch nor ray."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor

from launch.planning.resources import Node

CLOSE = 1e-6  # 1/0.1 is a little under 10 in binary
STEPS = 10_000  # Ray counts fractions of a GPU in ten-thousandths
LEFT_OVER = 0.02  # of a GPU, that nobody would miss
NAMES = {"cpu": "cores", "gpu": "GPUs"}


@dataclass(frozen=True)
class Room:
    """Where the runs of a sweep are to go.

    Attributes:
        wanted: what one run asks of Ray, {cpu} or {cpu, gpu}.   nodes: those that are there.
    """

    wanted: Mapping[str, float]
    nodes: Sequence[Node]

    @property
    def slots(self) -> int:
        """Runs that make progress at the same time, if there are enough of them; 1 where nodes are yet to come."""
        return max(1, sum(min(self._on(node).values()) for node in self.nodes))

    @property
    def limit(self) -> str:
        """What would have to be more for more runs at once: cores or GPUs."""
        return NAMES[min(self.wanted, key=self._allowed)]

    def _allowed(self, name: str) -> int:
        """Runs that resource `name` would allow, on the nodes where one can be at all."""
        return sum(each[name] for node in self.nodes if all((each := self._on(node)).values()))

    def _on(self, node: Node) -> dict[str, int]:
        """Runs that each resource of `node` would allow."""
        return {name: (per_gpus if name == "gpu" else self._per_cores)(amount, node.has.get(name.upper(), 0)) for name, amount in self.wanted.items()}

    def _per_cores(self, cpu: float, cores: float) -> int:
        """Runs on cores alone that share one are no faster together; those on a GPU need it to launch work alone."""
        return floor(cores / (cpu if "gpu" in self.wanted else max(1.0, cpu)) + CLOSE)

    def warnings(self, n_runs: int) -> Iterable[str]:
        """What `n_runs` runs would leave unused."""
        gpu = self.wanted.get("gpu", 0)
        if not gpu:
            return
        if gpu > 1:
            yield f"gpu {gpu:g}: a run trains on one GPU, the others that it holds stay idle; write resources.gpu=1"
        each = floor(1 / gpu + CLOSE)
        if each and 1 - each * gpu > LEFT_OVER:
            yield (
                f"gpu {gpu:g} puts {each} run{'s' if each > 1 else ''} on a GPU and leaves {1 - each * gpu:.0%} of it unused: resources.gpu={share(each):g} "
                "puts as many there, each with more memory"
            )
        cores, gpus = self._allowed("cpu"), self._allowed("gpu")
        if cores < min(gpus, n_runs):
            yield (
                f"cores allow {cores} run{'s' if cores != 1 else ''} at a time where GPUs would hold {gpus}: a larger resources.gpu gives each more memory, "
                "a smaller resources.cpu more runs"
            )


def per_gpus(gpu: float, devices: float) -> int:
    """Runs on `devices` whole GPUs: a fraction is of one of them, and what is left of each is of no use to others of the same size."""
    return floor(devices) * floor(1 / gpu + CLOSE) if gpu <= 1 else floor(devices / gpu)


def share(runs: int) -> float:
    """The largest fraction of a GPU that Ray gives to `runs` runs at once."""
    return floor(STEPS / runs) / STEPS
