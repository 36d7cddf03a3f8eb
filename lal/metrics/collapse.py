"""Where rounding has taken the gradient away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised


class SoftmaxCollapse(Metric):
    """`collapsed_share`: share of training rows, in [0, 1], where the sum of exp(logit - largest logit) is exactly 1 in the working precision.

    There the loss of a right answer and its gradient are exactly 0: nothing more is learned from the row (Prieto et al. 2025,
    arXiv 2501.04697). The sum is the one that the loss itself makes: 1 just where the largest log-probability is 0.
    """

    name = "collapse"

    def columns(self, run: Supervised) -> tuple[str, ...]:
        return ("collapsed_share",) if run.loss == "cross_entropy" else ()

    def values(self, probe: Probe) -> dict[str, Any]:
        from lal.metrics.probe import CHUNK_ROWS

        train = probe.data.train
        collapsed = sum(int((probe.logits(rows).log_softmax(1).amax(1) == 0).sum()) for rows in train.split(CHUNK_ROWS))
        return {"collapsed_share": collapsed / len(train)}
