"""What single hidden units have specialised in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.composition.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.composition.probe import Probe
    from lal.runs.composition import Composition

DEAD = 0.25  # norm of a unit's column of W_out below which it counts as dead


class Neurons(Metric):
    """`dead_units`: share in [0, 1] of the hidden units whose column of W_out is shorter than DEAD. `specialisation`: the median over the others of the
    largest share of a single mode in the power of that column, in (0, 1]; none where all are dead."""

    name = "neurons"

    def columns(self, run: Composition) -> tuple[str, ...]:
        return ("specialisation", "dead_units")

    def values(self, probe: Probe) -> dict[str, Any]:
        power = probe.column_power
        total = power.sum(1)
        alive = total >= DEAD**2
        share = power[alive].amax(1) / total[alive]
        return {"specialisation": share.quantile(0.5).item() if len(share) else None, "dead_units": 1 - alive.double().mean().item()}
