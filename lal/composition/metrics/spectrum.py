"""Which modes of the template have been learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.composition.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.composition.probe import Probe
    from lal.runs.composition import Composition

LISTED = 64  # strongest modes of a template that have numbers of their own


class Spectrum(Metric):
    """The power of the learned function in each of the template's modes, by falling power of the template: at most LISTED of them.

    `mode_power`: list, mean power of the last output over the evaluated tuples; the template's own when it is learned. `off_power`: in all that are
    not listed; where the template has no more than LISTED modes, power that does not belong there. `mode_error`: list, mean power of (output - target), as a
    share of the template's power: 1 when nothing is learned, 0 when all is. `learned_modes`: how many are, by `lal.groups.staircase.learned`.

    Of a template of at most LISTED modes P_m: |G| times the loss of the last output is sum_m P_m mode_error_m + off_power. Of one with more, the error in the
    others is in the loss, and the power in them in `off_power`.
    """

    name = "spectrum"

    def columns(self, run: Composition) -> tuple[str, ...]:
        return ("mode_power", "mode_error", "off_power", "learned_modes")

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        from lal.groups.staircase import learned

        template, found = probe.reader.template, probe.test
        modes = torch.from_numpy(template.staircase.modes[:LISTED].copy())
        own = torch.from_numpy(template.power)[modes]
        error, power = found.error[modes] / own, found.power[modes]
        return {
            "mode_power": power.tolist(),
            "mode_error": error.tolist(),
            "off_power": (found.power.sum() - power.sum()).clamp(min=0).item(),
            "learned_modes": int(learned((power / own).numpy(), error.numpy()).sum()),
        }
