"""Which modes of the template have been learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lal.composition.metrics.metric import Metric

if TYPE_CHECKING:
    from lal.composition.probe import Probe
    from lal.runs.composition import Composition

LISTED = 64  # strongest modes of a template that have numbers of their own
LEARNED = 0.5  # share of a mode's power that outputs are still off by, below which it counts as learned


class Spectrum(Metric):
    """The power of the learned function in each of the template's modes, by falling power of the template: at most LISTED of them.

    `mode_power`: list, mean power of the last output over the evaluated tuples; the template's own when it is learned. `off_power`: in all other modes.
    `mode_error`: list, mean power of (output - target), as a share of the template's power: 1 when nothing is learned, 0 when all is. Weighted by the
    template's power and added up, it is the loss. `learned_modes`: how many are below LEARNED.
    """

    name = "spectrum"

    def columns(self, run: Composition) -> tuple[str, ...]:
        return ("mode_power", "mode_error", "off_power", "learned_modes")

    def values(self, probe: Probe) -> dict[str, Any]:
        import torch

        template, found = probe.reader.template, probe.test
        modes = torch.from_numpy(template.staircase.modes[:LISTED].copy())
        error = found.error[modes] / torch.from_numpy(template.power)[modes]
        power = found.power[modes]
        return {
            "mode_power": power.tolist(),
            "mode_error": error.tolist(),
            "off_power": (found.power.sum() - power.sum()).clamp(min=0).item(),
            "learned_modes": int((error < LEARNED).sum()),
        }
