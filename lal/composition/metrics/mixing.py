"""Whether the recurrent matrix keeps modes apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.composition.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.composition.probe import Probe
    from lal.runs.composition import Composition

DEAD = 0.1  # norm of a unit's column of W_out below which it is left out


class Mixing(Metric):
    """`mix_share`: share, in [0, 1], of the energy of W_mix between living units that lies between units of the same dominant mode, the one with most power
    in a unit's column of W_out. `mix_chance`: the share of such pairs among all pairs: what a matrix without structure would have. None where all are dead.
    """

    name = "mixing"

    def columns(self, run: Composition) -> tuple[str, ...]:
        return ("mix_share", "mix_chance") if run.model.recurrent and run.task.k > 2 else ()

    def values(self, probe: Probe) -> dict[str, Any]:
        power = probe.column_power
        alive = power.sum(1) >= DEAD**2
        if not alive.any():
            return {"mix_share": None, "mix_chance": None}
        dominant = power[alive].argmax(1)
        same = (dominant[:, None] == dominant).double()
        mix = dict(probe.network.named_parameters())["w_mix"].detach().double().cpu()[alive][:, alive].square()
        return {"mix_share": ((mix * same).sum() / mix.sum()).item(), "mix_chance": same.mean().item()}
