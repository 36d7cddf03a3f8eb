"""How large the weights are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class WeightNorm(Metric):
    """`weight_norm`: Euclidean norm of all parameters together; `weight_norm/<tensor>`: of each by itself."""

    name = "weight_norm"

    def applies(self, run: Supervised) -> bool:
        return True

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("weight_norm",)

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        names, parameters = zip(*probe.network.named_parameters(), strict=True)
        norms = torch.stack([torch.linalg.vector_norm(parameter) for parameter in parameters])
        each = {f"weight_norm/{name}": norm for name, norm in zip(names, norms.tolist(), strict=True)}
        return {"weight_norm": norms.norm().item(), **each}
