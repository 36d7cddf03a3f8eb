"""How large the weights are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric
from lal.models.model import ROLES

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class WeightNorm(Metric):
    """`weight_norm`: Euclidean norm of all parameters together; `weight_norm/<tensor>`: of each by itself; `role_norm/<role>`: of those of one role.

    Layers that are not there yet are left out.

    `logit_scale`: root of the mean over training rows of the variance of a row's logits over the classes: what the softmax sees of their size.
    """

    name = "weight_norm"

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("weight_norm", *(f"role_norm/{role}" for role in ROLES if role in run.model.roles), "logit_scale")

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        names, parameters = zip(*probe.network.present_parameters().items(), strict=True)
        norms = torch.stack([torch.linalg.vector_norm(parameter) for parameter in parameters])
        each = {f"weight_norm/{name}": norm for name, norm in zip(names, norms.tolist(), strict=True)}
        roles = probe.network.roles()
        of_role = {f"role_norm/{role}": [norm for name, norm in zip(names, norms, strict=True) if roles[name] == role] for role in ROLES}
        together = {column: torch.stack(found).norm().item() for column, found in of_role.items() if column in self.columns(probe.run)}
        return {"weight_norm": norms.norm().item(), **together, **each, "logit_scale": logit_scale(probe)}


def logit_scale(probe: Probe) -> float:
    """See `WeightNorm`."""
    import torch

    from lal.metrics.probe import CHUNK_ROWS

    train, total = probe.data.train, 0.0
    for rows in train.split(CHUNK_ROWS):
        logits = probe.logits(rows)
        total += torch.linalg.vector_norm(logits - logits.mean(1, keepdim=True)).item() ** 2
    return (total / (len(train) * probe.run.task.n_classes)) ** 0.5
