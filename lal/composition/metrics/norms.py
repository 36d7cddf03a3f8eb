"""How large the weights are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.composition.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.composition.probe import Probe
    from lal.runs.composition import Composition


class Norms(Metric):
    """`weight_norm`: Euclidean norm of all parameters together; `weight_norm/<tensor>`: of each by itself."""

    name = "norms"

    def columns(self, run: Composition) -> tuple[str, ...]:
        return ("weight_norm",)

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        norms = {name: torch.linalg.vector_norm(each.detach()) for name, each in probe.network.named_parameters()}
        return {"weight_norm": torch.stack([*norms.values()]).norm().item(), **{f"weight_norm/{name}": norm.item() for name, norm in norms.items()}}
