"""What is measured of a composition run. One member, one file, one line below; rows hold the columns in this order."""

from lal.composition.metrics.accuracy import Accuracy
from lal.composition.metrics.loss import Loss
from lal.composition.metrics.mixing import Mixing
from lal.composition.metrics.neurons import Neurons
from lal.composition.metrics.norms import Norms
from lal.composition.metrics.spectrum import Spectrum
from lal.composition.metrics.steps import Steps
from lal.runs.metric import AnyMetric

METRICS: dict[str, AnyMetric] = {metric.name: metric for metric in (Loss(), Accuracy(), Spectrum(), Steps(), Neurons(), Mixing(), Norms())}
