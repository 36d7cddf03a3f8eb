"""What every metric of composition runs offers. Torch-free; the network is reached through a `Probe`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lal.runs.metric import MetricOf

if TYPE_CHECKING:
    from lal.composition.probe import Probe
    from lal.runs.composition import Composition

    Metric = MetricOf[Composition, Probe]
else:
    Metric = MetricOf
