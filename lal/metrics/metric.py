"""What every metric of supervised runs offers. Torch-free; the network is reached through a `Probe`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lal.runs.metric import MetricOf

if TYPE_CHECKING:
    from lal.metrics.probe import Probe
    from lal.runs.supervised import Supervised

    Metric = MetricOf[Supervised, Probe]
else:
    Metric = MetricOf
